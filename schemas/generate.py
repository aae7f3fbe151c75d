"""The contract for other languages: a JSON Schema for each event type, and an AsyncAPI document of the topics."""

import json
from inspect import getdoc

from .envelope import EVENTS
from .examples import EXAMPLES
from .fields import Data
from .json_schemas import Document, schema, schema_of_all
from .topics import DEADLETTER, TOPICS, Topic, topics_of

FOLDER = "schemas/generated"
PARTITIONS = 12
BINDING = "0.5.0"
CONTENT = "application/cloudevents+json"

_CARRIES = {
    "feedback": "Survey offers, answers, edits, deletions, notes",
    "tickets": "Ticket life cycle, messages, handled interactions",
    "customers": "Customer life cycle, purchases, referrals",
}
_KEYS = {
    "feedback": "Best the feedback ID, of a note the note ID, of an erasure the customer's ID. Any key works, others cost a hop",
    "tickets": "Best the ticket ID, of an interaction without ticket the interaction ID, of an erasure the customer's ID. "
    "Any key works, others cost a hop",
    "customers": "Best the ID of the customer, or of the referrer. Any key works, others cost a hop",
}
_DEAD = {
    "cx_reason": "The outcome of the record: oversized, invalid, unknown_type, future or late",
    "cx_detail": "The error in words: field, allowed values, received value",
    "cx_topic": "The input topic of the record, or hooks/NAME of a webhook whose payload could not be mapped",
    "cx_partition": "The partition of the record, -1 of a payload",
    "cx_offset": "The offset of the record, -1 of a payload",
    "cx_timestamp": "The original timestamp of the record, in ms since the epoch",
}


def documents() -> dict[str, bytes]:
    """Return the content of every generated file, by its path from the root of the repository."""
    schemas = {f"{kind.TYPE}.schema.json": schema(kind) for kind in EVENTS}
    schemas |= {"events.schema.json": schema_of_all()}
    return {
        f"{FOLDER}/{name}": json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
        for name, document in (schemas | {"asyncapi.json": asyncapi()}).items()
    }


def asyncapi() -> Document:
    """Return the AsyncAPI 3.0 document: channels with messages and keys, and the dead-letter topic."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "cxgauge",
            "version": "1.0.0",
            "description": "Events from which customer-experience metrics are computed: CloudEvents 1.0 in JSON, in the "
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
        "description": "Records that could not be processed, with their key and raw value, cut at 256 KiB",
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
