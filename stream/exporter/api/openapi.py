"""The OpenAPI 3.1 document of the exporter: its paths, and the schemas of figures."""

import json
from typing import get_args

from schemas.generate import FOLDER
from stream.config.settings import Exporter
from stream.core.metrics import REGISTRY
from stream.core.metrics.metric import Unit
from stream.core.model.periods import PERIODS
from stream.exporter.api import incident_schemas, openapi_lists
from stream.exporter.api.formats import COLUMNS
from stream.exporter.api.openapi_parts import array, query_parameter, refusals
from stream.exporter.api.paths import FIGURES, INCIDENTS
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
_DESCRIPTION = """The values of /metrics, from the same bytes. Counts belong to the figures as there: bounds, sample sizes and \
values of the window before are series of their own. A figure without answers is absent.

With `period`, or with `from` and `to`, figures are sums of whole hours of the past. They have the period as `window`, and \
`_previous` is the period before. `absent` names the metrics that have no values there, and why."""


def documents() -> dict[str, bytes]:
    """Return the content of the document by its path from the root of the repository."""
    return {FILE: json.dumps(openapi(), indent=2, ensure_ascii=False).encode() + b"\n"}


def openapi() -> Document:
    """Return the document."""
    return {
        **head("exporter", "Customer-experience metrics in rolling windows.", Exporter().listen),
        "security": [{"password": []}, {}],
        "paths": {
            FIGURES: {"get": _figures("getFigures", json_response("The figures", "Figures"))},
            f"{FIGURES}.csv": {"get": _figures("getFiguresAsCsv", _csv())},
            INCIDENTS: {"get": incident_schemas.operation(refusals())},
            **openapi_lists.paths(),
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
                "Period": _period_schema(),
                "Absence": _absence_schema(),
                **openapi_lists.schemas(),
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
    text = {"type": "string"}
    return {
        "operationId": operation,
        "summary": "Figures by metric, view, and window or period",
        "description": _DESCRIPTION,
        "parameters": [
            _repeated("metric", "A metric as in `cxgauge explain`", {"enum": [*REGISTRY]}),
            _repeated("view", "A view of the setting metrics.views, such as total", text),
            _repeated(
                "window",
                "A window of the setting metrics.windows, such as 7d. Figures of now have none and are in every answer",
                text,
            ),
            query_parameter("period", "Instead of windows: a period of the calendar", {"enum": [*PERIODS]}),
            query_parameter(
                "from", "With `to`: begin of a period, a date or time. Local without an offset", text
            ),
            query_parameter("to", "Its end, which is outside", text),
            query_parameter(
                "time_zone",
                "IANA time zone of the period. Its days must begin with an hour of UTC",
                {"type": "string", "default": "UTC"},
            ),
        ],
        "responses": {"200": response, **refusals()},
    }


def _repeated(name: str, description: str, schema: Document) -> Document:
    text = f"{description}. Repeat it for several, leave it out for all"
    return query_parameter(name, text, array(schema)) | {"explode": True}


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
    figure = {"type": "string", "description": "The name of a figure, as in the setting targets"}
    target = {"figure": figure, "value": {"type": "number"}}
    benchmark = target | {"source": {"type": "string"}, "year": {"type": "integer"}}
    members = {
        "partitions": _partitions(),
        "targets": array(object_schema(target, [*target])),
        "benchmarks": array(object_schema(benchmark, [*benchmark])),
        "figures": array(reference("Figure")),
    }
    of_periods = {
        "period": reference("Period"),
        "absent": array(reference("Absence")) | {"description": "Of a period. Empty if nothing is absent"},
    }
    return object_schema(members | of_periods, [*members])


def _period_schema() -> Document:
    time = {"type": "string", "format": "date-time"}
    interval = {"from": time, "to": time}
    before = object_schema(interval, [*interval])
    before["description"] = "The period before, whose values are the series with _previous"
    members = interval | {"time_zone": {"type": "string"}, "before": before}
    return object_schema(members, [*members])


def _absence_schema() -> Document:
    parts = (
        "all: every figure; before: those of the period before; state: those that are no sums, such as stocks"
    )
    members = {
        "metrics": array({"enum": [*REGISTRY]}),
        "part": {"enum": ["all", "before", "state"], "description": parts},
        "reason": {"type": "string"},
    }
    return object_schema(members, [*members])


def _figure_schema() -> Document:
    properties = {
        "metric": {"enum": [*REGISTRY]},
        "version": {"type": "integer", "description": "Of the metric's definition"},
        "series": {"type": "string", "description": "The name in /metrics"},
        "unit": {"enum": [*get_args(Unit)]},
        "view": {"type": "string"},
        "window": {"type": ["string", "null"], "description": "Of a period FROM/TO. null for figures of now"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "value": {"type": "number"},
    }
    return object_schema(properties, [*properties])
