"""The events of simulated traffic as publishers send them."""

from collections.abc import Iterator
from itertools import count
from typing import Any, Literal

import numpy as np

from schemas.customers import CancelScheduled, CustomerActivated, CustomerChurned
from schemas.feedback import FeedbackOffered, FeedbackSubmitted
from schemas.tickets import InteractionHandled, TicketCreated, TicketMessage, TicketStatus
from schemas.times import from_ms
from tests.bench.alerts.rates import CHANNEL_SHARES, CHANNELS, TOUCHPOINT_SHARES, TOUCHPOINTS, Events
from tests.bench.alerts.special_days import DAY
from tests.bench.alerts.surveys import CSAT, NPS
from tests.bench.alerts.traffic import ANNOUNCED, INVOLUNTARY, Traffic
from tests.support import Event

ORIGIN = 1_790_000_000 // (7 * DAY) * 7 * DAY + 4 * DAY
"""A Monday, in seconds since the epoch: day 0 of the traffic."""
SCORES = {NPS: (3, 7, 10), CSAT: (2, 5)}
"""Scores by class: detractor, passive, promoter; unsatisfied, satisfied."""


def published(traffic: Traffic, customers: int) -> list[Event]:
    """Return the events in the order of their times. Every customer is active from 60 days before day 0."""
    ids = count()

    def event(data: object, at: float) -> Event:
        time = round((ORIGIN + at) * 1000)
        return Event(data, time, time, f"e{next(ids):08}")

    parts = (_leavers(traffic, customers), _tickets(traffic), _calls(traffic), _surveys(traffic))
    events = [event(data, at) for part in parts for data, at in part]
    return sorted(events, key=lambda event: (event.stamp, event.id))


Timed = Iterator[tuple[object, float]]


def _rows(events: Events) -> Iterator[dict[str, float]]:
    for values in zip(*events.values(), strict=True):
        yield dict(zip(events, (value.item() for value in values), strict=True))


def _where(row: dict[str, float]) -> dict[str, Any]:
    return {"channel": CHANNELS[int(row["channel"])], "touchpoint": TOUCHPOINTS[int(row["touchpoint"])]}


def _leavers(traffic: Traffic, customers: int) -> Timed:
    """Yield activations, notices and churns. A leaver is a customer with the channel and touchpoint of the churn."""
    random = np.random.default_rng(1)
    active: dict[tuple[str, ...], list[str]] = {}
    for number in range(customers):
        labels = _where(
            {
                "channel": random.choice(6, p=CHANNEL_SHARES),
                "touchpoint": random.choice(6, p=TOUCHPOINT_SHARES),
            }
        )
        active.setdefault(tuple(labels.values()), []).append(f"c{number}")
        yield CustomerActivated(customer_id=f"c{number}", **labels), -60 * DAY
    more = count()

    def leaver(row: dict[str, float]) -> Timed:
        """Yield the activation of a customer if no active one has these labels."""
        pool = active.setdefault(tuple(_where(row).values()), [])
        if not pool:
            pool.append(f"x{next(more)}")
            yield CustomerActivated(customer_id=pool[-1], **_where(row)), -60 * DAY

    for row in _rows(traffic.streams["notices"]):
        yield from leaver(row)
        customer = active[tuple(_where(row).values())].pop()
        end = from_ms(int((ORIGIN + row["end"]) * 1000))
        yield CancelScheduled(customer_id=customer, effective_at=end), row["time"]
        if row["end"] < traffic.days * DAY:
            yield CustomerChurned(customer_id=customer, voluntary=True), row["end"]
    for row in _rows(traffic.streams["churns"]):
        if row["reason"] != ANNOUNCED:
            yield from leaver(row)
            customer = active[tuple(_where(row).values())].pop()
            voluntary = row["reason"] != INVOLUNTARY
            yield CustomerChurned(customer_id=customer, voluntary=voluntary), row["time"]


def _tickets(traffic: Traffic) -> Timed:
    """Yield a ticket for each contact cycle. It is solved and reopened in no relation to the traffic."""
    for number, row in enumerate(_rows(traffic.streams["cycles"])):
        ticket, customer = f"t{number}", f"k{number}"
        yield TicketCreated(ticket_id=ticket, customer_id=customer, **_where(row)), row["time"]
        if row["reply"] < traffic.days * DAY:
            message = TicketMessage(ticket_id=ticket, message_id="m", author="agent", customer_id=customer)
            yield message, row["reply"]
    for number, row in enumerate(_rows(traffic.streams["solves"])):
        if row["time"] < traffic.days * DAY:
            yield TicketCreated(ticket_id=f"s{number}", opened_by="agent", **_where(row)), row["time"] - 1
            yield TicketStatus(ticket_id=f"s{number}", status="solved", by="agent"), row["time"]


def _calls(traffic: Traffic) -> Timed:
    for number, row in enumerate(_rows(traffic.streams["calls"])):
        call = InteractionHandled(
            interaction_id=f"i{number}", talk_s=round(row["seconds"], 3), hold_s=0, wrap_s=0, **_where(row)
        )
        yield call, row["time"]


def _surveys(traffic: Traffic) -> Timed:
    """Yield offers, and the answers that were drawn for them."""
    offers = list(_rows(traffic.streams["offers"]))
    number_of = {row["answered"]: number for number, row in enumerate(offers)}
    for number, row in enumerate(offers):
        offered: Literal["csat", "nps"] = "csat" if row["survey"] == CSAT else "nps"
        yield FeedbackOffered(feedback_id=f"f{number}", survey=offered, **_where(row)), row["time"]
    answers: tuple[tuple[int, Literal["nps", "csat"], str], ...] = (
        (NPS, "nps", "score"),
        (CSAT, "csat", "satisfied"),
    )
    for survey, name, field in answers:
        for row in _rows(traffic.streams[name]):
            answer = FeedbackSubmitted(
                feedback_id=f"f{number_of[row['time']]}",
                survey=name,
                score=SCORES[survey][int(row[field])],
                **_where(row),
            )
            yield answer, row["time"]
