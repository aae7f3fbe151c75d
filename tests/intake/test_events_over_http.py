"""`POST /v1/events`, as clients send it that no one here wrote."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cloudevents.core.bindings import http as binding
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1 import conversion
from cloudevents.v1.http import CloudEvent as CloudEventV1

from stream.intake.bodies import MAX_BODY, gunzip
from stream.intake.exchange import problem_response
from stream.intake.problem import ProblemError, unsupported
from stream.intake.splitting import MAX_EVENTS
from tests.intake.http_client import BATCH, LINES, STRUCTURED, curl, send, send_events
from tests.intake.running import NOW, RunningIntake, answer

ATTRIBUTES = {"type": "cx.feedback.submitted.v1", "source": '/läden/😀 %2F "x"', "id": "a b%20c"}
DATA = {"feedback_id": "r-1", "survey": "nps", "score": 9, "comment": "schön 😀"}


def test_the_sdk_in_binary_mode(intake: RunningIntake) -> None:
    """With attributes that have to be percent-encoded."""
    event = CloudEvent({**ATTRIBUTES, "specversion": "1.0", "time": datetime.now(UTC)}, DATA)
    message = binding.to_binary(event, JSONFormat())
    assert "content-type" not in message.headers
    assert send(intake.url, message.body, None, **message.headers).status == 202
    (stored,) = intake.sink.events()
    assert (stored["id"], stored["source"], stored["data"]) == (ATTRIBUTES["id"], ATTRIBUTES["source"], DATA)


def test_the_sdk_in_binary_mode_with_a_content_type(intake: RunningIntake) -> None:
    attributes = {**ATTRIBUTES, "specversion": "1.0", "time": datetime.now(UTC)}
    event = CloudEvent({**attributes, "datacontenttype": "application/json; charset=utf-8"}, DATA)
    message = binding.to_binary(event, JSONFormat())
    assert send(intake.url, message.body, None, **message.headers).status == 202
    assert intake.sink.events()[0]["data"] == DATA


def test_the_sdk_in_structured_mode(intake: RunningIntake) -> None:
    event = CloudEvent({**ATTRIBUTES, "specversion": "1.0", "time": datetime.now(UTC)}, DATA)
    message = binding.to_structured(event, JSONFormat())
    assert send(intake.url, message.body, None, **message.headers).status == 202
    assert intake.sink.events()[0]["id"] == ATTRIBUTES["id"]


@pytest.mark.parametrize("convert", [conversion.to_binary, conversion.to_structured])
def test_the_sdk_of_version_1(intake: RunningIntake, convert: Any) -> None:
    """Its attributes are not percent-encoded."""
    event = CloudEventV1({"type": ATTRIBUTES["type"], "source": "/shop", "id": "a-1"}, DATA)
    headers, body = convert(event)
    assert send(intake.url, body, None, **headers).status == 202
    assert intake.sink.events()[0]["data"] == DATA


@pytest.mark.tools
def test_curl_sends_each_mode(intake: RunningIntake, tmp_path: Any, require: Callable[[str], Path]) -> None:
    require("curl")
    url = f"{intake.url}/v1/events"
    single = json.dumps(answer(1))
    assert curl(url, "-H", f"Content-Type: {STRUCTURED}", "-d", single) == (
        202,
        {"accepted": 1, "rejected": 0},
    )
    batch = json.dumps([answer(2), answer(3)])
    assert curl(url, "-H", f"Content-Type: {BATCH}; charset=UTF-8", "-d", batch)[0] == 202
    in_headers = [f"-Hce-{name}: {value}" for name, value in answer(4).items() if name != "data"]
    data = json.dumps(answer(4)["data"])
    assert curl(url, *in_headers, "-H", "Content-Type: application/json", "-d", data)[0] == 202
    assert curl(url, *in_headers, "-H", "Content-Type:", "-d", data)[0] == 202
    lines = tmp_path / "events.jsonl"
    bare = {name: value for name, value in answer(5).items() if name not in ("specversion", "source")}
    lines.write_text(f"{json.dumps(bare)}\r\n\n{json.dumps(answer(6))}")
    assert curl(url, "-H", f"Content-Type: {LINES}", "--data-binary", f"@{lines}")[0] == 202
    assert curl(url, "-H", "Content-Type: application/json", "-d", json.dumps(bare, indent=2))[0] == 202
    assert [event["id"] for event in intake.sink.events()] == [
        f"e-{number}" for number in (1, 2, 3, 4, 4, 5, 6, 5)
    ]
    assert intake.sink.events()[5]["source"] == "/unknown"
    assert intake.count("anonymous", "accepted") == 6


@pytest.mark.tools
def test_curl_sends_a_large_body_after_the_server_agreed(
    intake: RunningIntake, tmp_path: Any, require: Callable[[str], Path]
) -> None:
    """Above 1 MiB curl waits for `100 Continue`. Chunks have no length in advance."""
    require("curl")
    lines = tmp_path / "events.jsonl"
    lines.write_text("\n".join(json.dumps(answer(number, comment="x" * 1_400)) for number in range(600)))
    given = ["-H", f"Content-Type: {LINES}", "--data-binary", f"@{lines}", f"{intake.url}/v1/events"]
    assert curl("-H", "Expect: 100-continue", *given) == (202, {"accepted": 600, "rejected": 0})
    assert curl("-H", "Transfer-Encoding: chunked", *given) == (202, {"accepted": 600, "rejected": 0})
    assert intake.budget.reserved == 0


def test_of_a_batch_the_valid_events_are_taken(intake: RunningIntake) -> None:
    """The answer has a result for each, in the order of the batch."""
    batch = [answer(1), answer(2, score=11), answer(3, scroe=1), {"id": "x"}, 7]
    response = send_events(intake.url, batch)
    assert response.status == 207
    document = response.document
    assert (document["accepted"], document["rejected"]) == (2, 3)
    assert [(result["index"], result["status"]) for result in document["results"]] == [
        *((0, 202), (1, 400), (2, 202), (3, 400), (4, 400))
    ]
    assert document["results"][0]["id"] == "e-1"
    assert document["results"][1]["field"] == "data.score"
    assert document["warnings"] == [
        {"index": 2, "detail": "data.scroe: unknown field of cx.feedback.submitted.v1, did you mean 'score'"}
    ]
    assert [event["id"] for event in intake.sink.events()] == ["e-1", "e-3"]
    assert intake.count("anonymous", "partial") == 1


def test_of_an_atomic_batch_all_events_are_taken_or_none(intake: RunningIntake) -> None:
    path = "/v1/events?atomic=true"
    response = send_events(intake.url, [answer(1), answer(2, score=11)], path=path)
    assert (response.status, response.headers["content-type"]) == (400, "application/problem+json")
    assert response.document["title"] == "No event was accepted, because the batch is atomic"
    assert [error["index"] for error in response.document["errors"]] == [1]
    assert intake.sink.records == []
    assert send_events(intake.url, [answer(1), answer(2)], path=path).status == 202
    assert send_events(intake.url, [answer(1)], path="/v1/events?atomic=yes").status == 400
    misspelt = send_events(intake.url, [answer(1), answer(2, score=11)], path="/v1/events?atomc=true")
    assert (misspelt.status, misspelt.document["detail"]) == (400, "query: expected atomic, got 'atomc'")


def test_a_request_without_a_valid_event_is_a_problem(intake: RunningIntake) -> None:
    response = send_events(intake.url, answer(score=11), STRUCTURED)
    assert (response.status, response.headers["content-type"]) == (400, "application/problem+json")
    detail = "data.score: expected int from 0 to 10, or null, got 11"
    assert response.document == {
        "type": "urn:cxgauge:problem:invalid-events",
        "title": "No event was accepted",
        "status": 400,
        "detail": f"event 0: {detail}",
        "errors": [
            {
                "index": 0,
                "status": 400,
                "field": "data.score",
                "got": "11",
                "allowed": "int from 0 to 10, or null",
                "detail": detail,
            }
        ],
    }
    assert intake.count("anonymous", "invalid") == 1


def test_requests_are_measured(intake: RunningIntake) -> None:
    body = json.dumps(answer())
    assert send(intake.url, body).status == 202
    assert send(intake.url, "{").status == 400
    names = ("ack_seconds_count", "bytes_total", "in_flight")
    sample = intake.metrics.registry.get_sample_value
    assert [sample(f"cxgauge_intake_{name}") for name in names] == [1, len(body) + 1, 0]


def test_an_empty_batch_is_taken(intake: RunningIntake) -> None:
    """The binding allows it."""
    assert send(intake.url, "[]", BATCH)[::2] == (202, {"accepted": 0, "rejected": 0})


@pytest.mark.parametrize(
    ("content_type", "body", "detail"),
    [
        (BATCH, "{}", "expected a JSON array of events"),
        (BATCH, "[{}", "expected a JSON array of events"),
        (BATCH, "", "expected a JSON array of events"),
        (BATCH, "[" * 100_000, "nested too deeply"),
        (LINES, " \n\r\n", "expected JSON Lines"),
        ("application/json", " [{}]", f"an array, whose content type is {BATCH}"),
        (STRUCTURED, "", "value: expected a JSON object, got an empty value"),
        (STRUCTURED, "\ud83d".encode("utf-8", "surrogatepass"), "expected JSON in UTF-8"),
    ],
)
def test_a_body_that_cannot_be_read(
    intake: RunningIntake, content_type: str, body: bytes | str, detail: str
) -> None:
    response = send(intake.url, body, content_type)
    assert response.status == 400
    assert detail in response.document["detail"]


def test_too_many_bytes_or_events(intake: RunningIntake) -> None:
    """Also with a length that is known only at the end."""
    too_long = b" " * (MAX_BODY + 1)
    assert send(intake.url, too_long).status == 413
    connection = HTTPConnection(urlsplit(intake.url).netloc, timeout=30)
    chunks = iter([too_long[: MAX_BODY // 2]] * 3)
    connection.request("POST", "/v1/events", chunks, {"Content-Type": STRUCTURED}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    response = send_events(intake.url, [answer(1)] * (MAX_EVENTS + 1))
    assert (response.status, response.document["detail"]) == (
        413,
        f"body: {MAX_EVENTS + 1} events, {MAX_EVENTS} are allowed",
    )
    assert send_events(intake.url, answer(comment="a" * 300_000), STRUCTURED).status == 413
    assert intake.sink.records == []
    assert intake.count("anonymous", "too_large") == 4
    assert intake.budget.reserved == 0


def test_compressed_bodies(intake: RunningIntake) -> None:
    """Above the limit after decompression they are refused without being decompressed whole."""
    body = json.dumps(answer()).encode()
    compressed = gzip.compress(body)
    assert send(intake.url, compressed, Content_Encoding="gzip").status == 202
    assert send(intake.url, compressed[:-3], Content_Encoding="gzip").status == 400
    assert send(intake.url, compressed + b"x", Content_Encoding="gzip").status == 400
    assert send(intake.url, body, Content_Encoding="gzip").status == 400
    assert send(intake.url, gzip.compress(b" " * 5_000_000), Content_Encoding="gzip").status == 413
    assert send(intake.url, body, Content_Encoding="br").status == 415
    assert intake.budget.reserved == 0


def test_a_bomb_is_not_decompressed() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ProblemError, match="more after decompression"):
            gunzip(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BODY
    finally:
        tracemalloc.stop()


def test_without_kafka_the_sender_is_asked_to_try_again(intake: RunningIntake) -> None:
    intake.sink.lose_connection("no broker")
    response = send_events(intake.url, [answer()])
    assert (response.status, response.headers["retry-after"]) == (503, "2")
    assert response.headers["content-type"] == "application/problem+json"
    assert intake.count("anonymous", "unavailable") == 1
    assert send(intake.url, "", method="GET", path="/readyz")[::2] == (503, "no broker\n")


def test_when_memory_is_reserved_a_request_is_not_read(intake: RunningIntake) -> None:
    with intake.budget.reserve(intake.budget.limit - 20_000):
        assert send_events(intake.url, answer(comment="a" * 20_000), STRUCTURED).status == 503
        assert send_events(intake.url, answer(), STRUCTURED).status == 202


def test_a_header_that_cannot_be_decoded(intake: RunningIntake) -> None:
    response = send(intake.url, "{}", "application/json", ce_specversion="1.0", ce_id="%C0%A0")
    assert (response.status, response.document["title"]) == (400, "A header is invalid")
    assert send(intake.url, json.dumps(answer()), STRUCTURED, ce_id="%C0%A0").status == 202


def test_another_version_of_the_envelope(intake: RunningIntake) -> None:
    response = send_events(intake.url, answer() | {"specversion": "0.3"}, STRUCTURED)
    assert response.document["errors"][0]["field"] == "specversion"
    headers = {"ce_specversion": "0.3", "ce_id": "1", "ce_source": "/a", "ce_type": "t", "ce_time": NOW}
    response = send(intake.url, "{}", "application/json", **headers)
    assert response.document["errors"][0]["field"] == "ce-specversion"


def test_control_characters_in_a_problem_are_escaped() -> None:
    response = problem_response(unsupported("got \x1b[2J\u202e"))
    assert json.loads(str(response.body, "ascii"))["detail"] == r"got \x1b[2J\u202e"  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["atomic=%ff", "atomic=%", "atomic=true&atomic=x", "%ff=%ff", "a" * 7_000])
def test_a_strange_query(intake: RunningIntake, query: str) -> None:
    """No text in it is an unexpected error."""
    assert send(intake.url, json.dumps(answer()), path=f"/v1/events?{query}").status in (202, 400)
    assert send(intake.url, "", path=f"/v1/hooks/none?{query}").status == 404
    assert intake.count("anonymous", "error") == 0
