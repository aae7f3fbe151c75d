"""The OpenAPI 3.1 document of the intake, beside the JSON Schemas of the events."""

import json

from schemas.examples import EXAMPLES
from schemas.feedback import FeedbackSubmitted
from schemas.generate import FOLDER
from stream.config.settings import Intake
from stream.http.openapi_parts import (
    Document,
    head,
    health,
    json_response,
    object_schema,
    reference,
    text_response,
)
from stream.intake.bodies import MAX_BODY
from stream.intake.decoding import TYPES
from stream.intake.media_types import BATCH, LINES, STRUCTURED
from stream.intake.problem import CONTENT_TYPE
from stream.intake.splitting import MAX_EVENTS

PATH = f"{FOLDER}/openapi.json"
_PROBLEMS = {
    "400": "No event was accepted, or the request cannot be read",
    "401": "The token or password is missing or wrong",
    "403": "The token may send none of these events",
    "408": "The body did not arrive in time",
    "413": "The body, the batch or the event is too large",
    "415": "The media type or coding is not supported",
    "421": "The intake has another name: see the setting intake.hosts",
    "429": "Too many passwords of this address are being verified",
    "503": "Kafka did not acknowledge all events. Send them again: duplicates are recognised",
}
_ATTRIBUTES = ("specversion", "id", "source", "type", "time")


def documents() -> dict[str, bytes]:
    """Return the content of the document by its path from the root of the repository."""
    return {PATH: json.dumps(openapi(), indent=2, ensure_ascii=False).encode() + b"\n"}


def openapi() -> Document:
    """Return the document."""
    return {
        **head(
            "intake",
            "Events from which customer-experience metrics are computed, over HTTP. An event that is sent twice is counted once.",
            Intake().listen,
        ),
        "security": [{"token": []}, {"password": []}, {}],
        "paths": {
            "/v1/events": {"post": _events()},
            "/v1/hooks/{name}": {"post": _hook()},
            "/livez": {"get": health("livez", "The process answers")},
            "/readyz": {
                "get": health(
                    "readyz",
                    "Events can be stored",
                    {"503": text_response("Events cannot be stored. The text says why")},
                )
            },
            "/metrics": {"get": health("metrics", "The intake's series in the text format of Prometheus")},
        },
        "components": {"schemas": _schemas(), "securitySchemes": _security(), "responses": _responses()},
    }


def _events() -> Document:
    event = reference("Event")
    return {
        "operationId": "sendEvents",
        "summary": "Send one event or several",
        "description": "CloudEvents 1.0 in the structured, batched or binary mode of the HTTP binding, or JSON Lines of events. Each "
        "event is validated. The answer comes when Kafka has acknowledged the valid ones.",
        "parameters": [
            {
                "name": "atomic",
                "in": "query",
                "description": "Accept all events of the request or none",
                "schema": {"type": "boolean", "default": False},
            },
            *(_attribute(name) for name in _ATTRIBUTES),
        ],
        "requestBody": {
            "required": True,
            "description": f"At most {MAX_BODY} bytes and {MAX_EVENTS} events, plain or with Content-Encoding gzip",
            "content": {
                STRUCTURED: {
                    "schema": event,
                    "examples": {"answer": {"value": json.loads(EXAMPLES[FeedbackSubmitted])}},
                },
                BATCH: {"schema": {"type": "array", "items": event, "maxItems": MAX_EVENTS}},
                LINES: {"schema": {"type": "string", "description": "An event on each line"}},
                "application/json": {
                    "schema": {"type": "object"},
                    "example": {"feedback_id": "answer-1", "survey": "nps", "score": 9},
                },
            },
        },
        "responses": {
            "202": json_response("All events are stored", "Accepted"),
            "207": json_response("Some events are stored. There is a result for each", "Partial"),
            **{status: {"$ref": f"#/components/responses/Problem{status}"} for status in _PROBLEMS},
        },
    }


def _hook() -> Document:
    return {
        "operationId": "receiveHook",
        "summary": "Receive a webhook of another system",
        "description": "The setting intake.hooks.NAME says how the request is verified and which mapping makes events of it.",
        "security": [{}],
        "parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {}},
                "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
            },
        },
        "responses": {
            "200": json_response("The events of the payload are stored, or no rule takes it", "Received"),
            **{
                status: {"$ref": f"#/components/responses/Problem{status}"}
                for status in _PROBLEMS
                if status not in ("403", "415")
            },
            "404": {"$ref": "#/components/responses/Problem404"},
        },
    }


def _attribute(name: str) -> Document:
    return {
        "name": f"ce-{name}",
        "in": "header",
        "description": f"The attribute {name} in binary mode, percent-encoded. The body is then the data",
        "schema": {"type": "string"},
    }


def _responses() -> Document:
    responses = {
        f"Problem{status}": json_response(text, "Problem", CONTENT_TYPE)
        for status, text in (_PROBLEMS | {"404": "There is no webhook of this name"}).items()
    }
    for status in ("429", "503"):
        responses[f"Problem{status}"]["headers"] = {
            "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}
        }
    return responses


def _security() -> Document:
    return {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of the setting intake.tokens"},
        "password": {"type": "http", "scheme": "basic", "description": "A user of intake.web_config"},
    }


def _schemas() -> Document:
    count = {"type": "integer", "minimum": 0}
    counts = {"accepted": count, "rejected": count}
    index = {"type": "integer", "minimum": 0, "description": "Position of the event in the request, from 0"}
    warning = object_schema({"index": index, "detail": {"type": "string"}}, ["index", "detail"])
    warnings = {"type": "array", "items": warning, "description": "Unknown fields, which no metric reads"}
    fault = object_schema(
        {
            "index": index,
            "status": {"type": "integer"},
            "field": {
                "type": "string",
                "description": "Path of the field, empty if the whole event is meant",
            },
            "got": {
                "type": ["string", "null"],
                "description": "The received value as text, null if it is missing",
            },
            "allowed": {"type": "string", "description": "The allowed values in words"},
            "detail": {"type": "string"},
        },
        ["index", "status", "field", "got", "allowed", "detail"],
    )
    stored = object_schema(
        {"index": index, "status": {"const": 202}, "id": {"type": "string"}}, ["index", "status", "id"]
    )
    result = {"oneOf": [reference("Stored"), reference("Fault")]}
    return {
        "Event": {"oneOf": [{"$ref": f"./{kind.TYPE}.schema.json"} for kind in TYPES]},
        "Accepted": object_schema({**counts, "warnings": warnings}, list(counts)),
        "Partial": object_schema(
            {**counts, "warnings": warnings, "results": {"type": "array", "items": result}},
            [*counts, "results"],
        ),
        "Stored": stored,
        "Fault": fault,
        "Problem": object_schema(
            {
                "type": {"type": "string", "format": "uri"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "errors": {"type": "array", "items": reference("Fault")},
            },
            ["type", "title", "status"],
        ),
        "Received": object_schema({"events": count, "unmapped": count}, ["events", "unmapped"]),
    }
