"""Messages of version 1, which must be understood for ever."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from schemas.codec import Decoder, encode
from schemas.envelope import EVENTS, Event, at_ms
from schemas.json_schemas import schema
from schemas.keys import owner_of
from schemas.topics import TOPICS

FILES = sorted((Path(__file__).parent / "golden" / "v1").glob("*.json"))
VALIDATORS = {
    kind.TYPE: Draft202012Validator(schema(kind), format_checker=FormatChecker()) for kind in EVENTS
}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> dict[str, Any]:
    return json.loads(request.param.read_text())


def to_json(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return value.isoformat() if isinstance(value, datetime) else value


def decoded_fields(event: Event, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": event.id,
        "source": event.source,
        "at_ms": at_ms(event),
        "key": owner_of(event.data),
        "data": {name: to_json(getattr(event.data, name)) for name in fields},
    }


def binary(event: dict[str, Any]) -> tuple[bytes, list[tuple[str, bytes | None]]]:
    headers = [("ce_" + name, text.encode()) for name, text in event.items() if name != "data"]
    return json.dumps(event["data"]).encode(), [("content-type", b"application/json"), *headers]


def test_structured_messages_are_decoded(golden: dict[str, Any]) -> None:
    """A structured CloudEvent is decoded as when it was written."""
    event = Decoder(TOPICS[golden["topic"]]).decode(json.dumps(golden["event"]).encode(), ())
    assert decoded_fields(event, golden["expected"]["data"]) == golden["expected"]
    assert golden["event"]["type"] == event.data.TYPE


def test_every_field_is_checked(golden: dict[str, Any]) -> None:
    """A golden message has the expected value of each field of its struct."""
    event = Decoder(TOPICS[golden["topic"]]).decode(json.dumps(golden["event"]).encode(), ())
    assert set(event.data.__struct_fields__) <= golden["expected"]["data"].keys()


def test_binary_messages_are_decoded(golden: dict[str, Any]) -> None:
    """The same event with its attributes in `ce_` headers is the same."""
    decoder = Decoder(TOPICS[golden["topic"]])
    structured = decoder.decode(json.dumps(golden["event"]).encode(), ())
    assert decoder.decode(*binary(golden["event"])) == structured


def test_messages_without_optional_attributes_are_decoded(golden: dict[str, Any]) -> None:
    """Without `specversion` and `source` it is the same event from an unknown source."""
    bare = {name: value for name, value in golden["event"].items() if name not in {"specversion", "source"}}
    event = Decoder(TOPICS[golden["topic"]]).decode(json.dumps(bare).encode(), ())
    assert decoded_fields(event, golden["expected"]["data"]) == golden["expected"] | {"source": "/unknown"}


def test_fields_may_be_in_any_order(golden: dict[str, Any]) -> None:
    """Fields may be in any order, also the type last."""
    decoder = Decoder(TOPICS[golden["topic"]])
    reversed_event = dict(reversed(golden["event"].items()))
    structured = decoder.decode(json.dumps(golden["event"]).encode(), ())
    assert decoder.decode(json.dumps(reversed_event).encode(), ()) == structured


def test_golden_messages_survive_a_round_trip(golden: dict[str, Any]) -> None:
    """An encoded event decodes to the same event and satisfies its JSON Schema."""
    decoder = Decoder(TOPICS[golden["topic"]])
    event = decoder.decode(json.dumps(golden["event"]).encode(), ())
    encoded = encode(event)
    assert decoder.decode(encoded, ()) == event
    validator = VALIDATORS[golden["event"]["type"]]
    validator.validate(golden["event"])
    validator.validate(json.loads(encoded))


def test_each_type_has_a_golden_message() -> None:
    """No type of version 1 is without one."""
    types_with_golden_messages = {
        (doc["topic"], doc["event"]["type"]) for doc in (json.loads(path.read_text()) for path in FILES)
    }
    assert types_with_golden_messages == {
        (topic.domain, kind.TYPE) for topic in TOPICS.values() for kind in topic.types
    }
