"""Invalid events: the outcome, and a message with field, value and allowed values."""

import json
from typing import Any

import pytest

from schemas.codec import MAX_VALUE, Decoder, Undecodable
from schemas.topics import CUSTOMERS, FEEDBACK, TICKETS, Topic

SUBMITTED: dict[str, Any] = {"feedback_id": "f", "survey": "nps", "score": 9}
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e",
    "source": "/s",
    "type": "cx.feedback.submitted.v1",
    "time": "2026-11-22T10:15:00Z",
    "data": SUBMITTED,
}
LONG = "x" * 65
REMOVED = object()
DEEP = "value: nested too deeply, 500 levels are allowed"
INSTANT = "expected an RFC 3339 date-time with an offset"


def with_changes(document: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {name: value for name, value in (document | fields).items() if value is not REMOVED}


def error_of(topic: Topic, value: bytes | None, *headers: tuple[str, bytes | None]) -> tuple[str, str]:
    with pytest.raises(Undecodable) as caught:
        Decoder(topic).decode(value, headers)
    return caught.value.outcome, caught.value.detail


def event(**fields: Any) -> bytes:
    return json.dumps(with_changes(EVENT, **fields)).encode()


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (None, "value: expected a JSON object, got null (a tombstone)"),
        (b"", "value: expected a JSON object, got an empty value"),
        (b"[]", "value: expected a JSON object, got []"),
        (b"null", "value: expected a JSON object, got None"),
        (b"{}", "id: missing"),
        (b'{"id":', "value: expected JSON in UTF-8, got b'{\"id\":': Input data was truncated"),
        (
            b"\xef\xbb\xbf{}",
            r"value: expected JSON in UTF-8, got b'\xef\xbb\xbf{}': invalid character (byte 0)",
        ),
        (b"[" * 501, DEEP),
        (b"[" * 100_000, DEEP),
        (b"[" * 500, f"value: expected JSON in UTF-8, got b'{'[' * 97}…: Input data was truncated"),
    ],
)
def test_values_other_than_objects_are_invalid(value: bytes | None, detail: str) -> None:
    """A value that is no JSON object is invalid."""
    assert error_of(FEEDBACK, value) == ("invalid", detail)


@pytest.mark.parametrize(
    "text",
    [
        r'"\ud800"',
        r'"\udc00"',
        '"\x00"',
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "9" * 5000,
        "01",
        "'a'",
        "[1,]",
    ],
)
def test_invalid_json_values_are_reported(text: str) -> None:
    """Lone surrogates, raw NUL, NaN and numbers beyond any range are no values of a field."""
    raw = event(data=SUBMITTED | {"score": "?"}).replace(b'"?"', text.encode())
    outcome, detail = error_of(FEEDBACK, raw)
    assert outcome == "invalid"
    assert detail.startswith("value: expected JSON in UTF-8, got b'{")
    assert len(detail) < 250


def test_invalid_utf8_is_reported() -> None:
    """Bytes that are no UTF-8 are named."""
    outcome, detail = error_of(FEEDBACK, event(id="?").replace(b'"?"', b'"\xff"'))
    assert outcome == "invalid"
    assert detail.endswith("can't decode byte 0xff in position 0: invalid start byte")


