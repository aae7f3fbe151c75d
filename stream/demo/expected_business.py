"""Expected metrics of customers, tickets and calls, counted directly from the events."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean

from schemas.customers import CustomerActivated, CustomerChurned, PurchaseCompleted
from schemas.tickets import InteractionHandled, TicketCreated, TicketMessage, TicketStatus
from stream.demo.expected import Series, series
from stream.demo.story import DAY, MINUTE, TimedEvent

TARGET, QUEUE_TARGET, WEEK = 60 * MINUTE, 20, 7 * DAY
"""Targets of first responses in ms and of the queue in seconds; time after a solve in which another ticket is a repeat."""


def expected_business(story_events: Iterable[TimedEvent]) -> dict[Series, float]:
    """Return the values of the 30 d window, in total and by channel.

    All events but activations must be in that window.
    """
    events = list(story_events)
    figures = _figures(events, None, {"view": "total"})
    channels = {
        timed.data.channel for timed in events if isinstance(timed.data, CustomerActivated | TicketCreated)
    }
    for channel in sorted(filter(None, channels)):
        figures |= _figures(events, channel, {"view": "channel", "channel": channel})
    return figures


def _figures(
    events: list[TimedEvent], channel: str | None, view_labels: Mapping[str, str]
) -> dict[Series, float]:
    return dict([*_customers(events, channel, view_labels), *_tickets(events, channel, view_labels)])


def _customers(
    events: list[TimedEvent], channel: str | None, view_labels: Mapping[str, str]
) -> Iterator[tuple[Series, float]]:
    labels = {**view_labels, "window": "30d"}
    customer_ids = {
        timed.data.customer_id
        for timed in events
        if isinstance(timed.data, CustomerActivated) and channel in (None, timed.data.channel)
    }
    churns = [
        timed.data
        for timed in events
        if isinstance(timed.data, CustomerChurned) and timed.data.customer_id in customer_ids
    ]
    purchases = [
        timed.data
        for timed in events
        if isinstance(timed.data, PurchaseCompleted) and timed.data.customer_id in customer_ids
    ]
    yield series("cx_opening_customers", **labels), len(customer_ids)
    yield series("cx_active_customers", **view_labels), len(customer_ids) - len(churns)
    yield series("cx_churn_ratio", method="cohort", **labels), len(churns) / len(customer_ids)
    for reason, n in Counter(churn.reason or "unknown" for churn in churns).items():
        yield series("cx_churned_customers", reason=reason, **labels), n
    voluntary = sum(churn.voluntary is not False for churn in churns)  # nobody in the story gives notice
    yield series("cx_leaving_customers", **labels), voluntary
    yield (
        series("cx_revenue", currency="EUR", **labels),
        sum(purchase.amount_minor for purchase in purchases) / 100,
    )


def _tickets(
    events: list[TimedEvent], channel: str | None, view_labels: Mapping[str, str]
) -> Iterator[tuple[Series, float]]:
    labels = {**view_labels, "window": "30d"}
    created = {
        timed.data.ticket_id: timed.time
        for timed in events
        if isinstance(timed.data, TicketCreated) and channel in (None, timed.data.channel)
    }
    answered = {timed.data.ticket_id: timed.time for timed in events if isinstance(timed.data, TicketMessage)}
    solved = {timed.data.ticket_id: timed.time for timed in events if isinstance(timed.data, TicketStatus)}
    response_times = [
        answered[ticket] - created_at for ticket, created_at in created.items() if ticket in answered
    ]
    resolution_times = [
        solved[ticket] - created_at for ticket, created_at in created.items() if ticket in solved
    ]
    in_time = sum(ms <= TARGET for ms in response_times)
    yield series("cx_first_responses", **labels), len(response_times)
    if response_times:
        yield series("cx_first_response_mean_seconds", **labels), fmean(response_times) / 1000
    yield series("cx_first_responses_within_target", **labels), in_time
    yield series("cx_contact_cycles_due", fate="in_time", **labels), in_time
    yield series("cx_resolved_tickets", stage="first", **labels), len(resolution_times)
    if resolution_times:
        yield series("cx_resolution_mean_seconds", stage="first", **labels), fmean(resolution_times) / 1000
    yield series("cx_waiting_tickets", **view_labels), len(created) - len(response_times)
    yield series("cx_awaiting_reply_tickets", **view_labels), len(created) - len(response_times)
    yield series("cx_open_tickets", **view_labels), len(created) - len(resolution_times)
    yield series("cx_created_tickets", opened_by="customer", **labels), len(created)
    if resolution_times:  # no ticket of the story is pending or reopened
        yield series("cx_requester_wait_mean_seconds", **labels), fmean(resolution_times) / 1000
        yield series("cx_agent_wait_mean_seconds", **labels), 0
    first, others = _first_contacts(events, channel)
    for result, n in (("first_contact", first), ("other", others)):
        yield series("cx_fcr_tickets", basis="provisional", result=result, **labels), n
    yield from _calls(events, channel, labels)


def _calls(
    events: list[TimedEvent], channel: str | None, labels: Mapping[str, str]
) -> Iterator[tuple[Series, float]]:
    calls = [
        timed.data
        for timed in events
        if isinstance(timed.data, InteractionHandled) and channel in (None, timed.data.channel)
    ]
    if not calls:
        return
    yield series("cx_handled_interactions", **labels), len(calls)
    seconds = fmean(call.talk_s + call.hold_s + call.wrap_s for call in calls)
    yield series("cx_handle_mean_seconds", **labels), seconds
    for part in ("talk", "hold", "wrap"):
        mean = fmean(getattr(call, f"{part}_s") for call in calls)
        yield series("cx_handle_part_mean_seconds", part=part, **labels), mean
    waits = [call.wait_s for call in calls if call.wait_s is not None]
    yield series("cx_queue_wait_mean_seconds", **labels), fmean(waits)
    yield series("cx_service_level_ratio", **labels), sum(wait <= QUEUE_TARGET for wait in waits) / len(waits)


def _first_contacts(events: list[TimedEvent], channel: str | None) -> tuple[int, int]:
    """Return the numbers of tickets solved at first contact and of the others.

    Each ticket of the story has one reply before its solve and is not reopened. So only another ticket of the customer,
    created within a week after the solve, makes it another one.
    """
    created = {
        timed.data.ticket_id: (timed.time, timed.data)
        for timed in events
        if isinstance(timed.data, TicketCreated)
    }
    repeated = []
    for timed in events:
        if not isinstance(timed.data, TicketStatus):
            continue
        _, ticket = created[timed.data.ticket_id]
        if channel in (None, ticket.channel):
            repeated.append(
                any(
                    other.customer_id == ticket.customer_id
                    and other.ticket_id != ticket.ticket_id
                    and timed.time <= other_time <= timed.time + WEEK
                    for other_time, other in created.values()
                )
            )
    return repeated.count(False), repeated.count(True)
