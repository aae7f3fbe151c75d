"""Counting answers of customers, each from all of its events."""

from collections.abc import Iterable
from typing import NamedTuple

from tests.definitions.joined_events import JoinedEvent, ms_of

_RANKS = {"offered": 0, "submitted": 1, "withdrawn_answer": 2}
_DEFAULT_SCALES = {"nps": (0, 10), "csat": (1, 5)}


class CountingAnswer(NamedTuple):
    """An answer that counts, of a known customer. The class is None for an exit survey, the moment is in ms."""

    name: str
    customer: str
    survey: str
    moment: int
    answer_class: str | None
    reasons: frozenset[str]
    ticket: str | None

    @property
    def order(self) -> tuple[int, str]:
        """Return the order of answers, of which the last one is the newest."""
        return self.moment, self.name


def counting_answers(events: Iterable[JoinedEvent]) -> list[CountingAnswer]:
    """Return the answers to NPS, CSAT and exit surveys that count and have a customer."""
    answers = [_counting_answer(name, events) for name, events in events_by_answer(events).items()]
    return [answer for answer in answers if answer is not None]


def events_by_answer(events: Iterable[JoinedEvent]) -> dict[str, list[JoinedEvent]]:
    """Return the events of feedback by answer."""
    by_answer: dict[str, list[JoinedEvent]] = {}
    for event in events:
        if event.kind in _RANKS:
            by_answer.setdefault(event.data["feedback_id"], []).append(event)
    return by_answer


def _counting_answer(name: str, events: list[JoinedEvent]) -> CountingAnswer | None:
    revisions = [event for event in events if event.kind == "submitted"]
    if not revisions or any(event.kind == "withdrawn_answer" for event in events):
        return None
    counting = max(revisions, key=lambda event: (event.data.get("revision", 0), event.at, event.id))
    customer = owner_of(events)
    if customer is None or not counts(counting):
        return None
    data = counting.data
    return CountingAnswer(
        name,
        customer,
        data["survey"],
        min(event.at for event in revisions),
        None if data["survey"] == "exit" else answer_class(counting),
        frozenset(reason.strip() for reason in data.get("reasons", ())),
        data.get("ticket_id"),
    )


def owner_of(events: list[JoinedEvent]) -> str | None:
    """Return the customer that the last event of an answer with a customer names."""
    naming = [event for event in _first_read(events) if "customer_id" in event.data]
    last = max(naming, key=lambda event: (event.at, _RANKS[event.kind], event.id), default=None)
    return None if last is None else str(last.data["customer_id"])


def _first_read(events: list[JoinedEvent]) -> list[JoinedEvent]:
    """Return all answers, and of offers and of deletions the first one read."""
    singles = [
        next((event for event in events if event.kind == kind), None)
        for kind in ("offered", "withdrawn_answer")
    ]
    answers = [event for event in events if event.kind == "submitted"]
    return [event for event in singles if event is not None] + answers


def counts(revision: JoinedEvent) -> bool:
    """Return whether a revision counts where it is not replaced: scored, and of NPS not premature."""
    data = revision.data
    match data["survey"]:
        case "nps":
            transaction = data.get("transaction_time")
            is_premature = transaction is not None and revision.at < ms_of(transaction)
            return "score" in data and not is_premature
        case "csat":
            return "score" in data
        case "exit":
            return "score" in data or bool(data.get("reasons"))
    return False


def answer_class(revision: JoinedEvent) -> str:
    """Return the class of a scored answer to NPS or CSAT."""
    data = revision.data
    score = data["score"]
    if data["survey"] == "nps":
        return "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"
    lowest, highest = data.get("scale", _DEFAULT_SCALES["csat"])
    best_points = 2 if highest - lowest + 1 >= 4 else 1
    return "satisfied" if score > highest - best_points else "dissatisfied"
