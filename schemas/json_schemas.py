"""JSON Schemas (2020-12) of the events, in a form that generators of code understand as well as validators do.

Enumerations, objects and arrays of two stand in `$defs` under their title, which is the name of the generated type.
Descriptions stand at the property. A scale is an array of two items without `prefixItems`, and the rules for scores are
one `if`, because generators give up on tuples and on an `allOf` of rules.
"""

import json
from inspect import getdoc
from typing import Any

import msgspec

from .envelope import EVENTS
from .examples import EXAMPLES
from .feedback import SCALES, FeedbackSubmitted
from .fields import Data

Document = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NULL = {"type": "null"}


def schema(kind: type[Data]) -> Document:
    """Return the schema of a structured CloudEvent with data of a type."""
    definitions = _definitions(kind)
    event = definitions.pop(EVENTS[kind].__name__)
    return {"$schema": DIALECT, "$id": f"urn:cxgauge:{kind.TYPE}", **event, "$defs": definitions}


def schema_of_all() -> Document:
    """Return the schema of a structured CloudEvent of any type, from which one run of a generator makes all types."""
    definitions: dict[str, Document] = {}
    for kind in EVENTS:
        definitions |= _definitions(kind)
    return {
        "$schema": DIALECT,
        "$id": "urn:cxgauge:events",
        "title": "CxgaugeEvent",
        "description": "An event of any type, told apart by its type",
        "oneOf": [{"$ref": f"#/$defs/{event.__name__}"} for event in EVENTS.values()],
        "$defs": dict(sorted(definitions.items())),
    }


def _definitions(kind: type[Data]) -> dict[str, Document]:
    """Return the definitions of an event, of its data, and of the types of its fields."""
    definitions: dict[str, Document] = msgspec.json.schema(EVENTS[kind])["$defs"]
    name = EVENTS[kind].__name__
    properties = definitions.pop(name)["properties"]
    properties |= {"type": {"const": kind.TYPE}, "specversion": {"const": "1.0"}}
    del properties["source"]["anyOf"], properties["source"]["default"]
    properties["source"] |= {"type": "string", "minLength": 1, "description": "URI reference of what sent it"}
    data = definitions[kind.__name__]
    del data["additionalProperties"]  # unknown fields are ignored
    for property_name, field in data["properties"].items():
        data["properties"][property_name] = _simple(field, definitions)
    if kind is FeedbackSubmitted:
        data |= _scores()
    event = {
        "title": name,
        "description": getdoc(kind),
        "type": "object",
        "properties": properties,
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "examples": [json.loads(EXAMPLES[kind])],
    }
    return {name: event, **definitions}


def _simple(field: Document, definitions: dict[str, Document]) -> Document:
    """Return a field with its description outside, and with a reference in place of a type that has a title."""
    alternatives = [part for part in field.get("anyOf", [field]) if part != _NULL]
    (value,) = (dict(part) for part in alternatives)
    description = field.get("description") or value.get("description")
    value.pop("description", None)
    default = {"default": field["default"]} if "default" in field else {}
    value.pop("default", None)
    is_nullable = "anyOf" in field
    if "title" in value:
        value = _reference(value, definitions)
        # beside a bare $ref a description would make generators write a second type
        value = value if is_nullable else {"allOf": [value]}
    shape = {"anyOf": [value, _NULL]} if is_nullable else value
    return {"description": description, **shape, **default}


def _reference(value: Document, definitions: dict[str, Document]) -> Document:
    """Return a reference to a type, which becomes a definition.

    Raises:
        ValueError: two types have one title
    """
    title = value["title"]
    if "enum" in value:
        value = {"title": title, "type": "string", "enum": value["enum"]}
    elif "prefixItems" in value:
        first, *others = value.pop("prefixItems")
        if any(item != first for item in others):
            raise ValueError(f"{title}: the items of an array must have one type")
        value["items"] = first
    elif value["type"] == "object":
        value.setdefault("additionalProperties", True)
    if definitions.setdefault(title, value) != value:
        raise ValueError(f"{title}: is the title of two types")
    return {"$ref": f"#/$defs/{title}"}


def _scores() -> Document:
    """Return the rules for scores on default scales, and for the scale of NPS.

    JSON Schema cannot compare a score with a scale in the same event. The description of the field states that rule.
    """
    rules: Document = {}
    for survey, scale in reversed(SCALES.items()):
        if scale is None:
            continue
        condition = {"properties": {"survey": {"const": survey}}, "required": ["survey"]}
        then = {"properties": {"score": {"minimum": scale[0], "maximum": scale[1]}}}
        if survey == "nps":
            then["properties"]["scale"] = {"enum": [list(scale), None]}  # type: ignore[dict-item]
        else:
            condition["properties"]["scale"] = _NULL  # type: ignore[index]
        rules = {"if": condition, "then": then} | ({"else": rules} if rules else {})
    return rules
