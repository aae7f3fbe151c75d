"""The part of the exporter's OpenAPI document about incidents."""

from typing import get_args

from stream.core.detection.incident_card import Kind
from stream.core.detection.streams import STREAMS
from stream.http.openapi_parts import Document, json_response, object_schema, reference
from stream.monitoring.alerts.rule import Severity

DESCRIPTION = """A card for each incident: a finding of the series about unusual figures that is an alert with the shipped \
threshold. Its text joins the clauses that are known and whose figures are complete. Reason codes and counts are in it, and no customers."""
_TEXT: Document = {"type": "string"}


def operation(errors: Document) -> Document:
    """Return the operation. `errors` are its other responses by status."""
    return {
        "operationId": "getIncidents",
        "summary": "Incidents, each as one text",
        "description": DESCRIPTION,
        "responses": {"200": json_response("The incidents", "Incidents"), **errors},
    }


def schemas(partitions: Document) -> Document:
    """Return the schemas by name. `partitions` is that of the coverage."""
    return {
        "Incidents": _object(
            {"partitions": partitions, "incidents": {"type": "array", "items": reference("Incident")}}
        ),
        "Incident": _incident(),
        "Clause": _clause(),
        "SeriesValue": _object(
            {"series": _TEXT | {"description": "As in /metrics"}, "value": {"type": "number"}}
        ),
    }


def _incident() -> Document:
    return _object(
        {
            "of": {"enum": [stream.of for stream in STREAMS]},
            "alert": _TEXT | {"description": "The name of the alert rule"},
            "severity": {"enum": [*get_args(Severity)]},
            "view": _TEXT,
            "labels": {"type": "object", "additionalProperties": _TEXT},
            "by_chance_per_month": {
                "type": "number",
                "description": "How often a month chance alone would show something as remarkable",
            },
            "since": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "Beginning of the bucket in which it began. null if that is not in the panes",
            },
            "text": _TEXT | {"description": "The texts of the clauses, joined. Times are in UTC"},
            "clauses": {"type": "array", "items": reference("Clause"), "minItems": 1},
        }
    )


def _clause() -> Document:
    return _object(
        {
            "kind": {"enum": [*get_args(Kind)]},
            "text": _TEXT,
            "link": _TEXT
            | {"description": "The part of the live page's address that shows more, with its #"},
            "figures": {"type": "array", "items": reference("SeriesValue"), "minItems": 1},
        }
    )


def _object(properties: Document) -> Document:
    return object_schema(properties, [*properties])
