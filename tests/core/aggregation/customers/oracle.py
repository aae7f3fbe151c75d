"""Customer figures recomputed from all events by the words of the contract, sharing nothing with the core.

An event is a plain dictionary: `kind`, `who`, `at` (ms), `id`, and what that kind has.
"""

from collections import Counter
from fractions import Fraction
from typing import Any

EXPONENT = {"EUR": 2, "JPY": 0}
COHORTS = ("all", "responder", "other")
Happened = dict[str, Any]


class Person:
    """One customer, from all that ever happened to them."""

    def __init__(self, events: list[Happened], margin: Fraction) -> None:
        life = sorted(
            (e for e in events if e["kind"] in ("on", "notice", "off")), key=lambda e: (e["at"], e["id"])
        )
        self.lives: list[list[Any]] = []
        self.churns: list[Happened] = []
        self.ignored = 0
        self.dims: dict[str, str] = {}
        self.margin = margin
        for e in life:
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
        self.scheduled = self.active and life[-1]["kind"] == "notice"
        self.cohort = "responder" if any(e["kind"] == "responded" for e in events) else "other"
        self.money = [e for e in events if e["kind"] in ("buy", "refund")]
        self.referrals = [e for e in events if e["kind"] in ("sent", "converted", "reversed")]
        gone = {e["one"] for e in self.referrals if e["kind"] == "reversed"}
        self.standing = [e for e in self.referrals if e["kind"] == "converted" and e["one"] not in gone]

    def there(self, moment: int) -> bool:
        """Whether they are a customer just before a moment."""
        return any(start < moment and (end is None or end >= moment) for start, end in self.lives)

    def lost(self, start: int) -> bool:
        """Whether they are one just before `start` and churn from then on."""
        return self.there(start) and any(end is not None and end >= start for _, end in self.lives)

    def net(self, currency: str, start: int = -(1 << 62), end: int = 1 << 62) -> tuple[int, int]:
        """Minor units and number of purchases and refunds in a stretch of time."""
        inside = [e for e in self.money if e["currency"] == currency and start <= e["at"] < end]
        return sum(e["amount"] if e["kind"] == "buy" else -e["amount"] for e in inside), len(inside)


def people(history: list[Happened], margin: Fraction = Fraction(1)) -> list[Person]:
    """Everybody, each event once."""
    by_person: dict[str, dict[Any, Happened]] = {}
    for e in history:
        natural = ("responded",) if e["kind"] == "responded" else (e["kind"], e.get("one") or e["id"])
        by_person.setdefault(e["who"], {}).setdefault(natural, e)
    return [Person(list(events.values()), margin) for events in by_person.values()]


def figures(crowd: list[Person], now: int, span: int, where: dict[str, str]) -> dict[tuple[str, ...], float]:
    """What is to be shown for a window of `span` ms at `now` and one label set."""
    crowd = [p for p in crowd if all(p.dims.get(k) == v for k, v in where.items())]
    step = 60_000 if span <= 3_600_000 else 900_000 if span <= 86_400_000 else 3_600_000
    end = now // step * step + step
    start = end - span
    month = now // 3_600_000 * 3_600_000 + 3_600_000 - 30 * 86_400_000
    out: dict[tuple[str, ...], Any] = {}
    active = [p for p in crowd if p.active]
    opening = [p for p in crowd if p.there(start)]
    churns = [e for p in crowd for e in p.churns if start <= e["at"] < end]
    if opening:
        lost = Fraction(sum(p.lost(start) for p in opening), len(opening))
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
    out["cx_cancel_scheduled_customers",] = sum(p.scheduled for p in crowd)
    out["cx_churn_ignored_total",] = sum(p.ignored for p in crowd)
    referrers = sum(any(e["at"] >= start for e in p.standing) for p in crowd)
    out["cx_referrers",] = referrers
    if active:
        out["cx_referral_ratio",] = Fraction(referrers, len(active))
    for state in ("sent", "converted", "reversed"):
        out["cx_referrals", state] = sum(
            e["kind"] == state and start <= e["at"] < end for p in crowd for e in p.referrals
        )
    for cohort in COHORTS:
        _value(out, crowd, cohort, (start, end), month)
    return {name: float(value) for name, value in out.items()}


def _value(
    out: dict[tuple[str, ...], Any], crowd: list[Person], cohort: str, window: tuple[int, int], month: int
) -> None:
    members = [p for p in crowd if cohort in ("all", p.cohort)]
    active = [p for p in members if p.active]
    opening = [p for p in members if p.there(month)]
    out["cx_clv_customers", cohort] = len(active)
    for currency, digits in EXPONENT.items():
        unit = 10**digits
        if any(p.net(currency, *window)[1] for p in crowd):
            out["cx_revenue", currency] = Fraction(sum(p.net(currency, *window)[0] for p in crowd), unit)
            if active:
                added = sum(p.net(currency, *window)[0] * p.margin for p in members)
                out["cx_clv_added_mean", cohort, currency] = added / unit / len(active)
        if active and any(p.net(currency)[1] for p in crowd if p.active):
            total = sum(p.net(currency)[0] * p.margin for p in active)
            out["cx_clv_historical_mean", cohort, currency] = total / unit / len(active)
        # the present hour is the last of the month
        last = month + 30 * 86_400_000
        if active and opening and any(p.net(currency, month, last)[1] for p in members):
            mean = sum(p.net(currency, month, last)[0] * p.margin for p in members) / unit / len(active)
            churn = Fraction(sum(p.lost(month) for p in opening), len(opening))
            out["cx_clv_predicted", cohort, currency] = mean * (min(1 / churn, 36) if churn else 36)
