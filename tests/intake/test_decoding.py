"""Validation of events, and their records."""

from typing import Any

import msgspec
import pytest

from schemas.codec import MAX_VALUE, Decoder
from schemas.envelope import EVENTS
from schemas.examples import EXAMPLES
from schemas.fields import Data
from schemas.keys import owner_of
from schemas.topics import DERIVED, FEEDBACK, TOPICS
from stream.intake.decoding import AcceptedEvent, decode
from stream.intake.fault import EventFault
from stream.intake.grants import Grant
from stream.intake.splitting import UndecodedEvent
from tests.intake.running import answer

SHOP = Grant("shop")
NOW_MS = 4_000_000_000_000


def decoded(event: Any, grant: Grant = SHOP, headers: Any = ()) -> AcceptedEvent | EventFault:
    """Decode one event, a dict or bytes."""
    value = event if isinstance(event, bytes) else msgspec.json.encode(event)
    accepted, faults = decode([UndecodedEvent(value, headers)], NOW_MS, grant.refusal)
    return [*accepted, *faults][0]


def accepted(event: Any, **arguments: Any) -> AcceptedEvent:
    result = decoded(event, **arguments)
    assert isinstance(result, AcceptedEvent), result
    return result


def fault(event: Any, **arguments: Any) -> EventFault:
    result = decoded(event, **arguments)
    assert isinstance(result, EventFault), result
    return result


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TYPE)
def test_all_types_but_those_of_workers_are_accepted(kind: type[Data]) -> None:
    """With the key and the topics that the publisher of the client package chooses."""
    if kind in DERIVED:
        assert fault(EXAMPLES[kind]).detail == (
            f"type: {kind.TYPE} is written by workers only, to cx.customers"
        )
        return
    record = accepted(EXAMPLES[kind]).record
    assert record.value == EXAMPLES[kind]
    assert record.domains == tuple(domain for domain, topic in TOPICS.items() if kind in topic.types)
    assert record.key == owner_of(msgspec.json.decode(EXAMPLES[kind], type=EVENTS[kind]).data).encode()
    assert record.timestamp == NOW_MS


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"score": 11}, ("data.score", "11", "int from 0 to 10, or null")),
        ({"score": "9"}, ("data.score", "'9'", "int or null")),
        ({"survey": "npx"}, ("data.survey", "'npx'", "one of ces, csat, exit, nps")),
        ({"feedback_id": ""}, ("data.feedback_id", "''", "`str` of length >= 1")),
        ({"reasons": ["a", 5]}, ("data.reasons[1]", "5", "str")),
    ],
)
def test_a_fault_names_field_value_and_what_is_allowed(change: Any, expected: tuple[str, str, str]) -> None:
    found_fault = fault(answer(**change))
    assert (found_fault.field, found_fault.got) == expected[:2]
    assert found_fault.allowed.replace("`", "") == expected[2].replace("`", "")


def test_a_missing_field() -> None:
    event = answer()
    del event["data"]["survey"]
    found_fault = fault(event)
    assert (found_fault.field, found_fault.got, found_fault.allowed) == ("data.survey", None, "a value")


def test_control_characters_are_escaped() -> None:
    assert "\x1b" not in fault(answer(survey="\x1b[2J\u202e")).detail


def test_an_attribute_in_a_header_has_its_name() -> None:
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/a"), ("ce_type", b"x.y")]
    assert fault(b"{}", headers=headers).field == "ce-time"
    headers.append(("ce_time", b"yesterday"))
    found_fault = fault(b"{}", headers=headers)
    assert (found_fault.field, found_fault.got) == ("ce-time", "'yesterday'")


def test_a_future_event_is_refused_by_the_limit_of_workers() -> None:
    """The record gets the timestamp by which the event is judged, so that the worker judges alike."""
    at_limit = answer() | {"time": "2096-10-02T07:11:40Z"}
    assert accepted(at_limit).record.timestamp == NOW_MS
    beyond = fault(answer() | {"time": "2096-10-02T07:11:40.001Z"})
    assert (beyond.field, beyond.got) == ("time", "2096-10-02T07:11:40.001000+00:00")
    assert beyond.allowed == "up to 5 minutes after 2096-10-02T07:06:40+00:00"


@pytest.mark.parametrize("mode", ["structured", "bare", "binary"])
def test_unknown_fields_reach_the_workers(mode: str) -> None:
    """They count their names."""
    event = answer(chanel="web", comment="é", score=None)
    headers: list[tuple[str, bytes]] = []
    value = msgspec.json.encode(event)
    if mode == "bare":
        value = msgspec.json.encode({name: event[name] for name in ("id", "type", "time", "data")})
    if mode == "binary":
        headers = [(f"ce_{name}", text.encode()) for name, text in event.items() if name != "data"]
        value = msgspec.json.encode(event["data"])
    result = accepted(value, headers=headers)
    assert result.unknown == ("chanel",)
    event_read, unknown = Decoder(FEEDBACK).decode_with_unknown(result.record.value, ())
    assert unknown == ("chanel",)
    assert event_read == Decoder(FEEDBACK).decode(value, headers)


def test_a_value_is_at_most_as_long_as_workers_read() -> None:
    """Also one that grows by the attributes of its headers."""
    headers = [(f"ce_{name}", text.encode()) for name, text in answer().items() if name != "data"]
    data = msgspec.json.encode(answer(comment="")["data"])
    long = data.replace(b'"comment":""', b'"comment":"%s"' % (b"a" * (MAX_VALUE - len(data))))
    assert len(long) == MAX_VALUE
    assert fault(long, headers=headers).status == 413
    oversized = fault(b" " * (MAX_VALUE + 1))
    assert (oversized.status, oversized.field, oversized.got) == (413, "value", f"{MAX_VALUE + 1} bytes")


def test_a_source_sends_its_topics_and_types_only() -> None:
    grant = Grant("shop", frozenset({"tickets"}))
    refused = fault(answer(), grant=grant)
    assert (refused.status, refused.field, refused.got) == (403, "type", "cx.feedback.submitted.v1")
    typed = Grant("shop", types=frozenset({"cx.feedback.offered.v1"}))
    assert fault(answer(), grant=typed).status == 403
    accepted(answer(), grant=Grant("shop", frozenset({"feedback"}), frozenset({"cx.feedback.submitted.v1"})))


def test_an_erasure_needs_all_topics() -> None:
    erasure = answer() | {"type": "cx.customer.erased.v1", "data": {"customer_id": "c-1"}}
    assert fault(erasure, grant=Grant("shop", frozenset({"customers", "tickets"}))).status == 403
    assert accepted(erasure).record.domains == ("feedback", "tickets", "customers")
