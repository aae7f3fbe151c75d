"""The OpenAPI document is valid, and describes the answers that the server gives."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from schemas.generate import FOLDER
from stream.intake import openapi
from stream.intake.decoding import TYPES
from tests.intake.http_client import BATCH, LINES, STRUCTURED, HttpAnswer, send, send_events
from tests.intake.running import RunningIntake, answer
from tests.style.sources import ROOT

DOCUMENT = openapi.openapi()


def test_the_document_is_valid() -> None:
    """With the schemas of the events, which are files beside it."""
    base = (ROOT / FOLDER).as_uri() + "/"
    assert list(OpenAPIV31SpecValidator(DOCUMENT, base_uri=base).iter_errors()) == []  # type: ignore[arg-type]
    files = [kind["$ref"] for kind in DOCUMENT["components"]["schemas"]["Event"]["oneOf"]]
    assert len(files) == len(TYPES)
    assert all((ROOT / FOLDER / file).is_file() for file in files)


def assert_described(response: HttpAnswer) -> None:
    """Compare the answer of `POST /v1/events` with its schema, and its content type."""
    described = DOCUMENT["paths"]["/v1/events"]["post"]["responses"][str(response.status)]
    if "$ref" in described:
        described = DOCUMENT["components"]["responses"][described["$ref"].rpartition("/")[2]]
    schema = described["content"][response.headers["content-type"]]["schema"]
    validator = Draft202012Validator({"components": DOCUMENT["components"], **_closed(schema)})
    assert [error.message for error in validator.iter_errors(response.document)] == []
    for name in described.get("headers", {}):
        assert name.lower() in response.headers


def _closed(schema: Any) -> Any:
    """Return a schema that also refuses members that the document does not describe."""
    name = schema["$ref"].rpartition("/")[2]
    return {**schema, "unevaluatedProperties": False} if name != "Problem" else schema


def test_answers_are_described(intake: RunningIntake) -> None:
    answers = [
        send_events(intake.url, [answer(1), answer(2, chanel="x")]),
        send_events(intake.url, [answer(1), answer(2, score=11), answer(2, chanel="x")]),
        send_events(intake.url, [answer(2, score=11), {}]),
        send(intake.url, "{", STRUCTURED),
        send(intake.url, b" " * 2_000_000, LINES),
        send(intake.url, "{}", "text/plain"),
        send(intake.url, "{}", STRUCTURED, Host="evil.example"),
    ]
    intake.sink.lose_connection("no broker")
    answers.append(send_events(intake.url, [answer(1)], BATCH))
    assert [response.status for response in answers] == [202, 207, 400, 400, 413, 415, 421, 503]
    for response in answers:
        assert_described(response)


def test_the_paths_are_those_of_the_server(intake: RunningIntake) -> None:
    for path, methods in DOCUMENT["paths"].items():
        (method,) = methods
        status = send(intake.url, "", method=method.upper(), path=path.replace("{name}", "none")).status
        assert status != 405
        assert (status == 404) == ("{name}" in path)


def test_the_example_is_taken(intake: RunningIntake) -> None:
    content = DOCUMENT["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    example = content[STRUCTURED]["examples"]["answer"]["value"]
    response = send(intake.url, json.dumps(example), STRUCTURED)
    assert response.status == 202, response.document


@pytest.mark.parametrize("content_type", [STRUCTURED, BATCH, LINES, "application/json"])
def test_media_types_are_those_that_are_read(intake: RunningIntake, content_type: str) -> None:
    assert content_type in DOCUMENT["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    assert send(intake.url, "5", content_type).status == 400
