"""Parts of the exporter's OpenAPI document that several of its paths have."""

from stream.http.openapi_parts import Document, json_response, text_response


def refusals(others: Document | None = None) -> Document:
    """Return the responses by status that every path of the API may have. `others` are added or replace these."""
    return {
        "400": json_response(
            "A parameter or its value is not allowed. The error names the allowed ones", "Error"
        ),
        "401": text_response("The user or password of exporter.web_config is missing or wrong"),
        "421": text_response("The exporter has another name: see the setting exporter.hosts"),
        "429": text_response("Too many passwords of this address are being verified"),
        "503": text_response("Too many passwords are being verified"),
        **(others or {}),
    }


def array(items: Document) -> Document:
    """Return the schema of an array."""
    return {"type": "array", "items": items}


def query_parameter(name: str, description: str, schema: Document) -> Document:
    """Return a parameter of the query."""
    return {"name": name, "in": "query", "description": description, "schema": schema}
