"""Times on the wire: forms that are accepted, and fractions of a second of any length, which are cut."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Decoder
from schemas.envelope import EVENTS, at_ms
from schemas.times import FIELDS, from_ms, to_ms
from schemas.topics import FEEDBACK

DECODER = Decoder(FEEDBACK)
LAST_MS = to_ms(datetime(2026, 6, 17, 8, 59, 59, 999_000, UTC))
LAST_MOMENTS = (
    "2026-06-17T08:59:59.999999999Z",
    "2026-06-17T08:59:59.9999999Z",
    "2026-06-17 10:59:59.99999999999999999999+02:00",
    "2026-06-17t05:59:59.9999999999-0300",
)


def event(time: str, **data: Any) -> dict[str, Any]:
    answer = {"feedback_id": "f", "survey": "nps", "score": 9} | data
    return {"id": "1", "type": "cx.feedback.submitted.v1", "time": time, "data": answer}


def encoded(time: str, **data: Any) -> bytes:
    return json.dumps(event(time, **data)).encode()


@pytest.mark.parametrize("time", LAST_MOMENTS)
def test_a_long_fraction_is_cut_in_every_mode(time: str) -> None:
    """Rounded, the event would be in the next hour."""
    binary = [(f"ce_{name}", value.encode()) for name, value in event(time).items() if name != "data"]
    headers = [*binary, ("ce_specversion", b"1.0"), ("ce_source", b"/test")]
    assert at_ms(DECODER.decode(encoded(time), ())) == LAST_MS
    assert at_ms(DECODER.decode(json.dumps(event(time)["data"]).encode(), headers)) == LAST_MS
    complete = json.dumps(event(time) | {"specversion": "1.0", "source": "/test"}).encode()
    for batch in ([complete], [complete, complete]):
        decoded = DECODER.decode_all(batch)
        assert decoded is not None
        assert [at_ms(decoded_event) for decoded_event in decoded.events] == [LAST_MS] * len(batch)


def test_a_long_fraction_within_data_is_cut() -> None:
    """All times of an event are treated alike."""
    decoded = DECODER.decode(encoded("2026-06-17T09:00:00Z", transaction_time=LAST_MOMENTS[0]), ())
    assert to_ms(decoded.data.transaction_time) == LAST_MS


@pytest.mark.parametrize("time", LAST_MOMENTS)
def test_an_id_that_looks_like_a_time_is_not_changed(time: str) -> None:
    """Two events of one microsecond would be one."""
    decoded = DECODER.decode(
        encoded(time, feedback_id=time, comment=time).replace(b'"id": "1"', b'"id": "%s"' % time.encode()), ()
    )
    assert (decoded.id, decoded.data.feedback_id, decoded.data.comment) == (time, time, time)
    assert at_ms(decoded) == LAST_MS
    headers = [("ce_id", time.encode()), ("ce_type", b"cx.feedback.submitted.v1"), ("ce_time", time.encode())]
    headers += [("ce_specversion", b"1.0"), ("ce_source", time.encode())]
    decoded = DECODER.decode(json.dumps(event(time, feedback_id=time)["data"]).encode(), headers)
    assert (decoded.id, decoded.source, decoded.data.feedback_id) == (time, time, time)
    assert at_ms(decoded) == LAST_MS


def test_every_field_that_is_a_time_is_known() -> None:
    """A new one would be rounded."""
    types = [msgspec.inspect.type_info(kind) for kind in (*EVENTS, *EVENTS.values())]
    names = {
        field.encode_name
        for info in types
        for field in info.fields  # type: ignore[attr-defined]
        if "DateTimeType" in repr(field.type) and "StructType" not in repr(field.type)
    }
    assert names == set(FIELDS)


def test_other_texts_are_not_changed() -> None:
    """Only a text that is a time and nothing else is one."""
    comment = "v1.23456789 at 2026-06-17T08:59:59.999999999Z"
    assert DECODER.decode(encoded("2026-06-17T09:00:00Z", comment=comment), ()).data.comment == comment


@given(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001
    st.text("0123456789", max_size=20),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from("T t"),
    st.booleans(),
)
def test_any_time_is_cut_to_milliseconds(
    moment: datetime, digits: str, offset: int, separator: str, colon: bool
) -> None:
    """Whatever its fraction, offset and separator."""
    fraction = f".{digits}" if digits else ""
    sign, minutes = ("-" if offset < 0 else "+"), abs(offset)
    zone = f"{sign}{minutes // 60:02}{':' if colon else ''}{minutes % 60:02}"
    time = f"{moment.replace(microsecond=0).isoformat()}{fraction}{zone}".replace("T", separator)
    expected = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    milliseconds = int((digits + "000")[:3])
    assert at_ms(DECODER.decode(encoded(time), ())) == to_ms(expected) + milliseconds


@pytest.mark.parametrize(
    "time",
    ["2026-06-17T10:00:60Z", "2026-06-17T10:00:00+02", "2026-06-17T10:00:00", "2026-06-17", 1_781_690_400],
)
def test_other_forms_are_refused(time: Any) -> None:
    """Leap seconds, offsets without minutes, local times, dates, numbers."""
    with pytest.raises(ValueError, match=r"time: expected an RFC 3339 date-time with an offset"):
        DECODER.decode(encoded(time), ())


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_utc_cannot_express_is_refused_in_every_mode(time: str) -> None:
    """A worker could not write the summary of its ticket."""
    binary = [(f"ce_{name}", value.encode()) for name, value in event(time).items() if name != "data"]
    headers = [*binary, ("ce_specversion", b"1.0"), ("ce_source", b"/test")]
    with pytest.raises(ValueError, match=r"^time: expected a time in the years 1 to 9999 in UTC, got '"):
        DECODER.decode(encoded(time), ())
    with pytest.raises(ValueError, match=r"^ce_time: expected a time in the years 1 to 9999 in UTC, got '"):
        DECODER.decode(json.dumps(event(time)["data"]).encode(), headers)


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00Z", "0001-01-01T23:59:00+23:59", "9999-12-31T23:59:59Z"]
)
def test_the_first_and_last_times_in_utc_are_accepted(time: str) -> None:
    """Ticket and customer events of any age are used."""
    decoded = DECODER.decode(encoded(time), ())
    assert from_ms(at_ms(decoded)) == decoded.time