def test_oversized_values_are_refused() -> None:
    """The limit is 256 KiB, checked before anything else."""
    padding = MAX_VALUE - len(event(pad=""))
    assert Decoder(FEEDBACK).decode(event(pad="x" * padding), ()).id == "e"
    assert error_of(FEEDBACK, event(pad="x" * padding + "x")) == (
        "oversized",
        "value: 262145 bytes, 262144 are allowed",
    )
    assert error_of(FEEDBACK, b"?" * 300_000)[0] == "oversized"


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"specversion": "0.3"}, "specversion: expected one of 1.0, got '0.3'"),
        ({"specversion": 1.0}, "specversion: expected str or null, got 1.0"),
        ({"source": REMOVED}, "source: missing, a CloudEvent needs one"),
        ({"source": None}, "source: missing, a CloudEvent needs one"),
        ({"source": ""}, "source: expected str of length >= 1, got ''"),
        ({"id": REMOVED}, "id: missing"),
        ({"id": None}, "id: expected str, got None"),
        ({"id": 7}, "id: expected str, got 7"),
        ({"id": ""}, "id: expected str of length >= 1, got ''"),
        ({"id": "i" * 257}, f"id: expected str of length <= 256, got '{'i' * 98}…"),
        ({"type": REMOVED}, "type: missing"),
        ({"type": 1}, "type: expected str, got 1"),
        ({"time": REMOVED}, "time: missing"),
        ({"time": 1_700_000_000}, f"time: {INSTANT}, got 1700000000"),
        ({"time": "1700000000"}, f"time: {INSTANT}, got '1700000000'"),
        ({"time": "2026-11-22T10:15:00"}, f"time: {INSTANT}, got '2026-11-22T10:15:00'"),
        ({"time": "2026-02-29T10:15:00Z"}, f"time: {INSTANT}, got '2026-02-29T10:15:00Z'"),
        ({"data": REMOVED}, "data: missing"),
        ({"data": None}, "data: expected object, got None"),
        ({"data": "e30="}, "data: expected object, got 'e30='"),
    ],
)
def test_invalid_attributes_are_reported(fields: dict[str, Any], detail: str) -> None:
    """Attributes are required and strictly typed. A time is never guessed."""
    assert error_of(FEEDBACK, event(**fields)) == ("invalid", detail)


@pytest.mark.parametrize(
    ("names", "detail"),
    [
        ({"feedbackid": "f"}, "feedback_id: missing, is 'feedbackid' meant?"),
        ({"FeedbackId": "f", "feedback-id": "f"}, "feedback_id: missing, is 'feedback-id' meant?"),
        ({"id": "f", "ticket_id": "t"}, "feedback_id: missing"),
        ({"feedback_id" + "x" * 60: "f"}, "feedback_id: missing"),
        ({**{f"n{n}": 1 for n in range(5_000)}, "feedbackid": "f"}, "feedback_id: missing"),
    ],
)
def test_an_unknown_field_that_resembles_a_missing_one_is_named(names: dict[str, Any], detail: str) -> None:
    """Fields that exist do not resemble it. Of thousands of fields only the first are compared."""
    data = {"survey": "nps", "score": 9, **names}
    assert error_of(FEEDBACK, event(data=data)) == ("invalid", f"data.{detail}")


def test_an_unknown_attribute_that_resembles_a_missing_one_is_named() -> None:
    assert error_of(FEEDBACK, event(type=REMOVED, typ="x")) == ("invalid", "type: missing, is 'typ' meant?")


def test_errors_are_checked_in_order() -> None:
    """The envelope is checked before the type, the type before the data."""
    assert error_of(FEEDBACK, event(id=7, type="cx.order.v1", data=None)) == (
        "invalid",
        "id: expected str, got 7",
    )
    known = "cx.feedback.offered.v1, cx.feedback.submitted.v1, cx.feedback.deleted.v1, cx.note.v1, cx.note.deleted.v1, cx.customer.erased.v1"
    assert error_of(FEEDBACK, event(type="cx.feedback.submitted.v2", data=REMOVED)) == (
        "unknown_type",
        f"type: expected one of {known}, got 'cx.feedback.submitted.v2'",
    )
    assert error_of(FEEDBACK, event(type="cx.ticket.created.v1")) == (
        "unknown_type",
        "type: cx.ticket.created.v1 belongs on cx.tickets, not on cx.feedback",
    )


