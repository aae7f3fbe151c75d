"""Random feedback events as dictionaries, and their conversion to events."""

from typing import Any

from hypothesis import strategies as st

from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.times import from_ms
from tests.support import HOUR, NOW, Event

SCALES = {"nps": [None, (0, 10)], "csat": [None, (1, 10), (1, 3)], "ces": [None, (1, 7)], "exit": [None]}
dimensions = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["web", "app"]),
        "touchpoint": st.sampled_from(["pay", "help"]),
        "program": st.sampled_from(["relation", "checkout"]),
    },
)
times = st.sampled_from([NOW - HOUR, NOW]) | st.integers(NOW - 40 * HOUR, NOW)
"""Times in ms. Events often have the same one, so that other fields decide."""
IDS = [
    "0b5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b",
    "fb5d7e9a-8f4c-4f6e-9a3b-2c1d0e9f8a7b",
    "0",
    "f",
    "g",
    "e\u0301",
    "\u00e9",
]
"""IDs of events. Stored UUIDs must sort among the others by their text."""
identified = st.fixed_dictionaries(
    {"feedback_id": st.sampled_from("abcde"), "id": st.sampled_from(IDS)},
    optional={"customer_id": st.sampled_from(["p1", "p2", "p3"])},
)


@st.composite
def submitted(draw: st.DrawFn) -> dict[str, Any]:
    survey = draw(st.sampled_from(list(SCALES)))
    scale = draw(st.sampled_from(SCALES[survey]))
    low, high = scale or {"nps": (0, 10)}.get(survey, (1, 5))
    event: dict[str, Any] = {
        "type": FeedbackSubmitted.TYPE,
        **draw(identified),
        "survey": survey,
        "score": draw(st.none() | st.integers(low, high)),
        "revision": draw(st.integers(0, 3)),
        "reasons": tuple(draw(st.lists(st.sampled_from(["price", "speed"]), max_size=2))),
        **draw(dimensions),
    }
    if scale:
        event["scale"] = scale
    if survey == "ces":
        event["direction"] = draw(st.sampled_from(["ease", "effort"]))
    if draw(st.booleans()):
        event["transaction_ms"] = draw(times)
    return event


offered = st.builds(
    lambda ids, survey, dims: {"type": FeedbackOffered.TYPE, **ids, "survey": survey, **dims},
    identified,
    st.sampled_from(list(SCALES)),
    dimensions,
)
deleted = st.builds(lambda ids: {"type": FeedbackDeleted.TYPE, **ids}, identified)
events = st.tuples(times, st.one_of(submitted(), submitted(), offered, deleted))


def distinct(history: list[tuple[int, dict[str, Any]]]) -> list[tuple[int, dict[str, Any]]]:
    """Remove different events of one natural key, because the first one read counts and order would matter."""
    first_events: dict[tuple[Any, ...], tuple[int, dict[str, Any]]] = {}
    for at, event in history:
        natural_key: tuple[Any, ...] = event["type"], event["feedback_id"]
        if event["type"] == FeedbackSubmitted.TYPE:
            natural_key += event["revision"], at, event["id"]
        first_events.setdefault(natural_key, (at, event))
    return list(first_events.values())


def typed(at: int, event: dict[str, Any], stamp: int = NOW) -> Event:
    fields = {k: v for k, v in event.items() if k not in ("type", "id", "transaction_ms")}
    if "transaction_ms" in event:
        fields["transaction_time"] = from_ms(event["transaction_ms"])
    event_types = {
        event_type.TYPE: event_type for event_type in (FeedbackOffered, FeedbackSubmitted, FeedbackDeleted)
    }
    return Event(event_types[event["type"]](**fields), at, stamp, event["id"])
