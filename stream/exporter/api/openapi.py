"""The OpenAPI 3.1 document of the exporter."""

import json
from typing import get_args

from schemas.generate import FOLDER
from stream.config.settings import Exporter
from stream.core.metrics import REGISTRY
from stream.core.metrics.metric import Unit
from stream.exporter.api import incident_schemas
from stream.exporter.api.endpoint import PATH
from stream.exporter.api.formats import COLUMNS
from stream.exporter.live.incidents import PATH as INCIDENTS
from stream.http.openapi_parts import (
    Document,
    head,
    health,
    json_response,
    object_schema,
    reference,
    text_response,
)

FILE = f"{FOLDER}/exporter-openapi.json"
_ERRORS = {
    "400": text_response("A parameter is unknown. The text names the allowed values"),
    "401": text_response("The user or password of exporter.web_config is missing or wrong"),
    "421": text_response("The exporter has another name: see the setting exporter.hosts"),
    "429": text_response("Too many passwords of this address are being verified"),
    "503": text_response("Too many passwords are being verified"),
}
_DESCRIPTION = """The values of /metrics, from the same bytes. Counts belong to the figures as there: bounds, sample sizes and \
values of the window before are series of their own. A figure without answers is absent."""


def documents() -> dict[str, bytes]:
    """Return the content of the document by its path from the root of the repository."""
    return {FILE: json.dumps(openapi(), indent=2, ensure_ascii=False).encode() + b"\n"}


def openapi() -> Document:
    """Return the document."""
    return {
        **head("exporter", "Customer-experience metrics in rolling windows.", Exporter().listen),
        "security": [{"password": []}, {}],
        "paths": {
            PATH: {"get": _figures("getFigures", json_response("The figures", "Figures"))},
            f"{PATH}.csv": {"get": _figures("getFiguresAsCsv", _csv())},
            INCIDENTS: {"get": incident_schemas.operation(_ERRORS)},
            "/metrics": {"get": health("metrics", "All series in the text format of Prometheus")},
            "/livez": {"get": health("livez", "The process answers")},
            "/readyz": {
                "get": health(
                    "readyz",
                    "Every partition is covered",
                    {"503": text_response("Figures are incomplete or absent. The text says why")},
                )
            },
        },
        "components": {
            "schemas": {
                "Figures": _list_schema(),
                "Figure": _figure_schema(),
                **incident_schemas.schemas(_partitions()),
            },
            "securitySchemes": {
                "password": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "A user of exporter.web_config",
                }
            },
        },
    }


def _figures(operation: str, response: Document) -> Document:
    return {
        "operationId": operation,
        "summary": "Figures by metric, view and window",
        "description": _DESCRIPTION,
        "parameters": [
            _parameter("metric", "A metric as in `cxgauge explain`", {"enum": [*REGISTRY]}),
            _parameter("view", "A view of the setting metrics.views, such as total", {"type": "string"}),
            _parameter(
                "window",
                "A window of the setting metrics.windows, such as 7d. Figures of now have none and are in every answer",
                {"type": "string"},
            ),
        ],
        "responses": {"200": response, **_ERRORS},
    }


def _parameter(name: str, description: str, schema: Document) -> Document:
    return {
        "name": name,
        "in": "query",
        "description": f"{description}. Repeat it for several, leave it out for all",
        "schema": {"type": "array", "items": schema},
        "explode": True,
    }


def _csv() -> Document:
    columns = ", ".join(COLUMNS)
    text = (
        f"The figures, a line each. Columns: {columns}, one for each label, value. A text that a spreadsheet would take for a \
formula begins with an apostrophe"
    )
    return {"description": text, "content": {"text/csv": {"schema": {"type": "string"}}}}


def _partitions() -> Document:
    count = {"type": "integer", "minimum": 0}
    partitions = object_schema({"expected": count, "covered": count}, ["expected", "covered"])
    partitions["description"] = "Figures are complete while all expected partitions are covered"
    return partitions


def _list_schema() -> Document:
    figures = {"type": "array", "items": reference("Figure")}
    return object_schema({"partitions": _partitions(), "figures": figures}, ["partitions", "figures"])


def _figure_schema() -> Document:
    properties = {
        "metric": {"enum": [*REGISTRY]},
        "version": {"type": "integer", "description": "Of the metric's definition"},
        "series": {"type": "string", "description": "The name in /metrics"},
        "unit": {"enum": [*get_args(Unit)]},
        "view": {"type": "string"},
        "window": {"type": ["string", "null"], "description": "null for figures of now"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "value": {"type": "number"},
    }
    return object_schema(properties, [*properties])
