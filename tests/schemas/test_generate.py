"""The generated documents: current, valid, and consistent with the decoder."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.customers import PurchaseCompleted
from schemas.envelope import EVENTS
from schemas.examples import EXAMPLES
from schemas.feedback import FeedbackSubmitted
from schemas.fields import Data
from schemas.generate import FOLDER, documents
from schemas.json_schemas import schema, schema_of_all
from schemas.topics import TOPICS
from stream.backtest import report
from stream.exporter.api import openapi as exporter_openapi
from stream.intake import openapi as intake_openapi

ROOT = Path(__file__).parents[2]
ASYNCAPI: dict[str, Any] = json.loads(documents()[f"{FOLDER}/asyncapi.json"])


def test_files_are_current() -> None:
    """The files equal the generated ones, no more and no fewer."""
    actual = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in (ROOT / FOLDER).iterdir()}
    of_commands = intake_openapi.documents() | exporter_openapi.documents() | report.documents()
    assert actual == documents() | of_commands


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TYPE)
def test_schemas_are_valid(kind: type[Data]) -> None:
    """Each is JSON Schema 2020-12 with a description, and accepts its example."""
    document = schema(kind)
    Draft202012Validator.check_schema(document)
    Draft202012Validator(document).validate(json.loads(EXAMPLES[kind]))
    assert document["properties"]["type"] == {"const": kind.TYPE}
    assert document["description"]


@pytest.mark.parametrize(
    "data",
    [
        {"score": 11},
        {"score": -1},
        {"score": "9"},
        {"score": 7.5},
        {"score": True},
        {"score": 2**53},
        {"survey": "csat", "score": 0},
        {"survey": "ces", "score": 6},
        {"survey": "other"},
        {"scale": [1, 10]},
        {"scale": [0]},
        {"scale": [0, 5, 10]},
        {"scale": [0, "10"]},
        {"scale": [0, 10], "score": 11},
        {"revision": -1},
        {"channel": " "},
        {"channel": "x" * 65},
        {"customer_id": ""},
        {"customer_id": "x" * 257},
        {"reasons": ["a"] * 17},
        {"reasons": ["\t"]},
        {"labels": []},
        {"direction": "up"},
    ],
)
def test_the_schema_refuses_what_the_decoder_refuses(data: dict[str, Any]) -> None:
    """The limits are in the schema too."""
    event = json.loads(EXAMPLES[FeedbackSubmitted])
    event["data"] = {"feedback_id": "f", "survey": "nps", "score": 9} | data
    assert not Draft202012Validator(schema(FeedbackSubmitted)).is_valid(event)


@pytest.mark.parametrize(
    "data",
    [
        {"scale": [0, 10]},
        {"scale": None, "revision": None, "reasons": None},
        {"survey": "csat", "scale": [1, 10]},
        {"survey": "exit", "score": 99},
        {"channel": f" {'x' * 64} "},
        {"score": None, "else": {}},
    ],
)
def test_the_schema_accepts_what_the_decoder_accepts(data: dict[str, Any]) -> None:
    """Other scales, nulls, white space and unknown fields are accepted."""
    event = json.loads(EXAMPLES[FeedbackSubmitted])
    event["data"] = {"feedback_id": "f", "survey": "nps", "score": 9} | data
    Draft202012Validator(schema(FeedbackSubmitted)).validate(event)


def test_the_schema_of_all_events_is_that_of_each() -> None:
    """It accepts all examples, and refuses an event whose data are of another type."""
    document = schema_of_all()
    Draft202012Validator.check_schema(document)
    validator = Draft202012Validator(document)
    examples = [json.loads(example) for example in EXAMPLES.values()]
    for event in examples:
        validator.validate(event)
        assert not validator.is_valid(event | {"data": {}})
        assert not validator.is_valid(event | {"type": "cx.unknown.v1"})
    purchase = json.loads(EXAMPLES[PurchaseCompleted])
    assert not validator.is_valid(purchase | {"type": FeedbackSubmitted.TYPE})
    definitions = document["$defs"]
    for kind, event in EVENTS.items():
        assert definitions[event.__name__]["properties"] == schema(kind)["properties"]
        assert definitions[kind.__name__] == schema(kind)["$defs"][kind.__name__]


@pytest.mark.parametrize(
    "document", [*map(schema, EVENTS), schema_of_all()], ids=lambda document: document["$id"]
)
def test_schemas_suit_generators(document: dict[str, Any]) -> None:
    """Every definition has its key as title. Objects, enumerations and arrays of a fixed length are definitions."""
    for title, definition in document["$defs"].items():
        assert definition["title"] == title
        for name, field in definition.get("properties", {}).items():
            for part in [field, *field.get("anyOf", []), *field.get("allOf", [])]:
                assert not {"enum", "prefixItems", "minItems"} & part.keys(), name
                assert part.get("type") != "object", name
                assert not ("$ref" in part and len(part) > 1), name
            assert name in {"type", "specversion", "data"} or field["description"]
    assert document["title"]


def resolve(reference: str) -> Any:
    part: Any = ASYNCAPI
    for step in reference.removeprefix("#/").split("/"):
        part = part[step]
    return part


def references(document: Any) -> list[str]:
    if isinstance(document, list):
        return [reference for part in document for reference in references(part)]
    if isinstance(document, dict):
        own_reference = [document["$ref"]] if "$ref" in document else []
        return own_reference + [reference for part in document.values() for reference in references(part)]
    return []


def test_asyncapi_references_exist() -> None:
    """Every reference is to a part of the document or to a schema beside it."""
    all_references = references(ASYNCAPI)
    for reference in all_references:
        if reference.startswith("#/"):
            assert resolve(reference)
        else:
            assert FOLDER + reference.removeprefix(".") in documents()
    assert len(all_references) > 2 * len(EVENTS)


def test_asyncapi_describes_the_topics() -> None:
    """Channels are the topics with their partitions, messages the types native to them, with their keys."""
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    for domain, topic in TOPICS.items():
        channel = ASYNCAPI["channels"][domain]
        assert channel["address"] == channel["bindings"]["kafka"]["topic"] == topic.name
        assert channel["bindings"]["kafka"]["partitions"] == 12
        messages = [resolve(message["$ref"]) for message in channel["messages"].values()]
        assert [message["name"] for message in messages] == [kind.TYPE for kind in topic.types]
        assert all(message["bindings"]["kafka"]["key"]["description"] for message in messages)
        assert ASYNCAPI["operations"][f"receive_{domain}"] == {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{domain}"},
        }
    assert ASYNCAPI["operations"]["send_deadletter"]["action"] == "send"
