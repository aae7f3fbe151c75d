"""Ticket figures recomputed from all events by the definitions in the contract, one state after the other.

It shares with the core only the numbers of the components and the buckets of durations.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from stream.core.model.aggregates.tickets import (
    FcrLayout,
    HandoffLayout,
    ResolutionLayout,
    ResponseTimeLayout,
    WaitingLayout,
)
from stream.core.model.histogram import BUCKETS, bucket_of
from tests.support import DAY, HOUR, MINUTE

Figures = Counter[tuple[Any, ...]]
"""(aggregate, view, values, own labels, component, hour) to integer.

Open items have the minute instead of the hour.
"""


def tickets(
    events: Iterable[dict[str, Any]], views: dict[str, tuple[str, ...]], target: int = HOUR
) -> Figures:
    """Return the expected figures of distinct events: {"type", "person", "ticket", "at" in ms, "id", ...}."""
    by_ticket = defaultdict(list)
    for event in events:
        by_ticket[event["person"], event["ticket"]].append(event)
    histories = {
        key: replay(sorted(ticket_events, key=event_order)) for key, ticket_events in by_ticket.items()
    }
    counted = {key: ticket for key, ticket in histories.items() if ticket}
    out: Figures = Counter()
    for (person_key, name), ticket in counted.items():
        others = [
            other["created"]
            for (other_person, other_name), other in counted.items()
            if other_person == person_key and other_name != name and other["topic"] == ticket["topic"]
        ]
        for (aggregate, component, at), n in ticket_figures(ticket, others, target).items():
            for view, labels in views.items():
                values = tuple(ticket["dimensions"].get(label) for label in labels)
                if None not in values:
                    pane = at // MINUTE if aggregate in ("waiting", "open") else at // HOUR
                    out[aggregate, view, values, (), component, pane] += n
    return Counter({key: n for key, n in out.items() if n})


def event_order(event: dict[str, Any]) -> tuple[int, bool, str]:
    return event["at"], event["type"] != "created", event["id"]


def replay(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Replay the events of a ticket. The result is empty for a ticket that does not count."""
    if any(event["type"] in ("merged", "deleted") for event in events):
        return {}
    start = next((i for i, event in enumerate(events) if event["type"] == "created"), None)
    if start is None:
        return {}
    history: dict[str, Any] = {"created": events[start]["at"], "dimensions": {}, "topic": None}
    for i, event in enumerate(events):
        if event["type"] == "updated" or i == start:
            history["dimensions"] |= event["dimensions"]
            history["topic"] = event["topic"] or history["topic"]
    opened_by_agent = events[start]["opened_by"] == "agent"
    waiting_since = None if opened_by_agent else history["created"]
    history |= {
        "responses": [],
        "handoffs": [],
        "solves": [],
        "unanswered": [],
        "reopenings": [],
        "first_solve_by_people": None,
    }
    resolved, replies, customer_wrote, handoffs = False, 0, False, []
    for event in events[start + 1 :]:
        at = event["at"]
        if event["type"] == "message" and event["author"] == "agent" and event["public"]:
            replies += 1
            history["handoffs"] += [(handoff, at) for handoff in handoffs]
            handoffs = []
            if waiting_since is not None:
                history["responses"].append((waiting_since, at))
                waiting_since = None
        elif event["type"] == "message" and event["author"] == "customer":
            if opened_by_agent and not customer_wrote and waiting_since is None:
                waiting_since = at
            customer_wrote = True
        elif event["type"] == "handoff":
            handoffs.append(at)
        elif event["type"] == "status":
            is_solve = event["status"] in ("solved", "closed")
            if is_solve and not resolved:
                history["solves"].append((at, event["by"]))
                if replies == 0:
                    history["unanswered"].append(at)
                if event["by"] not in ("bot", "timeout") and history["first_solve_by_people"] is None:
                    history["first_solve_by_people"] = (at, replies, len(history["reopenings"]))
            elif resolved and not is_solve:
                history["reopenings"].append(at)
                waiting_since = at
            resolved = is_solve
    return history | {"resolved": resolved, "waiting_since": waiting_since}


def ticket_figures(ticket: dict[str, Any], others: list[int], target: int) -> Figures:
    out: Figures = Counter()

    def duration(aggregate: str, base: int, start: int, end: int) -> None:
        out[aggregate, base, end] += 1
        out[aggregate, base + 1, end] += end - start
        out[aggregate, base + BUCKETS + bucket_of(end - start), end] += 1

    for opened, reply in ticket["responses"]:
        duration("first_response", ResponseTimeLayout.RESPONSES, opened, reply)
        out["first_response", ResponseTimeLayout.LATE, reply] += reply - opened > target
    for at in ticket["unanswered"]:
        out["first_response", ResponseTimeLayout.UNANSWERED, at] += 1
    for handoff, reply in ticket["handoffs"]:
        duration("handoff", HandoffLayout.RESPONSES, handoff, reply)
    for at in ticket["reopenings"]:
        out["resolution", ResolutionLayout.REOPENINGS, at] += 1
    if ticket["solves"]:
        first, by = ticket["solves"][0]
        solved_once = ticket["resolved"] and len(ticket["solves"]) == 1
        duration(
            "resolution",
            ResolutionLayout.ONCE if solved_once else ResolutionLayout.FIRST,
            ticket["created"],
            first,
        )
        if by in ("bot", "timeout"):
            out["fcr", FcrLayout.BY_BOT if by == "bot" else FcrLayout.BY_TIMEOUT, first] += 1
    if ticket["resolved"]:
        if len(ticket["solves"]) > 1:
            duration("resolution", ResolutionLayout.FULL, ticket["created"], ticket["solves"][-1][0])
    else:
        out["open", 0, ticket["created"]] += 1
        if ticket["waiting_since"] is not None:
            out["waiting", WaitingLayout.OPENED, ticket["waiting_since"]] += 1
            out["waiting", WaitingLayout.DUE, ticket["waiting_since"] + target + MINUTE] += 1
    if ticket["first_solve_by_people"]:
        at, replies, earlier_reopenings = ticket["first_solve_by_people"]
        repeat_contacts = [
            later for later in ticket["reopenings"][earlier_reopenings:] if later - at <= 7 * DAY
        ]
        repeat_contacts += [later for later in others if 0 < later - at <= 7 * DAY]
        out["fcr", FcrLayout.OTHER if repeat_contacts or replies != 1 else FcrLayout.FIRST_CONTACT, at] += 1
    return out
