"""What the exporter should show of customers, tickets and calls: counted straight from the events, as in `expected`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean

from schemas.customers import CustomerActivated, CustomerChurned, PurchaseCompleted
from schemas.tickets import InteractionHandled, TicketCreated, TicketMessage, TicketStatus
from stream.demo.expected import Series, series
from stream.demo.story import MINUTE, TimedEvent

TARGET = 60 * MINUTE


def expected_business(story_events: Iterable[TimedEvent]) -> dict[Series, float]:
    """The figures of the 30 d window, in total and by channel: all but the joining of customers lies in it."""
    events = list(story_events)
    figures = _figures(events, None, {"view": "total"})
    channels = {
        each.data.channel for each in events if isinstance(each.data, CustomerActivated | TicketCreated)
    }
    for channel in sorted(filter(None, channels)):
        figures |= _figures(events, channel, {"view": "channel", "channel": channel})
    return figures


def _figures(events: list[TimedEvent], channel: str | None, where: Mapping[str, str]) -> dict[Series, float]:
    return dict([*_customers(events, channel, where), *_tickets(events, channel, where)])


def _customers(
    events: list[TimedEvent], channel: str | None, where: Mapping[str, str]
) -> Iterator[tuple[Series, float]]:
    labels = {**where, "window": "30d"}
    here = {
        each.data.customer_id
        for each in events
        if isinstance(each.data, CustomerActivated) and channel in (None, each.data.channel)
    }
    left = [e.data for e in events if isinstance(e.data, CustomerChurned) and e.data.customer_id in here]
    paid = [e.data for e in events if isinstance(e.data, PurchaseCompleted) and e.data.customer_id in here]
    yield series("cx_opening_customers", **labels), len(here)
    yield series("cx_active_customers", **where), len(here) - len(left)
    yield series("cx_churn_ratio", method="cohort", **labels), len(left) / len(here)
    for reason, n in Counter(each.reason or "unknown" for each in left).items():
        yield series("cx_churned_customers", reason=reason, **labels), n
    yield series("cx_revenue", currency="EUR", **labels), sum(each.amount_minor for each in paid) / 100


def _tickets(
    events: list[TimedEvent], channel: str | None, where: Mapping[str, str]
) -> Iterator[tuple[Series, float]]:
    labels = {**where, "window": "30d"}
    created = {
        each.data.ticket_id: each.time
        for each in events
        if isinstance(each.data, TicketCreated) and channel in (None, each.data.channel)
    }
    answered = {e.data.ticket_id: e.time for e in events if isinstance(e.data, TicketMessage)}
    solved = {e.data.ticket_id: e.time for e in events if isinstance(e.data, TicketStatus)}
    took = [answered[ticket] - at for ticket, at in created.items() if ticket in answered]
    lasted = [solved[ticket] - at for ticket, at in created.items() if ticket in solved]
    in_time = sum(ms <= TARGET for ms in took)
    yield series("cx_first_responses", **labels), len(took)
    if took:
        yield series("cx_first_response_mean_seconds", **labels), fmean(took) / 1000
    yield series("cx_first_responses_within_target", **labels), in_time
    yield series("cx_resolved_tickets", stage="first", **labels), len(lasted)
    if lasted:
        yield series("cx_resolution_mean_seconds", stage="first", **labels), fmean(lasted) / 1000
    yield series("cx_waiting_tickets", **where), len(created) - len(took)
    yield series("cx_open_tickets", **where), len(created) - len(lasted)
    calls = [
        each.data
        for each in events
        if isinstance(each.data, InteractionHandled) and channel in (None, each.data.channel)
    ]
    if calls:
        yield series("cx_handled_interactions", **labels), len(calls)
        seconds = fmean(each.talk_s + each.hold_s + each.wrap_s for each in calls)
        yield series("cx_handle_mean_seconds", **labels), seconds
