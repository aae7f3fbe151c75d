"""First contact resolution: judged at the first solve by people, with the other tickets of the customer."""

from tests.definitions.replay import PEOPLE, Fact, Replay
from tests.definitions.settings import DAY

WEEK = 7 * DAY


def facts(replay: Replay, replays: list[Replay]) -> list[Fact]:
    """Return the fact of a ticket, one at most. `replays` are those of all tickets."""
    solve = next((event for event in replay.solves if event.data.get("by") in PEOPLE), None)
    if solve is None:
        return []
    contacts = [position for position in replay.contacts if position < solve.position]
    reopened = any(
        event.position > solve.position and event.at <= solve.at + WEEK for event in replay.reopenings
    )
    first = len(contacts) == 1 and not reopened and not _came_back(replay, solve.at, replays)
    return [Fact("fcr", solve.at, replay.ticket.dimensions_at(solve.position), {"first": first})]


def _came_back(replay: Replay, solved: int, replays: list[Replay]) -> bool:
    """Return whether the customer has another ticket about the topic, created within a week. Both ends count."""
    customer, topic = replay.ticket.customer, _topic(replay)
    return customer is not None and any(
        other is not replay
        and (other.ticket.customer, _topic(other)) == (customer, topic)
        and solved <= other.created.at <= solved + WEEK
        for other in replays
    )


def _topic(replay: Replay) -> str | None:
    return replay.ticket.present_dimensions.get("ticket_topic")
