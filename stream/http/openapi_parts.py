"""Parts of OpenAPI 3.1 documents, as the intake and the exporter describe themselves."""

from typing import Any

Document = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LICENSE = {"name": "Apache 2.0", "identifier": "Apache-2.0"}


def health(operation: str, description: str, more: Document | None = None) -> Document:
    """Return an operation that answers 200 with a text. `more` are other responses by status."""
    return {
        "operationId": operation,
        "summary": description,
        "responses": {"200": text_response(description), **(more or {})},
    }


def text_response(description: str) -> Document:
    """Return a response with a text."""
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


def json_response(description: str, name: str, content_type: str = "application/json") -> Document:
    """Return a response with a JSON document of a schema among the components."""
    return {"description": description, "content": {content_type: {"schema": reference(name)}}}


def reference(name: str) -> Document:
    """Return a reference to a schema among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_schema(properties: Document, required: list[str]) -> Document:
    """Return the schema of an object."""
    return {"type": "object", "properties": properties, "required": required}
