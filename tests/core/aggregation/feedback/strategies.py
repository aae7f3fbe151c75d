"""Random feedback events as dictionaries, and their conversion to events."""

from typing import Any

from hypothesis import strategies as st

from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from schemas.times import from_ms
from tests.support import HOUR, NOW, Event

SCALES = {"nps": [None, (0, 10)], "csat": [None, (1, 10), (1, 3)], "ces": [None, (1, 7)], "exit": [None]}
dimensions = st.fixed_dictionaries(
    {},
    optional={"channel": st.sampled_from(["web", "app"]), "touchpoint": st.sampled_from(["pay", "help"])},
)
times = st.integers(NOW - 40 * HOUR, NOW)


@st.composite
def submitted(draw: st.DrawFn) -> dict[str, Any]:
    survey = draw(st.sampled_from(list(SCALES)))
    scale = draw(st.sampled_from(SCALES[survey]))
    low, high = scale or {"nps": (0, 10)}.get(survey, (1, 5))
    event: dict[str, Any] = {
        "type": FeedbackSubmitted.TYPE,
        "feedback_id": draw(st.sampled_from("abcde")),
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
    lambda feedback_id, survey, dims: {
        "type": FeedbackOffered.TYPE,
        "feedback_id": feedback_id,
        "survey": survey,
        **dims,
    },
    st.sampled_from("abcde"),
    st.sampled_from(list(SCALES)),
    dimensions,
)
deleted = st.builds(
    lambda feedback_id: {"type": FeedbackDeleted.TYPE, "feedback_id": feedback_id}, st.sampled_from("abcde")
)
events = st.tuples(times, st.one_of(submitted(), submitted(), offered, deleted))


def distinct(history: list[tuple[int, dict[str, Any]]]) -> list[tuple[int, dict[str, Any]]]:
    """Remove different events of one natural key, because the first one read counts and order would matter."""
    first_events: dict[tuple[Any, ...], tuple[int, dict[str, Any]]] = {}
    for at, event in history:
        first_events.setdefault((event["type"], event["feedback_id"], event.get("revision")), (at, event))
    return list(first_events.values())


def typed(at: int, event: dict[str, Any], stamp: int = NOW) -> Event:
    fields = {k: v for k, v in event.items() if k not in ("type", "transaction_ms")}
    if "transaction_ms" in event:
        fields["transaction_time"] = from_ms(event["transaction_ms"])
    event_types = {
        event_type.TYPE: event_type for event_type in (FeedbackOffered, FeedbackSubmitted, FeedbackDeleted)
    }
    return Event(event_types[event["type"]](**fields), at, stamp)
