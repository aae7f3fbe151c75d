"""The contract for other languages: a JSON Schema per event type, and an AsyncAPI document of the topics."""

import json
from inspect import getdoc
from typing import Any

import msgspec

from .envelope import EVENTS
from .examples import EXAMPLES
from .feedback import SCALES, FeedbackSubmitted
from .fields import Data
from .topics import DEADLETTER, TOPICS, Topic, topics_of

Document = dict[str, Any]

FOLDER = "schemas/generated"
PARTITIONS = 12
BINDING = "0.5.0"
CONTENT = "application/cloudevents+json"

_CARRIES = {
    "feedback": "Survey offers, answers, edits, deletions",
    "tickets": "Ticket life cycle, messages, handled interactions",
    "customers": "Customer life cycle, purchases, referrals",
}
_KEYS = {
    "feedback": "The customer's id, without one the feedback id; all events of one feedback_id carry one key",
    "tickets": "The customer's id, without one the ticket id, then the interaction id; all events of one ticket "
    "carry one key",
    "customers": "The customer's id (the referrer's), always",
}
_DEAD = {
    "cx_reason": "Why it was not used: oversized, invalid, unknown_type, future or late",
    "cx_detail": "The same in words: field, what came, what is allowed",
    "cx_topic": "The input topic it was read from",
    "cx_partition": "The partition it was read from",
    "cx_offset": "The offset it was read at",
    "cx_timestamp": "Its first record timestamp, in ms since the epoch",
}


def documents() -> dict[str, bytes]:
    """Every generated file: path from the project's root, and content."""
    schemas = {f"{kind.TYPE}.schema.json": schema(kind) for kind in EVENTS}
    return {
        f"{FOLDER}/{name}": json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
        for name, document in (schemas | {"asyncapi.json": asyncapi()}).items()
    }


def schema(kind: type[Data]) -> Document:
    """JSON Schema 2020-12 of a structured CloudEvent with data of a type."""
    definitions = msgspec.json.schema(EVENTS[kind])["$defs"]
    envelope = definitions.pop(EVENTS[kind].__name__)
    properties = envelope["properties"]
    properties["specversion"] = {"const": "1.0"}
    del properties["source"]["anyOf"], properties["source"]["default"]
    properties["source"] |= {"type": "string", "minLength": 1, "description": "URI reference of what sent it"}
    if kind is FeedbackSubmitted:
        definitions[kind.__name__]["allOf"] = _scores()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cxgauge:{kind.TYPE}",
        "title": kind.TYPE,
        "description": getdoc(kind),
        "type": "object",
        "properties": properties,
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "examples": [json.loads(EXAMPLES[kind])],
        "$defs": definitions,
    }


def _scores() -> list[Document]:
    """The scales of answers that name none, and the only one of NPS. Other scales hold by their description."""
    unscaled = {"properties": {"scale": {"type": "null"}}}
    rules = [
        {
            "if": {"allOf": [_survey(survey), unscaled]},
            "then": {"properties": {"score": {"minimum": scale[0], "maximum": scale[1]}}},
        }
        for survey, scale in SCALES.items()
        if scale is not None
    ]
    return [
        *rules,
        {"if": _survey("nps"), "then": {"properties": {"scale": {"enum": [SCALES["nps"], None]}}}},
    ]


def _survey(name: str) -> Document:
    return {"properties": {"survey": {"const": name}}, "required": ["survey"]}


def asyncapi() -> Document:
    """AsyncAPI 3.0: what is received on which channel under which key, and where dead letters go."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "cxgauge",
            "version": "1.0.0",
            "description": "Events that customer-experience figures are made of: CloudEvents 1.0, JSON, in the "
            "structured or the binary mode of the Kafka binding",
        },
        "defaultContentType": CONTENT,
        "channels": {domain: _channel(topic) for domain, topic in TOPICS.items()} | {"deadletter": _dead()},
        "operations": {f"receive_{domain}": _operation("receive", domain) for domain in TOPICS}
        | {"send_deadletter": _operation("send", "deadletter")},
        "components": {"messages": {kind.__name__: _message(kind) for kind in EVENTS}},
    }


def _channel(topic: Topic) -> Document:
    return {
        "address": topic.name,
        "description": f"{_CARRIES[topic.domain]}. Key: {_KEYS[topic.domain]}",
        "messages": {
            kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in topic.types
        },
        "bindings": {
            "kafka": {"topic": topic.name, "partitions": PARTITIONS, "bindingVersion": BINDING},
        },
    }


def _operation(action: str, channel: str) -> Document:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _message(kind: type[Data]) -> Document:
    return {
        "name": kind.TYPE,
        "title": kind.TYPE,
        "summary": (getdoc(kind) or "").splitlines()[0],
        "contentType": CONTENT,
        "payload": {
            "schemaFormat": "application/schema+json;version=2020-12",
            "schema": {"$ref": f"./{kind.TYPE}.schema.json"},
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": _KEYS[topics_of(kind)[0].domain]},
                "bindingVersion": BINDING,
            },
        },
        "examples": [{"name": "example", "payload": json.loads(EXAMPLES[kind])}],
    }


def _dead() -> Document:
    headers = {name: {"type": "string", "description": text} for name, text in _DEAD.items()}
    return {
        "address": DEADLETTER,
        "description": "What could not be used: raw bytes, cut at 256 KiB, and key, as they came",
        "messages": {
            "DeadLetter": {
                "name": "cx.deadletter",
                "contentType": "application/octet-stream",
                "headers": {"type": "object", "properties": headers, "required": list(_DEAD)},
                "payload": {},
            }
        },
        "bindings": {"kafka": {"topic": DEADLETTER, "bindingVersion": BINDING}},
    }