LENGTH_RULE = "expected 1 to 64 characters after trimming"


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"feedback_id": REMOVED}, "feedback_id: missing"),
        ({"feedback_id": ""}, "feedback_id: expected str of length >= 1, got ''"),
        ({"survey": "NPS"}, "survey: expected one of ces, csat, exit, nps, got 'NPS'"),
        ({"score": REMOVED}, "score: missing"),
        ({"score": "9"}, "score: expected int or null, got '9'"),
        ({"score": 9.0}, "score: expected int or null, got 9.0"),
        ({"score": 7.5}, "score: expected int or null, got 7.5"),
        ({"score": True}, "score: expected int or null, got True"),
        ({"score": 11}, "score: expected int from 0 to 10, or null, got 11"),
        ({"score": -1}, "score: expected int from 0 to 10, or null, got -1"),
        ({"score": 10**30}, f"score: expected int <= {2**53 - 1}, got {10**30}"),
        ({"survey": "csat"}, "score: expected int from 1 to 5, or null, got 9"),
        ({"survey": "ces", "score": 0}, "score: expected int from 1 to 5, or null, got 0"),
        ({"survey": "exit", "scale": [1, 5]}, "score: expected int from 1 to 5, or null, got 9"),
        ({"survey": "exit", "score": 10**30}, f"score: expected int <= {2**53 - 1}, got {10**30}"),
        ({"scale": [1, 10]}, "scale: expected [0, 10] for nps, got [1, 10]"),
        ({"survey": "csat", "scale": [5, 5]}, "scale: expected [min, max] with min < max, got [5, 5]"),
        (
            {"survey": "exit", "score": None, "scale": [2, 1]},
            "scale: expected [min, max] with min < max, got [2, 1]",
        ),
        ({"scale": [0, 5, 10]}, "scale: expected array of length 2, got [0, 5, 10]"),
        ({"scale": [0, 10.0]}, "scale[1]: expected int, got 10.0"),
        ({"direction": "up"}, "direction: expected one of ease, effort, got 'up'"),
        ({"revision": -1}, "revision: expected int >= 0, got -1"),
        ({"revision": 1.0}, "revision: expected int or null, got 1.0"),
        ({"customer_id": ""}, "customer_id: expected str of length >= 1, got ''"),
        ({"customer_id": 17}, "customer_id: expected str or null, got 17"),
        ({"transaction_time": "today"}, f"transaction_time: {INSTANT}, got 'today'"),
        ({"reasons": "speed"}, "reasons: expected array or null, got 'speed'"),
        ({"reasons": ["a", None]}, "reasons[1]: expected str, got None"),
        ({"reasons": ["a", " "]}, f"reasons: {LENGTH_RULE}, got ' '"),
        ({"reasons": [LONG]}, f"reasons: {LENGTH_RULE}, got '{LONG}'"),
        ({"reasons": ["a"] * 17}, f"reasons: expected array of length <= 16, got {['a'] * 17}"),
        ({"channel": ""}, f"channel: {LENGTH_RULE}, got ''"),
        ({"touchpoint": " "}, f"touchpoint: {LENGTH_RULE}, got ' '"),
        ({"program": " "}, f"program: {LENGTH_RULE}, got ' '"),
        ({"program": LONG}, f"program: {LENGTH_RULE}, got '{LONG}'"),
        ({"team": LONG}, f"team: {LENGTH_RULE}, got '{LONG}'"),
        ({"priority": "\u2003"}, f"priority: {LENGTH_RULE}, got '\\u2003'"),
        ({"channel": 1}, "channel: expected str or null, got 1"),
        ({"labels": ["a"]}, "labels: expected object or null, got ['a']"),
    ],
)
def test_invalid_answers_are_reported(fields: dict[str, Any], detail: str) -> None:
    """Scores, scales, codes and dimensions follow the contract."""
    assert error_of(FEEDBACK, event(data=with_changes(SUBMITTED, **fields))) == ("invalid", "data." + detail)


NOTE = {"note_id": "n", "text": "Release 4.2"}
HANDLED = {"interaction_id": "i", "talk_s": 1, "hold_s": 0, "wrap_s": 0}
ORDER = {"order_id": "o", "customer_id": "c", "amount_minor": 1, "currency": "EUR"}
REFERRAL = {"referral_id": "r", "customer_id": "c", "referee_id": "c"}


