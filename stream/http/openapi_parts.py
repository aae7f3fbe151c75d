"""Parts of OpenAPI 3.1 documents, as the intake and the exporter describe themselves."""

from typing import Any

from schemas.json_schemas import DIALECT
from stream.config import Address

Document = dict[str, Any]


def head(service: str, description: str, listen: Address) -> Document:
    """Return the first members of the document of a service with this default address."""
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": f"cxgauge {service}",
            "version": "1.0.0",
            "description": description,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": f"http://{listen}", "description": f"The default of {service}.listen"}],
    }


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
