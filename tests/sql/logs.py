"""Two logs of thirty days: the demo's, and the same with what happens to logs."""

from collections.abc import Iterator
from random import Random

from msgspec.structs import replace

from schemas.customers import CustomerActivated, CustomerChurned
from schemas.feedback import FeedbackSubmitted
from schemas.fields import Data
from schemas.tickets import (
    InteractionHandled,
    TicketCreated,
    TicketMerged,
    TicketMessage,
    TicketStatus,
    TicketUpdated,
)
from stream.demo.business import Business
from stream.demo.story import Story
from tests.support import DAY, HOUR, MINUTE, SECOND, Event


def quiet(now: int) -> list[Event]:
    """Return the events of the demo: each arrives once, at its time."""
    events = [*Story().history(now), *Business().history(now)]
    return [
        Event(data, time, time, event_id)
        for time, event_id, data in sorted(events, key=lambda event: event.time)
    ]


def troubled(now: int) -> list[Event]:
    """Return them with redeliveries, edits, late arrivals and everyday turns of tickets and customers."""
    random = Random(1)
    log: list[Event] = []
    for event in quiet(now):
        for occurred in (event, *_turns(random, event)):
            late = random.randrange(2 * DAY) if random.random() < 0.1 else 0
            log.append(occurred._replace(stamp=min(now, occurred.at + late)))
            if random.random() < 0.03:
                copied_at = min(now, occurred.at + random.randrange(DAY))
                log.append(occurred._replace(id=f"{occurred.id}-redelivered", stamp=copied_at))
    return sorted((event for event in log if event.at <= now), key=lambda event: event.stamp)


def _turns(random: Random, event: Event) -> Iterator[Event]:
    """Yield what follows one event in ten."""
    if random.random() > 0.1:
        return
    turns: list[tuple[int, str, Data]] = []
    match event.data:
        case (
            FeedbackSubmitted(score=int()) as answer
        ):  # thought over, by a form that does not number revisions
            turns = [(MINUTE, "edited", replace(answer, score=1))]
        case InteractionHandled() as call:
            turns = [(SECOND, "corrected", replace(call, revision=1, wrap_s=300))]
        case TicketCreated(ticket_id=ticket):
            turns = [turn for turn in _turns_of_ticket(ticket) if random.random() < 0.5]
        case CustomerActivated(customer_id=person) as activated:
            turns = [
                (32 * DAY, "left", CustomerChurned(customer_id=person)),
                (36 * DAY, "returned", activated),
                (37 * DAY, "switched-from", CustomerChurned(customer_id=person)),
                (37 * DAY, "switched-to", activated),
            ]
    for after, name, data in turns:
        yield Event(data, event.at + after, event.at + after, f"{event.id}-{name}")


def _turns_of_ticket(ticket: str) -> Iterator[tuple[int, str, Data]]:
    yield MINUTE, "note", TicketMessage(ticket_id=ticket, message_id="2", author="agent", public=False)
    call = InteractionHandled(
        interaction_id=f"{ticket}-call", ticket_id=ticket, talk_s=60, hold_s=0, wrap_s=0, channel="phone"
    )
    yield 2 * MINUTE, "call", call
    yield 3 * HOUR, "transferred", TicketUpdated(ticket_id=ticket, channel="web")
    yield DAY, "merged", TicketMerged(ticket_id=ticket, into="another")
    yield 3 * DAY, "reopened", TicketStatus(ticket_id=ticket, status="open")
    yield 4 * DAY, "solved-again", TicketStatus(ticket_id=ticket, status="solved", by="agent")
