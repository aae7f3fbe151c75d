"""The paths and schemas of lists and comments in the exporter's OpenAPI document."""

from typing import get_args

from stream.core.model.comment import CommentClass
from stream.core.model.listing import TICKET_LISTS, LeavingState
from stream.exporter.api.openapi_parts import array, query_parameter, refusals
from stream.exporter.live.answers import DEFAULT_ROWS, MAX_ROWS
from stream.http.openapi_parts import Document, json_response, object_schema, reference

_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_TIME = {"type": "string", "format": "date-time"}
_AGE = {"type": "integer", "minimum": 0, "description": "Seconds since `since`"}
_LIMIT = query_parameter(
    "limit",
    "Most rows of the answer",
    {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": DEFAULT_ROWS},
)
_WINDOW = query_parameter(
    "window", "Window of moments. Default: 24h, or the first of the setting metrics.windows", _TEXT
)


def paths() -> Document:
    """Return the operations by path."""
    dimensions = [
        query_parameter(name, f"Only tickets of this {name}", _TEXT)
        for name in ("channel", "team", "priority")
    ]
    name = query_parameter("list", "The list", {"enum": [*TICKET_LISTS], "default": "waiting"})
    labels = query_parameter(
        "label",
        "Only comments with this value, as NAME:VALUE such as channel:app. Repeat it for several labels",
        array({"type": "string", "pattern": "^[^:]+:"}),
    )
    filters = [
        query_parameter("survey", "Only comments of this survey", _TEXT),
        query_parameter(
            "class", "Only comments of answers of this class", {"enum": [*get_args(CommentClass)]}
        ),
        query_parameter("reason", "Only comments of answers that name this reason code", _TEXT),
        labels | {"explode": True},
    ]
    return {
        "/api/v1/lists": {"get": _state("getListState", "Why there are no lists")},
        "/api/v1/tickets": {
            "get": _rows(
                "getTickets",
                "IDs of tickets behind a figure",
                "TicketList",
                [name, _WINDOW, *dimensions, _LIMIT],
            )
        },
        "/api/v1/customers/leaving": {
            "get": _rows(
                "getLeavingCustomers", "IDs of customers who leave", "LeavingList", [_WINDOW, _LIMIT]
            )
        },
        "/api/v1/comments": {
            "get": _rows("getComments", "The newest kept comments", "CommentList", [*filters, _LIMIT])
        },
        "/api/v1/comments/state": {"get": _state("getCommentState", "Why there are no comments")},
    }


def _rows(operation: str, summary: str, schema: str, parameters: list[Document]) -> Document:
    errors = refusals(
        {
            "403": json_response("It is switched off, or the exporter has no users", "Error"),
            "503": json_response(
                "The state is being read, or too many passwords are being verified", "Error"
            ),
        }
    )
    return {
        "operationId": operation,
        "summary": summary,
        "description": "For users of exporter.web_config only. It contains personal data or IDs.",
        "parameters": parameters,
        "responses": {"200": json_response(summary, schema), **errors},
    }


def _state(operation: str, summary: str) -> Document:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {
            "200": json_response("Both texts are empty if there are some", "Availability"),
            **refusals(),
        },
    }


def schemas() -> Document:
    """Return the schemas by name."""
    off = {"type": "string", "description": "Why there are none until the exporter is started again"}
    reason = {"type": "string", "description": "Why there are none now"}
    return {
        "Error": _complete({"error": _TEXT}),
        "Availability": _complete({"off": off, "reason": reason}),
        "TicketList": _listing("tickets", reference("Ticket"), {"enum": [*TICKET_LISTS]}),
        "Ticket": _complete(
            {
                "id": _TEXT,
                "since": _TIME,
                "age_seconds": _AGE,
                "channel": _TEXT_OR_NULL,
                "team": _TEXT_OR_NULL,
                "priority": _TEXT_OR_NULL,
                "url": _TEXT_OR_NULL | {"description": "By the setting exporter.ticket_url"},
            }
        ),
        "LeavingList": _listing("customers", reference("LeavingCustomer"), {"enum": ["leaving"]}),
        "LeavingCustomer": _complete(
            {
                "id": _TEXT,
                "state": {"enum": [*get_args(LeavingState)]},
                "since": _TIME | {"description": "Of the first notice that stands, or of the churn"},
                "age_seconds": _AGE,
                "reason": _TEXT_OR_NULL,
                "voluntary": {"type": ["boolean", "null"]},
                "plan": _TEXT_OR_NULL,
            }
        ),
        "CommentList": _complete(
            {
                "total": _COUNT | {"description": "All that pass the filters"},
                "choices": _choices(),
                "comments": array(reference("Comment")),
            }
        ),
        "Comment": _complete(
            {
                "feedback_id": _TEXT,
                "time": _TIME,
                "survey": _TEXT,
                "score": {"type": ["number", "null"]},
                "class": {"enum": [*get_args(CommentClass), None]},
                "reasons": array(_TEXT),
                "values": {"type": "object", "additionalProperties": _TEXT, "description": "By label"},
                "text": _TEXT,
            }
        ),
    }


def _choices() -> Document:
    lists = {name: array(_TEXT) for name in ("survey", "class", "reason")}
    labels = {"type": "object", "additionalProperties": array(_TEXT)}
    return _complete(lists | {"labels": labels}) | {"description": "The values of each filter"}


def _listing(rows: str, row: Document, name: Document) -> Document:
    return _complete(
        {
            "list": name,
            "at": _TIME | {"description": "The end of the window, and the present for ages"},
            "window": _TEXT_OR_NULL,
            "total": _COUNT,
            "incomplete": {
                "type": "string",
                "description": "Partitions that are not covered. Empty if all are",
            },
            rows: array(row),
        }
    )


def _complete(properties: Document) -> Document:
    """Return the schema of an object that always has all properties."""
    return object_schema(properties, [*properties])
