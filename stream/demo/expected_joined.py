"""Expected joined metrics, counted directly from the events: churn by NPS class, CSAT of tickets, exit reasons."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from schemas.customers import CustomerActivated, CustomerChurned
from schemas.feedback import FeedbackSubmitted
from schemas.tickets import TicketCreated, TicketMessage
from stream.demo.business import TARGET
from stream.demo.departures import CHURN_RATES, SATISFIED_RATES, Spell, spells
from stream.demo.expected import Series, series
from stream.demo.story import TimedEvent


def expected_joined(story: Iterable[TimedEvent]) -> dict[Series, float]:
    """Return the values of the 30 d window, in total and by channel. All answers must be in that window."""
    events = list(story)
    figures = dict(_figures(events, None, {"view": "total", "window": "30d"}))
    channels = {timed.data.channel for timed in events if isinstance(timed.data, CustomerActivated)}
    for channel in sorted(filter(None, channels)):
        figures |= _figures(events, channel, {"view": "channel", "channel": channel, "window": "30d"})
    return figures


def _figures(
    events: list[TimedEvent], channel: str | None, labels: Mapping[str, str]
) -> Iterator[tuple[Series, float]]:
    yield from _loyalty(events, channel, labels)
    yield from _ticket_satisfaction(events, channel, labels)


def _loyalty(
    events: list[TimedEvent], channel: str | None, labels: Mapping[str, str]
) -> Iterator[tuple[Series, float]]:
    customers = {
        timed.data.customer_id
        for timed in events
        if isinstance(timed.data, CustomerActivated) and channel in (None, timed.data.channel)
    }
    churns = {
        timed.data.customer_id: timed
        for timed in events
        if isinstance(timed.data, CustomerChurned) and timed.data.customer_id in customers
    }
    by_customer = spells(events, 0)
    exposed: Counter[str] = Counter()
    churned: Counter[str] = Counter()
    for customer in customers:
        left_at = churns[customer].time if customer in churns else None
        until_left = [
            spell
            for spell in by_customer.get(customer, [Spell("none", 0, None)])
            if left_at is None or spell.start <= left_at
        ]
        exposed.update(spell.name for spell in until_left)
        if left_at is not None:
            churned[until_left[-1].name] += 1
    for name in CHURN_RATES:
        yield series("cx_class_exposed_customers", survey="nps", **labels, **{"class": name}), exposed[name]
        yield series("cx_class_churned_customers", survey="nps", **labels, **{"class": name}), churned[name]
    yield from _exit_reasons(events, churns, labels)


def _exit_reasons(
    events: list[TimedEvent], churns: Mapping[str, TimedEvent], labels: Mapping[str, str]
) -> Iterator[tuple[Series, float]]:
    """Yield the churns by exit reason. In the story nobody else gives an exit answer."""
    answers = [
        timed.data
        for timed in events
        if isinstance(timed.data, FeedbackSubmitted)
        and timed.data.survey == "exit"
        and timed.data.customer_id in churns
    ]
    yield series("cx_churn_exit_answered", **labels), len(answers)
    for reason, n in Counter(reason for answer in answers for reason in answer.reasons or ()).items():
        yield series("cx_churn_exit_reasons", reason=reason, **labels), n


def _ticket_satisfaction(
    events: list[TimedEvent], channel: str | None, labels: Mapping[str, str]
) -> Iterator[tuple[Series, float]]:
    created = {
        timed.data.ticket_id: timed.time
        for timed in events
        if isinstance(timed.data, TicketCreated) and channel in (None, timed.data.channel)
    }
    replied = {timed.data.ticket_id: timed.time for timed in events if isinstance(timed.data, TicketMessage)}
    counts: Counter[tuple[str, str]] = Counter()
    for timed in events:
        answer = timed.data
        if isinstance(answer, FeedbackSubmitted) and answer.ticket_id in created and answer.score is not None:
            waited = replied[answer.ticket_id] - created[answer.ticket_id]
            counts["true" if answer.score >= 4 else "false", "late" if waited > TARGET else "in_time"] += 1
    for fate in SATISFIED_RATES:
        for satisfied in ("true", "false"):
            shown = series("cx_ticket_csat_responses", satisfied=satisfied, first_response=fate, **labels)
            yield shown, counts[satisfied, fate]
