"""Customers from all of their events, walked through moment by moment, with their classes by survey."""

from collections.abc import Iterable
from copy import copy
from fractions import Fraction
from typing import Any, NamedTuple

from tests.definitions.joined_answers import CountingAnswer
from tests.definitions.joined_events import CUSTOMERS, JoinedEvent

CLASSES = {
    "nps": ("promoter", "passive", "detractor", "none"),
    "csat": ("satisfied", "dissatisfied", "none"),
}
DIMENSIONS = ("channel", "touchpoint", "team", "priority", "plan")
FOREVER = 1 << 62
_LIFE = ("activated", "changed", "churned", "notice", "no_notice")


class Step(NamedTuple):
    """A moment in ms at which something is known of a customer, with the state before and after all of it."""

    at: int
    was_active: bool
    is_active: bool
    is_churn: bool
    class_before: str
    class_after: str

    @property
    def is_entry(self) -> bool:
        """Return whether a life begins, or its class changes, up to and with its end."""
        begins = not self.was_active and (self.is_active or self.is_churn)
        return begins or (self.was_active and self.class_before != self.class_after)


class Purchase(NamedTuple):
    """A purchase, or a refund with a negative amount in minor units."""

    at: int
    amount: int
    currency: str


class WalkedCustomer:
    """One customer. `events` are those of `cx.customers` in the order of reading, `answers` those that count."""

    def __init__(
        self, name: str, events: list[JoinedEvent], answers: list[CountingAnswer], margin: Fraction
    ) -> None:
        self.name, self.answers = name, answers
        self.dimensions: dict[str, str] = {}
        self.margin = self._default_margin = margin
        self._life = [event for event in without_duplicates(events) if event.kind in _LIFE]
        self.purchases = [purchase(event) for event in without_duplicates(events) if is_money(event)]
        self.was_ever_active = any(event.kind == "activated" for event in self._life)
        self.churns: list[int] = []
        self.decisions: list[int] = []
        """When each finished life decided to leave, in ms. Not every one did."""
        self.notice_at: int | None = None
        """The notice of the present life that stands."""
        self.is_active = False
        self.steps = self._walk()

    def class_at(self, survey: str, at: int) -> str:
        """Return the class by the newest answer up to and with a moment."""
        known = [answer for answer in self.answers if answer.survey == survey and answer.moment <= at]
        newest = max(known, key=lambda answer: answer.order, default=None)
        return str(newest.answer_class) if newest else "none"

    def all_decisions(self) -> list[int]:
        """Return the decisions to leave, that of the present life included."""
        return self.decisions + ([] if self.notice_at is None else [self.notice_at])

    def is_active_before(self, start: int) -> bool:
        """Return whether the customer is active just before a time."""
        earlier = [step for step in self.steps["nps"] if step.at < start]
        return bool(earlier) and earlier[-1].is_active

    def exposures(self, survey: str, survey_class: str, start: int, end: int) -> int:
        """Return how often the customer is exposed: in the class just before the start, and entering it."""
        at_start = self.is_active_before(start) and self.class_at(survey, start - 1) == survey_class
        entries = [
            step
            for step in self.steps[survey]
            if step.is_entry and step.class_after == survey_class and start <= step.at < end
        ]
        return at_start + len(entries)

    def finished(self) -> "WalkedCustomer":
        """Return what an erasure leaves: everything but the present life."""
        left = copy(self)
        left.is_active = False
        left.notice_at = None
        if self.is_active:
            start = max(step.at for step in self.steps["nps"] if not step.was_active and step.is_active)
            left.steps = {
                survey: [
                    step._replace(was_active=False, is_active=False) if step.at >= start else step
                    for step in steps
                ]
                for survey, steps in self.steps.items()
            }
        return left

    def _walk(self) -> dict[str, list[Step]]:
        """Return the steps by survey, and set the state at the end."""
        steps: dict[str, list[Step]] = {survey: [] for survey in CLASSES}
        moments = {event.at for event in self._life} | {answer.moment for answer in self.answers}
        for at in sorted(moments):
            was_active = self.is_active
            is_churn = self._live_through([event for event in self._life if event.at == at])
            if is_churn:
                self.churns.append(at)
            for survey in CLASSES:
                classes = self.class_at(survey, at - 1), self.class_at(survey, at)
                steps[survey].append(Step(at, was_active, self.is_active, is_churn, *classes))
        return steps

    def _live_through(self, events: list[JoinedEvent]) -> bool:
        """Take all life events of one moment. Return whether the customer churns."""
        kinds = {event.kind for event in events}
        was_active = self.is_active
        is_switch = was_active and {"activated", "churned"} <= kinds
        self.is_active = was_active or "activated" in kinds
        is_churn = self.is_active and "churned" in kinds and not is_switch
        self._decide(events, is_churn=is_churn)
        if is_churn:
            self.is_active = False
        for kind in ("activated", "changed"):
            for event in sorted(events, key=lambda event: event.id):
                if event.kind == kind:
                    self._set_attributes(event)
        return is_churn

    def _decide(self, events: list[JoinedEvent], *, is_churn: bool) -> None:
        """Take the notices of a moment, and what takes them back."""
        by_kind = {event.kind: event for event in events}
        if "activated" in by_kind:
            self.notice_at = None
        if is_churn:
            if self.notice_at is not None:
                self.decisions.append(self.notice_at)
            elif by_kind["churned"].data.get("voluntary", True):
                self.decisions.append(by_kind["churned"].at)
            self.notice_at = None
        elif "no_notice" in by_kind:
            self.notice_at = None
        elif "notice" in by_kind and self.is_active and self.notice_at is None:
            self.notice_at = by_kind["notice"].at

    def _set_attributes(self, event: JoinedEvent) -> None:
        if event.kind == "activated":
            self.dimensions, self.margin = {}, self._default_margin
        self.dimensions |= {name: event.data[name].strip() for name in DIMENSIONS if name in event.data}
        if "margin_rate" in event.data:
            self.margin = Fraction(round(event.data["margin_rate"] * 10_000), 10_000)


def is_money(event: JoinedEvent) -> bool:
    return event.kind in ("bought", "refunded")


def purchase(event: JoinedEvent) -> Purchase:
    sign = 1 if event.kind == "bought" else -1
    return Purchase(event.at, sign * event.data["amount_minor"], event.data["currency"])


def natural_key(event: JoinedEvent) -> Any:
    """Return the common part of two copies of one event of a customer."""
    match event.kind:
        case "bought":
            return event.kind, event.data["order_id"]
        case "refunded":
            return event.kind, event.data["refund_id"]
        case "activated" | "changed":
            return event.kind, event.at, tuple(sorted(event.data.items()))
    return event.kind, event.at


def without_duplicates(events: Iterable[JoinedEvent]) -> list[JoinedEvent]:
    """Return the events of one customer without those whose natural key was read before."""
    first_read: dict[Any, JoinedEvent] = {}
    for event in events:
        first_read.setdefault(natural_key(event), event)
    return list(first_read.values())


def walked_customers(
    events: Iterable[JoinedEvent], answers: list[CountingAnswer], margin: Fraction
) -> list[WalkedCustomer]:
    """Return everybody that an event of `cx.customers` or an answer names."""
    by_customer: dict[str, list[JoinedEvent]] = {answer.customer: [] for answer in answers}
    for event in events:
        if event.kind in CUSTOMERS:
            by_customer.setdefault(event.data["customer_id"], []).append(event)
    return [
        WalkedCustomer(name, events, [answer for answer in answers if answer.customer == name], margin)
        for name, events in by_customer.items()
    ]
