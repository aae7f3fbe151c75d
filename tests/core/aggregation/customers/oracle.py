"""Customer figures recomputed from all events by the definitions in the contract. Nothing is shared with the core.

An event is a dictionary with `kind`, `customer`, `at` (ms), `id` and the fields of its kind.
"""

from collections import Counter
from fractions import Fraction
from typing import Any

EXPONENT = {"EUR": 2, "JPY": 0}
COHORTS = ("all", "responder", "other")
OracleEvent = dict[str, Any]


class Customer:
    """One customer, computed from all its events."""

    def __init__(self, events: list[OracleEvent], margin: Fraction) -> None:
        life_events = sorted(
            (e for e in events if e["kind"] in ("on", "notice", "off")), key=lambda e: (e["at"], e["id"])
        )
        self.lives: list[list[Any]] = []
        self.churns: list[OracleEvent] = []
        self.ignored = 0
        self.dims: dict[str, str] = {}
        self.margin = margin
        for e in life_events:
            on = bool(self.lives) and self.lives[-1][1] is None
            if e["kind"] == "on":
                self.dims = e["dims"]
                self.margin = margin if e["margin"] is None else Fraction(round(e["margin"] * 10_000), 10_000)
                if not on:
                    self.lives.append([e["at"], None])
            elif e["kind"] == "off" and on:
                self.lives[-1][1] = e["at"]
                self.churns.append(e)
            elif e["kind"] == "off":
                self.ignored += 1
        self.active = bool(self.lives) and self.lives[-1][1] is None
        self.scheduled = self.active and life_events[-1]["kind"] == "notice"
        self.cohort = "responder" if any(e["kind"] == "responded" for e in events) else "other"
        self.money = [e for e in events if e["kind"] in ("buy", "refund")]
        self.referrals = [e for e in events if e["kind"] in ("sent", "converted", "reversed")]
        reversed_ids = {e["referral"] for e in self.referrals if e["kind"] == "reversed"}
        self.conversions = [
            e for e in self.referrals if e["kind"] == "converted" and e["referral"] not in reversed_ids
        ]

    def is_active_before(self, moment: int) -> bool:
        """Return True if the customer was active just before a moment."""
        return any(start < moment and (end is None or end >= moment) for start, end in self.lives)

    def churned_from(self, start: int) -> bool:
        """Return True if the customer was active just before `start` and churned later."""
        return self.is_active_before(start) and any(end is not None and end >= start for _, end in self.lives)

    def net_revenue(self, currency: str, start: int = -(1 << 62), end: int = 1 << 62) -> tuple[int, int]:
        """Return the net revenue in minor units, and the number of purchases and refunds, of a period."""
        inside = [e for e in self.money if e["currency"] == currency and start <= e["at"] < end]
        return sum(e["amount"] if e["kind"] == "buy" else -e["amount"] for e in inside), len(inside)


def customers(history: list[OracleEvent], margin: Fraction = Fraction(1)) -> list[Customer]:
    """Return all customers, with each event once."""
    by_customer: dict[str, dict[Any, OracleEvent]] = {}
    for e in history:
        natural_key = (
            ("responded",) if e["kind"] == "responded" else (e["kind"], e.get("referral") or e["id"])
        )
        by_customer.setdefault(e["customer"], {}).setdefault(natural_key, e)
    return [Customer(list(events.values()), margin) for events in by_customer.values()]


def figures(
    customers: list[Customer], now: int, span: int, label_values: dict[str, str]
) -> dict[tuple[str, ...], float]:
    """Return the expected figures of a window of `span` ms at `now` for one label set."""
    customers = [p for p in customers if all(p.dims.get(k) == v for k, v in label_values.items())]
    step = 60_000 if span <= 3_600_000 else 900_000 if span <= 86_400_000 else 3_600_000
    end = now // step * step + step
    start = end - span
    month_start = now // 3_600_000 * 3_600_000 + 3_600_000 - 30 * 86_400_000
    out: dict[tuple[str, ...], Any] = {}
    active = [p for p in customers if p.active]
    opening = [p for p in customers if p.is_active_before(start)]
    churns = [e for p in customers for e in p.churns if start <= e["at"] < end]
    if opening:
        lost = Fraction(sum(p.churned_from(start) for p in opening), len(opening))
        new = sum(p.lives[-1][0] >= start for p in active)
        out["cx_churn_ratio", "cohort"] = lost
        out["cx_churn_ratio", "seed"] = Fraction(len(churns), len(opening))
        out["cx_retention_ratio", "cohort"] = Fraction(len(active) - new, len(opening))
        out["cx_retention_ratio", "seed"] = Fraction(len(active), len(opening))
        assert out["cx_retention_ratio", "cohort"] == 1 - lost
    for reason, n in Counter(e["reason"] or "unknown" for e in churns).items():
        out["cx_churned_customers", reason] = n
    for voluntary in (True, False):
        n = sum(e["voluntary"] is voluntary for e in churns)
        out["cx_churned_voluntary_customers", str(voluntary).lower()] = n
    out["cx_opening_customers",] = len(opening)
    out["cx_active_customers",] = len(active)
    out["cx_cancel_scheduled_customers",] = sum(p.scheduled for p in customers)
    out["cx_churn_ignored_total",] = sum(p.ignored for p in customers)
    referrers = sum(any(e["at"] >= start for e in p.conversions) for p in customers)
    out["cx_referrers",] = referrers
    if active:
        out["cx_referral_ratio",] = Fraction(referrers, len(active))
    for state in ("sent", "converted", "reversed"):
        out["cx_referrals", state] = sum(
            e["kind"] == state and start <= e["at"] < end for p in customers for e in p.referrals
        )
    for cohort in COHORTS:
        add_clv_figures(out, customers, cohort, (start, end), month_start)
    return {name: float(value) for name, value in out.items()}


def add_clv_figures(
    out: dict[tuple[str, ...], Any],
    customers: list[Customer],
    cohort: str,
    window: tuple[int, int],
    month_start: int,
) -> None:
    members = [p for p in customers if cohort in ("all", p.cohort)]
    active = [p for p in members if p.active]
    opening = [p for p in members if p.is_active_before(month_start)]
    out["cx_clv_customers", cohort] = len(active)
    for currency, digits in EXPONENT.items():
        unit = 10**digits
        if any(p.net_revenue(currency, *window)[1] for p in customers):
            out["cx_revenue", currency] = Fraction(
                sum(p.net_revenue(currency, *window)[0] for p in customers), unit
            )
            if active:
                added = sum(p.net_revenue(currency, *window)[0] * p.margin for p in members)
                out["cx_clv_added_mean", cohort, currency] = added / unit / len(active)
        if active and any(p.net_revenue(currency)[1] for p in customers if p.active):
            total = sum(p.net_revenue(currency)[0] * p.margin for p in active)
            out["cx_clv_historical_mean", cohort, currency] = total / unit / len(active)
        # the present hour is the last of the month
        last = month_start + 30 * 86_400_000
        if active and opening and any(p.net_revenue(currency, month_start, last)[1] for p in members):
            mean = (
                sum(p.net_revenue(currency, month_start, last)[0] * p.margin for p in members)
                / unit
                / len(active)
            )
            churn = Fraction(sum(p.churned_from(month_start) for p in opening), len(opening))
            out["cx_clv_predicted", cohort, currency] = mean * (min(1 / churn, 36) if churn else 36)
