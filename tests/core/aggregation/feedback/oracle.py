"""Feedback figures recomputed from all events by the definitions in the contract.

Nothing is shared with the core.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

Figures = Counter[tuple[str, str, tuple[str, ...], tuple[str, ...], int, int]]
"""(aggregate, view, values, own labels, component, minute) to count."""
Events = Iterable[tuple[int, dict[str, Any]]]
"""Pairs of time in ms and {"type", "id", **data}."""

KINDS = ["cx.feedback.offered.v1", "cx.feedback.submitted.v1", "cx.feedback.deleted.v1"]
"""The types in the order in which they name a customer at one moment."""


def is_response(event: dict[str, Any]) -> bool:
    return event["score"] is not None or (event["survey"] == "exit" and bool(event.get("reasons")))


def customers(events: Events) -> dict[str, str]:
    """Return the present customer of each answer that has one."""
    named = sorted(
        (at, KINDS.index(event["type"]), event["id"], event["feedback_id"], event["customer_id"])
        for at, event in events
        if event.get("customer_id") is not None
    )
    return {feedback_id: customer for *_, feedback_id, customer in named}


def responders(events: Events) -> set[str]:
    """Return the customers who are named by a response, whether it counts or not."""
    return {
        event["customer_id"]
        for _, event in events
        if event["type"] == KINDS[1] and event.get("customer_id") is not None and is_response(event)
    }


def feedback(events: Events, views: dict[str, tuple[str, ...]]) -> Figures:
    """Return the expected figures of events that are all in time, for views by name."""
    offers: dict[str, Any] = {}
    answers: dict[str, list[Any]] = defaultdict(list)
    deleted = set()
    for at, event in events:
        feedback_id = event["feedback_id"]
        if event["type"] == "cx.feedback.offered.v1":
            offers.setdefault(feedback_id, (at, event))
        elif event["type"] == "cx.feedback.deleted.v1":
            deleted.add(feedback_id)
        else:
            answers[feedback_id].append((at, event))
    out: Figures = Counter()

    def add(
        aggregate: str,
        event: dict[str, Any],
        own_labels: tuple[str, ...],
        component: int,
        at: int,
        n: int = 1,
    ) -> None:
        for view, labels in views.items():
            values = tuple(event.get(label) for label in labels)
            if None not in values:
                out[aggregate, view, values, own_labels, component, at // 60_000] += n

    counted = set()
    dismissed = set()
    for feedback_id, answer_events in answers.items():
        if feedback_id in deleted:
            continue
        at = min(moment for moment, _ in answer_events)
        event_time, event = max(answer_events, key=lambda a: (a[1].get("revision", 0), a[0], a[1]["id"]))
        if not is_response(event):
            dismissed.add(feedback_id)
            continue
        counted.add(feedback_id)
        score, survey = event["score"], event["survey"]
        premature = event.get("transaction_ms") is not None and event_time < event["transaction_ms"]
        for code in set(event.get("reasons", ())):
            add("reasons", event, (survey, code), 0, at)
            if survey == "nps" and not premature:
                add("reasons", event, (survey, code), 1 if score >= 9 else 2 if score >= 7 else 3, at)
            elif survey == "csat":
                low, high = event.get("scale", (1, 5))
                top = high - 1 if high - low >= 3 else high
                add("reasons", event, (survey, code), 4 if score >= top else 5, at)
        if score is None or survey == "exit":
            continue
        if survey == "nps":
            add("nps", event, (), 3 if premature else 0 if score >= 9 else 1 if score >= 7 else 2, at)
        else:
            low, high = event.get("scale", (1, 5))
            normalised = (score - low) / (high - low)
            own_labels: tuple[str, ...] = ()
            if survey == "csat":
                satisfied = score >= high - 1 if high - low >= 3 else score == high
            else:
                direction = event.get("direction", "effort")
                own_labels = direction, f"{low}-{high}"
                add(survey, event, own_labels, 3, at, score)
                if direction == "effort":
                    normalised, score = 1 - normalised, high + low - score
                points = high - low + 1
                satisfied = score > high - int(0.4 * points + 0.5)
            add(survey, event, own_labels, 0 if satisfied else 1, at)
            add(survey, event, own_labels, 2, at, round(normalised * 1_163_962_800))
    for feedback_id, (at, event) in offers.items():
        add("response", event, (event["survey"],), 0, at)
        if feedback_id in counted:
            add("response", event, (event["survey"],), 1, at)
        elif feedback_id in dismissed:
            add("response", event, (event["survey"],), 2, at)
    return Counter({key: n for key, n in out.items() if n})
