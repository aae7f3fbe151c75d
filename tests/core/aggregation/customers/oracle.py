"""Customer figures recomputed from all events by the definitions in the contract. Nothing is shared with the core.

An event is a dictionary with `kind`, `customer`, `at` (ms), `id` and the fields of its kind.
"""

from collections import Counter
from fractions import Fraction
from typing import Any

EXPONENT = {"EUR": 2, "JPY": 0}
COHORTS = ("all", "responder", "other")
OracleEvent = dict[str, Any]


LIFE = ("on", "off", "notice", "withdraw", "update")


class Customer:
    """One customer, computed from all its events."""

    def __init__(self, events: list[OracleEvent], margin: Fraction) -> None:
        self.lives: list[list[Any]] = []
        self.churns: list[OracleEvent] = []
        self.ignored: list[OracleEvent] = []
        self.dims: dict[str, str] = {}
        self.margin = margin
        self.noticed = False
        self.decisions: list[int] = []
        """Times of the decisions to leave: one of each life at most."""
        self.notice_at: int | None = None
        """Time of the notice that stands in the present life."""
        self.ever_activated = any(e["kind"] == "on" for e in events)
        life_events = [e for e in events if e["kind"] in LIFE]
        for at in sorted({e["at"] for e in life_events}):
            self.live_through({k: by_id(life_events, k, at) for k in LIFE}, margin)
        self.active = self.is_active()
        if self.notice_at is not None:
            self.decisions.append(self.notice_at)
        self.scheduled = self.active and self.noticed
        self.cohort = "responder" if any(e["kind"] == "responded" for e in events) else "other"
        self.money = [e for e in events if e["kind"] in ("buy", "refund")]
        self.referrals = [e for e in events if e["kind"] in ("sent", "converted", "reversed")]
        reversed_ids = {e["referral"] for e in self.referrals if e["kind"] == "reversed"}
        self.conversions = [
            e for e in self.referrals if e["kind"] == "converted" and e["referral"] not in reversed_ids
        ]

    def is_active(self) -> bool:
        return bool(self.lives) and self.lives[-1][1] is None

    def live_through(self, moment: dict[str, list[OracleEvent]], margin: Fraction) -> None:
        """Take all life events of one moment."""
        was_active, ons, offs = self.is_active(), moment["on"], moment["off"]
        if ons:
            self.notice_at = None
        if ons and not was_active:
            self.lives.append([ons[0]["at"], None])
        if offs and not (ons and was_active):
            if self.is_active():
                self.lives[-1][1] = offs[0]["at"]
                self.churns.append(offs[0])
                if self.notice_at is not None or offs[0]["voluntary"]:
                    self.decisions.append(offs[0]["at"] if self.notice_at is None else self.notice_at)
                self.notice_at = None
            else:
                self.ignored.append(offs[0])
        for e in ons:
            self.dims, self.margin = dict(e["dims"]), margin
            self.set_margin(e)
        for e in moment["update"]:
            self.dims |= e["dims"]
            self.set_margin(e)
        if ons or offs or moment["notice"] or moment["withdraw"]:
            self.noticed = bool(moment["notice"]) and not moment["withdraw"]
        if moment["notice"] and self.is_active() and self.notice_at is None:
            self.notice_at = moment["notice"][0]["at"]
        if moment["withdraw"]:
            self.notice_at = None

    def set_margin(self, e: OracleEvent) -> None:
        if e["margin"] is not None:
            self.margin = Fraction(round(e["margin"] * 10_000), 10_000)

    def matches(self, label_values: dict[str, str], *, money: bool = False) -> bool:
        """Return whether the dimensions are these. Somebody never activated has some for money only."""
        dims = self.dims if self.ever_activated or money else {}
        return all(dims.get(k) == v for k, v in label_values.items())

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


def by_id(events: list[OracleEvent], kind: str, at: int) -> list[OracleEvent]:
    """Return the events of a kind at a moment, sorted by ID."""
    return sorted((e for e in events if (e["kind"], e["at"]) == (kind, at)), key=lambda e: e["id"])


def natural_key(e: OracleEvent) -> tuple[Any, ...]:
    """Return what two copies of one event have in common. Their IDs may differ."""
    match e["kind"]:
        case "on" | "update":
            return e["kind"], e["at"], e["margin"], tuple(sorted(e["dims"].items()))
        case "off" | "notice" | "withdraw":
            return e["kind"], e["at"]
        case "responded":
            return ("responded",)
    return e["kind"], e.get("referral") or e["order"]


def customers(history: list[OracleEvent], margin: Fraction = Fraction(1)) -> list[Customer]:
    """Return all customers, with each event once."""
    by_customer: dict[str, dict[Any, OracleEvent]] = {}
    for e in history:
        if e["kind"] != "ticket":
            by_customer.setdefault(e["customer"], {}).setdefault(natural_key(e), e)
    return [Customer(list(events.values()), margin) for events in by_customer.values()]


def figures(
    customers: list[Customer], now: int, span: int, label_values: dict[str, str]
) -> dict[tuple[str, ...], float]:
    """Return the expected figures of a window of `span` ms at `now` for one label set."""
    spenders = [p for p in customers if p.matches(label_values, money=True)]
    customers = [p for p in customers if p.matches(label_values)]
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
    out["cx_leaving_customers",] = sum(start <= at < end for p in customers for at in p.decisions)
    out["cx_churn_ignored",] = sum(start <= e["at"] < end for p in customers for e in p.ignored)
    referrers = sum(any(e["at"] >= start for e in p.conversions) for p in customers)
    out["cx_referrers",] = referrers
    if active:
        out["cx_referral_ratio",] = Fraction(referrers, len(active))
    for state in ("sent", "converted", "reversed"):
        out["cx_referrals", state] = sum(
            e["kind"] == state and start <= e["at"] < end for p in customers for e in p.referrals
        )
    for cohort in COHORTS:
        add_clv_figures(out, spenders, cohort, (start, end), month_start)
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
