"""Records of another topic as events and dead letters, without Kafka."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import CONTENT_TYPE, MAX_VALUE
from schemas.times import from_ms
from stream.bridge.options import BridgeOptions, check_options
from stream.bridge.positions import first_offsets, starting_offset
from stream.bridge.retention import check_retention
from stream.bridge.translation import (
    MAX_KEY_AND_HEADERS,
    Source,
    Translated,
    Translator,
    dead_letter,
    given,
)
from stream.config import Settings
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.errors import ConfigError, PreconditionFailed
from stream.kafka.reading import OffsetRange
from stream.mapping.mapping import MAX_ERRORS, compile_mapping, load
from tests.bridge.bridges import MAPPING, answer
from tests.deploy.project import ROOT
from tests.support import DAY, NOW, FakeRecord

SOURCE = Source("answers", 3)
EXAMPLES = ROOT / "deploy" / "examples"
OUTBOX_HEADERS = [("id", b"0b1e"), ("eventType", b"AnswerGiven")]
EVENT_TIME = "2026-11-27T12:05:00.250000Z"


def translate(*records: FakeRecord, mapping: str = MAPPING, timestamps: Any = "record") -> Translated:
    """Return the results of records of one partition."""
    return Translator(compile_mapping(mapping, "m.toml"), timestamps).translate_all(records, SOURCE, NOW)


def record(value: bytes | None, **fields: Any) -> FakeRecord:
    """Return a record of the source topic."""
    return FakeRecord(**({"offset": 17, "timestamp": NOW, "key": b"k", "value": value} | fields))


def headers_of(outgoing: OutgoingRecord) -> dict[str, str]:
    """Return the headers of a dead letter as text."""
    return {name: (value or b"").decode() for name, value in outgoing.headers}


def test_an_event_has_its_owner_as_key_and_the_records_timestamp() -> None:
    outgoing, counts = translate(record(answer(1)))
    (sent,) = outgoing
    assert (sent.domain, sent.partition, sent.key, sent.timestamp) == ("feedback", None, b"r-1", NOW)
    assert sent.headers == [CONTENT_TYPE]
    assert json.loads(sent.value or b"")["id"] == "1"
    assert (counts.mapped, counts.ignored, counts.dead_letters, counts.events) == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("timestamps", "timestamp", "expected"),
    [
        ("record", NOW - 7, NOW - 7),
        ("record", NOW + DAY, NOW),
        ("record", -1, NOW),
        ("event", NOW - 7, NOW - DAY),
        ("now", NOW - 7, NOW),
    ],
)
def test_the_timestamp_of_sent_records(timestamps: str, timestamp: int, expected: int) -> None:
    """The future becomes the present. A record of an old client may have no timestamp, which is -1."""
    mapping = MAPPING.replace("_timestamp", "at")
    value = json.dumps(json.loads(answer(1)) | {"at": NOW - DAY}).encode()
    (sent,) = translate(record(value, timestamp=timestamp), mapping=mapping, timestamps=timestamps).outgoing
    assert sent.timestamp == expected


@pytest.mark.parametrize("value", [None, b"null", b"{}", b'{"kind":"other"}', b"[]"])
def test_tombstones_and_records_that_no_rule_takes_are_ignored(value: bytes | None) -> None:
    outgoing, counts = translate(record(value))
    assert outgoing == []
    assert (counts.mapped, counts.ignored, counts.dead_letters, counts.events) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (
            b"\0\0\0\0\7abc",
            "value: begins with byte 0, as the Avro, Protobuf and JSON Schema serializers of a Schema Registry",
        ),
        (b"", "value: expected JSON in UTF-8, got b''"),
        (b"{", "value: expected JSON in UTF-8, got b'{'"),
        (b'"\xff"', "value: expected JSON in UTF-8"),
        (b"[" * 600 + b"]" * 600, "value: nested too deeply"),
        (b"7", "m.toml: got 7, allowed is a JSON object"),
        (answer(1, 11), "m.toml: rule 1 (cx.feedback.submitted.v1): data.score: "),
    ],
)
def test_a_record_that_cannot_be_mapped_is_a_dead_letter(value: bytes, detail: str) -> None:
    outgoing, counts = translate(record(value, headers=[("trace", b"t"), ("cx_topic", b"forged")]))
    (sent,) = outgoing
    headers = headers_of(sent)
    assert (sent.domain, sent.key, sent.value) == ("", b"k", value)
    assert headers.pop("cx_detail").startswith(detail)
    assert headers == {
        "trace": "t",
        "cx_reason": "invalid",
        "cx_topic": "answers",
        "cx_partition": "3",
        "cx_offset": "17",
        "cx_timestamp": str(NOW),
    }
    assert (counts.mapped, counts.ignored, counts.dead_letters, counts.events) == (0, 0, 1, 0)


def test_the_good_events_of_a_record_are_used_and_it_is_one_dead_letter() -> None:
    """Of many errors the detail names some, and counts the others."""
    mapping = MAPPING.replace('when = { kind = "answer" }', 'each = "@.all"').replace("{n}", "{_each.n}")
    mapping = mapping.replace('path = "score"', 'path = "_each.score"')
    elements = [{"n": 1, "score": 9}, *({"n": n, "score": 11} for n in range(2, MAX_ERRORS + 5))]
    outgoing, counts = translate(record(json.dumps({"all": elements}).encode()), mapping=mapping)
    event, dead = outgoing
    assert json.loads(event.value or b"")["data"]["feedback_id"] == "r-1"
    assert headers_of(dead)["cx_detail"].endswith("; 3 more")
    assert headers_of(dead)["cx_detail"].count("; ") == MAX_ERRORS
    assert (counts.mapped, counts.dead_letters, counts.events) == (0, 1, 1)


def test_an_event_that_is_too_large_is_a_dead_letter() -> None:
    large = MAPPING + 'comment = "{text}"\n'
    value = json.dumps(json.loads(answer(1)) | {"text": "x" * MAX_VALUE}).encode()
    (dead,) = translate(record(value), mapping=large).outgoing
    assert len(dead.value or b"") == MAX_VALUE
    assert f"bytes, {MAX_VALUE} are allowed" in headers_of(dead)["cx_detail"]


def test_a_dead_letter_always_fits_its_topic() -> None:
    source = record(b"{", headers=[("h", bytes(MAX_KEY_AND_HEADERS))])
    sent = dead_letter(source, SOURCE, "fault")
    assert (sent.key, "h" in headers_of(sent)) == (None, False)
    assert headers_of(sent)["cx_detail"].startswith("fault; key and headers are left out")
    assert dead_letter(record(b"{"), SOURCE, "fault").key == b"k"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (None, None),
        (b"c-17", "c-17"),
        (b"007", "007"),
        (b'"c-17"', "c-17"),
        (b'{"id":7}', {"id": 7}),
        (b"{", "{"),
    ],
)
def test_expressions_read_key_headers_and_position(key: bytes | None, expected: object) -> None:
    names = given(record(None, key=key, headers=[("EventType", b"x"), ("none", None)]), SOURCE)
    assert names == {
        "_key": expected,
        "_headers": {"eventtype": "x", "none": None},
        "_timestamp": NOW,
        "_topic": "answers",
        "_partition": 3,
        "_offset": 17,
    }


@pytest.mark.parametrize(
    ("name", "expected", "ignored"),
    [
        (
            "debezium_tickets",
            [
                (
                    "7/created",
                    "2026-11-20T09:00:00Z",
                    {"ticket_id": "7", "customer_id": "c-17", "priority": "urgent"},
                ),
                (
                    "7/solved/2026-11-20T11:30:00Z",
                    "2026-11-20T11:30:00Z",
                    {"ticket_id": "7", "status": "solved", "by": "agent"},
                ),
                ("8/created", EVENT_TIME, {"ticket_id": "8", "customer_id": "c-18", "priority": "normal"}),
                (
                    "8/solved/2026-11-27T12:20:00Z",
                    "2026-11-27T12:20:00Z",
                    {"ticket_id": "8", "status": "solved", "by": "bot"},
                ),
                ("9/deleted", "2026-11-27T12:30:00Z", {"ticket_id": "9"}),
            ],
            2,
        ),
        (
            "debezium_outbox",
            [
                (
                    "0b1e",
                    EVENT_TIME,
                    {"feedback_id": "a-1", "survey": "nps", "score": 9, "customer_id": "c-17"},
                ),
                (
                    "0b1e",
                    "2026-11-27T12:06:00Z",
                    {"feedback_id": "a-2", "survey": "nps", "score": 4, "customer_id": "c-17"},
                ),
            ],
            0,
        ),
        (
            "connect_orders",
            [
                (
                    "501/paid",
                    EVENT_TIME,
                    {"order_id": "501", "customer_id": "c-17", "amount_minor": 4990, "currency": "EUR"},
                )
            ],
            1,
        ),
    ],
)
def test_the_examples_give_the_events_of_their_samples(
    name: str, expected: list[tuple[str, str, dict[str, Any]]], ignored: int
) -> None:
    lines = Path(EXAMPLES / "samples" / f"{name}.jsonl").read_bytes().splitlines()
    records = [record(line, key=b"c-17", headers=OUTBOX_HEADERS) for line in lines]
    outgoing, counts = Translator(load(EXAMPLES / f"{name}.toml"), "record").translate_all(
        records, SOURCE, NOW
    )
    events = [json.loads(sent.value or b"") for sent in outgoing]
    assert [(event["id"], event["time"], event["data"]) for event in events] == expected
    assert (counts.ignored, counts.dead_letters) == (ignored, 0)


def test_the_outbox_ignores_other_types() -> None:
    mapping = load(EXAMPLES / "debezium_outbox.toml")
    value = (EXAMPLES / "samples" / "debezium_outbox.jsonl").read_bytes().splitlines()[0]
    other = record(value, headers=[("id", b"0b1e"), ("eventType", b"AnswerViewed")])
    assert Translator(mapping, "record").translate_all([other], SOURCE, NOW).outgoing == []


@pytest.mark.parametrize(
    ("age", "retention", "is_kept"),
    [(3 * DAY, 5 * DAY, True), (4 * DAY + 1, 5 * DAY, False), (900 * DAY, -1, True)],
)
def test_an_event_that_kafka_would_delete_is_refused(age: int, retention: int, is_kept: bool) -> None:
    outgoing, _ = translate(record(answer(1), timestamp=NOW - age))
    if is_kept:
        check_retention(outgoing, {"feedback": retention}, NOW)
    else:
        with pytest.raises(PreconditionFailed, match=f"{from_ms(NOW - age):%Y-%m-%d}.*keeps records for 5d"):
            check_retention(outgoing, {"feedback": retention}, NOW)


def options(**changes: Any) -> BridgeOptions:
    """Return options with changes."""
    return BridgeOptions("answers", "g", "beginning", "record", once=False)._replace(**changes)


def test_the_first_start_and_the_next_ones() -> None:
    """The topic holds offsets 10 to 19."""
    tp: Any = SOURCE
    span = OffsetRange(10, 20)
    assert first_offsets({tp: span}, options()) == {tp: 10}
    assert first_offsets({tp: span}, options(first_start="end")) == {tp: 20}
    assert [starting_offset(tp, n, span, options(first_start="end")) for n in (None, 4, 15, 20)] == [
        10,
        10,
        15,
        20,
    ]
    with pytest.raises(PreconditionFailed, match="the topic was recreated"):
        starting_offset(tp, 21, span, options())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"topic": "cx.tickets"}, "TOPIC: got 'cx.tickets'"),
        ({"topic": "cx.state.feedback"}, "TOPIC: got 'cx.state.feedback'"),
        ({"topic": "cx.deadletter"}, "TOPIC: got 'cx.deadletter'"),
        ({"group": "cxgauge"}, "--group: got 'cxgauge'"),
    ],
)
def test_topics_of_cxgauge_and_the_group_of_the_workers_are_refused(
    changes: dict[str, Any], text: str
) -> None:
    check_options(options(), Settings())
    with pytest.raises(ConfigError, match=text):
        check_options(options(**changes), Settings())


def test_transactional_ids_of_different_bridges_differ() -> None:
    """Also where a group's name ends as the topic's begins."""
    assert options(group="a", topic="b-c").transactional_id("0") != options(
        group="a-b", topic="c"
    ).transactional_id("0")