@pytest.mark.parametrize(
    ("topic", "name", "data", "detail"),
    [
        (FEEDBACK, "note", {"note_id": "n"}, "text: missing"),
        (FEEDBACK, "note", {"text": "x"}, "note_id: missing"),
        (FEEDBACK, "note", NOTE | {"text": ""}, "text: expected str of length >= 1, got ''"),
        (FEEDBACK, "note", NOTE | {"text": " \n"}, r"text: expected str matching regex '\\S', got ' \n'"),
        (FEEDBACK, "note", NOTE | {"text": LONG * 2}, f"text: expected str of length <= 100, got '{'x' * 98}…"),
        (FEEDBACK, "note", NOTE | {"revision": -1}, "revision: expected int >= 0, got -1"),
        (FEEDBACK, "note", NOTE | {"channel": " "}, f"channel: {LENGTH_RULE}, got ' '"),
        (FEEDBACK, "note.deleted", {}, "note_id: missing"),
        (TICKETS, "ticket.merged", {"ticket_id": "a", "into": "a"}, "into: expected another ticket than ticket_id, got 'a'"),
        (TICKETS, "ticket.created", {"ticket_id": "a", "opened_by": "me"}, "opened_by: expected one of agent, bot, customer, system, got 'me'"),
        (TICKETS, "ticket.created", {"ticket_id": "a", "topic": ""}, f"topic: {LENGTH_RULE}, got ''"),
        (TICKETS, "ticket.updated", {"ticket_id": "a", "topic": LONG}, f"topic: {LENGTH_RULE}, got '{LONG}'"),
        (TICKETS, "ticket.deleted", {"ticket_id": "a", "reason": " "}, f"reason: {LENGTH_RULE}, got ' '"),
        (TICKETS, "ticket.message", {"ticket_id": "a", "message_id": "m", "author": "bot", "public": 1}, "public: expected bool or null, got 1"),
        (TICKETS, "ticket.status", {"ticket_id": "a", "status": "done"}, "status: expected one of closed, on_hold, open, pending, solved, got 'done'"),
        (TICKETS, "ticket.handoff", {"ticket_id": None}, "ticket_id: expected str, got None"),
        (TICKETS, "interaction.handled", HANDLED | {"talk_s": -0.001}, "talk_s: expected number >= 0.0, got -0.001"),
        (TICKETS, "interaction.handled", HANDLED | {"hold_s": "1"}, "hold_s: expected number, got '1'"),
        (TICKETS, "interaction.handled", HANDLED | {"wrap_s": False}, "wrap_s: expected number, got False"),
        (TICKETS, "interaction.handled", HANDLED | {"wrap_s": 1e300}, "wrap_s: expected number <= 9007199254740.0, got 1e+300"),
        (TICKETS, "interaction.handled", HANDLED | {"legs": 0}, "legs: expected int >= 1, got 0"),
        (CUSTOMERS, "purchase.completed", ORDER | {"amount_minor": 1.0}, "amount_minor: expected int, got 1.0"),
        (CUSTOMERS, "purchase.completed", ORDER | {"amount_minor": -1}, "amount_minor: expected int >= 0, got -1"),
        (CUSTOMERS, "purchase.completed", ORDER | {"currency": "eur"}, "currency: expected an ISO 4217 code of a currency that has decimals, got 'eur'"),
        (CUSTOMERS, "purchase.completed", ORDER | {"currency": "EUR\n"}, "currency: expected an ISO 4217 code of a currency that has decimals, got 'EUR\\n'"),
        (CUSTOMERS, "purchase.completed", ORDER | {"currency": "ABC"}, "currency: expected an ISO 4217 code of a currency that has decimals, got 'ABC'"),
        (CUSTOMERS, "purchase.completed", ORDER | {"currency": "XAU"}, "currency: expected an ISO 4217 code of a currency that has decimals, got 'XAU'"),
        (CUSTOMERS, "purchase.refunded", ORDER | {"refund_id": "r", "currency": "XXX"}, "currency: expected an ISO 4217 code of a currency that has decimals, got 'XXX'"),
        (CUSTOMERS, "purchase.refunded", ORDER, "refund_id: missing"),
        (CUSTOMERS, "referral.sent", REFERRAL, "referee_id: expected another person than customer_id, got 'c'"),
        (CUSTOMERS, "referral.converted", REFERRAL, "referee_id: expected another person than customer_id, got 'c'"),
        (CUSTOMERS, "referral.reversed", REFERRAL, "referee_id: expected another person than customer_id, got 'c'"),
        (CUSTOMERS, "customer.activated", {"customer_id": "c", "margin_rate": 1.01}, "margin_rate: expected number <= 1.0, got 1.01"),
        (CUSTOMERS, "customer.activated", {"customer_id": "c", "plan": "p" * 65}, f"plan: {LENGTH_RULE}, got '{'p' * 65}'"),
        (CUSTOMERS, "customer.updated", {"customer_id": "c", "plan": " "}, f"plan: {LENGTH_RULE}, got ' '"),
        (CUSTOMERS, "customer.churned", {"customer_id": "c", "voluntary": "no"}, "voluntary: expected bool or null, got 'no'"),
        (CUSTOMERS, "customer.cancel_scheduled", {"customer_id": "c"}, "effective_at: missing"),
        (CUSTOMERS, "customer.cancel_scheduled", {"customer_id": "c", "effective_at": "2026-12-31"}, f"effective_at: {INSTANT}, got '2026-12-31'"),
        (CUSTOMERS, "customer.erased", {}, "customer_id: missing"),
    ],
)  # fmt: skip
def test_invalid_data_of_other_types_is_reported(
    topic: Topic, name: str, data: dict[str, Any], detail: str
) -> None:
    """Rules of each type."""
    assert error_of(topic, event(type=f"cx.{name}.v1", data=data)) == ("invalid", "data." + detail)


