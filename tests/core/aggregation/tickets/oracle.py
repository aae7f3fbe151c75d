"""Ticket figures recomputed from all events by the words of the contract, one state after the other.

It shares with the core the numbers of the components and the buckets of durations, and nothing else.
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
"""(tally, view, values, extra, component, hour) to integer; of what stands now the minute instead of the hour."""


def tickets(
    events: Iterable[dict[str, Any]], views: dict[str, tuple[str, ...]], target: int = HOUR
) -> Figures:
    """`events`: {"type", "person", "ticket", "at" in ms, "id", ...}, all with different natural keys."""
    by_ticket = defaultdict(list)
    for event in events:
        by_ticket[event["person"], event["ticket"]].append(event)
    told = {who: _tell(sorted(those, key=_place)) for who, those in by_ticket.items()}
    live = {who: one for who, one in told.items() if one}
    out: Figures = Counter()
    for (person_key, name), one in live.items():
        others = [
            other["created"]
            for (them, their), other in live.items()
            if them == person_key and their != name and other["topic"] == one["topic"]
        ]
        for (aggregate, component, at), n in _figures(one, others, target).items():
            for view, labels in views.items():
                values = tuple(one["dimensions"].get(label) for label in labels)
                if None not in values:
                    pane = at // MINUTE if aggregate in ("waiting", "open") else at // HOUR
                    out[aggregate, view, values, (), component, pane] += n
    return Counter({key: n for key, n in out.items() if n})


def _place(event: dict[str, Any]) -> tuple[int, bool, str]:
    return event["at"], event["type"] != "created", event["id"]


def _tell(events: list[dict[str, Any]]) -> dict[str, Any]:
    """What happened in a ticket; empty when it does not count."""
    if any(event["type"] in ("merged", "deleted") for event in events):
        return {}
    start = next((i for i, event in enumerate(events) if event["type"] == "created"), None)
    if start is None:
        return {}
    story: dict[str, Any] = {"created": events[start]["at"], "dimensions": {}, "topic": None}
    for i, event in enumerate(events):
        if event["type"] == "updated" or i == start:
            story["dimensions"] |= event["dimensions"]
            story["topic"] = event["topic"] or story["topic"]
    by_agent = events[start]["opened_by"] == "agent"
    waits = None if by_agent else story["created"]
    story |= {
        "responses": [],
        "handoffs": [],
        "solves": [],
        "unanswered": [],
        "reopenings": [],
        "judged": None,
    }
    resolved, replies, contacted, handed = False, 0, False, []
    for event in events[start + 1 :]:
        at = event["at"]
        if event["type"] == "message" and event["author"] == "agent" and event["public"]:
            replies += 1
            story["handoffs"] += [(then, at) for then in handed]
            handed = []
            if waits is not None:
                story["responses"].append((waits, at))
                waits = None
        elif event["type"] == "message" and event["author"] == "customer":
            if by_agent and not contacted and waits is None:
                waits = at
            contacted = True
        elif event["type"] == "handoff":
            handed.append(at)
        elif event["type"] == "status":
            solving = event["status"] in ("solved", "closed")
            if solving and not resolved:
                story["solves"].append((at, event["by"]))
                if replies == 0:
                    story["unanswered"].append(at)
                if event["by"] not in ("bot", "timeout") and story["judged"] is None:
                    story["judged"] = (at, replies, len(story["reopenings"]))
            elif resolved and not solving:
                story["reopenings"].append(at)
                waits = at
            resolved = solving
    return story | {"resolved": resolved, "waits": waits}


def _figures(one: dict[str, Any], others: list[int], target: int) -> Figures:
    out: Figures = Counter()

    def duration(aggregate: str, base: int, start: int, end: int) -> None:
        out[aggregate, base, end] += 1
        out[aggregate, base + 1, end] += end - start
        out[aggregate, base + BUCKETS + bucket_of(end - start), end] += 1

    for opened, reply in one["responses"]:
        duration("first_response", ResponseTimeLayout.RESPONSES, opened, reply)
        out["first_response", ResponseTimeLayout.LATE, reply] += reply - opened > target
    for at in one["unanswered"]:
        out["first_response", ResponseTimeLayout.UNANSWERED, at] += 1
    for handed, reply in one["handoffs"]:
        duration("handoff", HandoffLayout.RESPONSES, handed, reply)
    for at in one["reopenings"]:
        out["resolution", ResolutionLayout.REOPENINGS, at] += 1
    if one["solves"]:
        first, by = one["solves"][0]
        once = one["resolved"] and len(one["solves"]) == 1
        duration(
            "resolution", ResolutionLayout.ONCE if once else ResolutionLayout.FIRST, one["created"], first
        )
        if by in ("bot", "timeout"):
            out["fcr", FcrLayout.BY_BOT if by == "bot" else FcrLayout.BY_TIMEOUT, first] += 1
    if one["resolved"]:
        if len(one["solves"]) > 1:
            duration("resolution", ResolutionLayout.FULL, one["created"], one["solves"][-1][0])
    else:
        out["open", 0, one["created"]] += 1
        if one["waits"] is not None:
            out["waiting", WaitingLayout.OPENED, one["waits"]] += 1
            out["waiting", WaitingLayout.DUE, one["waits"] + target + MINUTE] += 1
    if one["judged"]:
        at, replies, before = one["judged"]
        again = [then for then in one["reopenings"][before:] if then - at <= 7 * DAY]
        again += [then for then in others if 0 < then - at <= 7 * DAY]
        out["fcr", FcrLayout.OTHER if again or replies != 1 else FcrLayout.FIRST_CONTACT, at] += 1
    return out
