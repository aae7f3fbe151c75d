"""Feedback figures recomputed from all events by the words of the contract, sharing nothing with the core."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

Figures = Counter[tuple[str, str, tuple[str, ...], tuple[str, ...], int, int]]
"""(tally, view, values, extra, component, minute) to count."""


def feedback(events: Iterable[tuple[int, dict[str, Any]]], views: dict[str, tuple[str, ...]]) -> Figures:
    """`events`: (time in ms, {"type", **data}) of all that was in time, in whatever order they were sent."""
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

    def put(
        aggregate: str, event: dict[str, Any], extra: tuple[str, ...], component: int, at: int, n: int = 1
    ) -> None:
        for view, labels in views.items():
            values = tuple(event.get(label) for label in labels)
            if None not in values:
                out[aggregate, view, values, extra, component, at // 60_000] += n

    good = set()
    dismissed = set()
    for feedback_id, given in answers.items():
        if feedback_id in deleted:
            continue
        at = min(moment for moment, _ in given)
        highest = max(event.get("revision", 0) for _, event in given)
        time, event = next((t, e) for t, e in given if e.get("revision", 0) == highest)
        score, survey = event["score"], event["survey"]
        if score is None and not (survey == "exit" and event.get("reasons")):
            dismissed.add(feedback_id)
            continue
        good.add(feedback_id)
        for code in set(event.get("reasons", ())):
            put("reasons", event, (survey, code), 0, at)
        if score is None or survey == "exit":
            continue
        if survey == "nps":
            early = event.get("transaction_ms") is not None and time < event["transaction_ms"]
            put("nps", event, (), 3 if early else 0 if score >= 9 else 1 if score >= 7 else 2, at)
        else:
            low, high = event.get("scale", (1, 5))
            share = (score - low) / (high - low)
            if survey == "csat":
                happy = score >= high - 1 if high - low >= 4 else score == high
            else:
                if event.get("direction", "effort") == "effort":
                    share, score = 1 - share, high + low - score
                points = high - low + 1
                happy = score > high - int(0.4 * points + 0.5)
            put(survey, event, (), 0 if happy else 1, at)
            put(survey, event, (), 2, at, round(share * 1_163_962_800))
    for feedback_id, (at, event) in offers.items():
        put("response", event, (event["survey"],), 0, at)
        if feedback_id in good:
            put("response", event, (event["survey"],), 1, at)
        elif feedback_id in dismissed:
            put("response", event, (event["survey"],), 2, at)
    return Counter({key: n for key, n in out.items() if n})