BINARY = {"ce_" + name: text.encode() for name, text in EVENT.items() if name != "data"}
DATA = json.dumps(SUBMITTED).encode()


@pytest.mark.parametrize(
    ("headers", "value", "outcome", "detail"),
    [
        ({"ce_id": REMOVED}, DATA, "invalid", "ce_id: missing"),
        ({"ce_id": None}, DATA, "invalid", "ce_id: missing"),
        ({"ce_id": b"\xff"}, DATA, "invalid", r"ce_id: expected str, got b'\xff'"),
        ({"ce_source": REMOVED}, DATA, "invalid", "ce_source: missing, a CloudEvent needs one"),
        ({"ce_specversion": b"2.0"}, DATA, "invalid", "ce_specversion: expected one of 1.0, got '2.0'"),
        ({"ce_specversion": None}, DATA, "invalid", "ce_specversion: expected one of 1.0, got ''"),
        ({"ce_time": b"now"}, DATA, "invalid", f"ce_time: {INSTANT}, got 'now'"),
        ({"ce_type": b"cx.ticket.created.v1"}, None, "unknown_type", "type: cx.ticket.created.v1 belongs on cx.tickets, not on cx.feedback"),
        ({}, None, "invalid", "data: expected a JSON object, got null (a tombstone)"),
        ({}, b"", "invalid", "data: expected a JSON object, got an empty value"),
        ({}, b"[]", "invalid", "data: expected object, got []"),
        ({}, b"?", "invalid", "data: expected JSON in UTF-8, got b'?': invalid character (byte 0)"),
        ({}, b"{}", "invalid", "data.feedback_id: missing"),
        ({}, DATA.replace(b"9", b"11"), "invalid", "data.score: expected int from 0 to 10, or null, got 11"),
        ({}, b" " * 262_145, "oversized", "value: 262145 bytes, 262144 are allowed"),
    ],
)  # fmt: skip
def test_binary_messages_are_decoded(
    headers: dict[str, Any], value: bytes | None, outcome: str, detail: str
) -> None:
    """In binary mode attributes are named by their headers, and the value is the data alone."""
    assert error_of(FEEDBACK, value, *with_changes(BINARY, **headers).items()) == (outcome, detail)
