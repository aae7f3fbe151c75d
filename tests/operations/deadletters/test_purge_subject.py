"""The dead letters that belong to the subject of a purge."""

import pytest

from stream.operations.deadletters.dead_letter import DeadLetter
from stream.operations.deadletters.purge_subject import PurgeSubject

OTHER_CUSTOMERS = (
    b"{}",
    b'{"customer_id": "c-17"}',
    b'{"customer_id": "xc-1"}',
    b'[1, null, "c_1"]',
    b'"c-1-2"',
)


def dead_letter(
    value: bytes | None = None, key: bytes | None = None, headers: tuple[tuple[str, bytes], ...] = ()
) -> DeadLetter:
    return DeadLetter(0, 0, 0, key, value, headers)


@pytest.mark.parametrize(
    "record",
    [
        dead_letter(key=b"c-1"),
        dead_letter(b'{"data": {"customer_id": "c-1"}}'),
        dead_letter(b'{"data": [{"referee_id": "c\\u002d1"}]}'),
        dead_letter(b'{"comment": "I am c-1, call me"}'),
        dead_letter(b'{"c-1": 7}'),
        dead_letter(b'{"customer_id": "c-1'),
        dead_letter(b"\xffc-17"),
        dead_letter(b"[" * 5000 + b'"c-1"'),
        dead_letter(b"{}", headers=(("cx_detail", b"data.customer_id: got 'c-1'"),)),
        dead_letter(b"{}", headers=(("ce_subject", b"c-1"),)),
    ],
)
def test_dead_letters_of_a_customer_match(record: DeadLetter) -> None:
    """The ID matches as key, as a word in JSON and headers, and anywhere in other values."""
    assert PurgeSubject((), ("other", "c-1")).matches(record)


@pytest.mark.parametrize("value", OTHER_CUSTOMERS)
def test_dead_letters_of_others_do_not_match(value: bytes) -> None:
    """Similar IDs do not match."""
    assert not PurgeSubject((), ("c-1",)).matches(dead_letter(value, b"c-17", (("cx_offset", b"1"),)))


def test_an_id_sent_as_a_number_matches() -> None:
    """Such an event is a dead letter because of the number."""
    assert PurgeSubject((), ("17",)).matches(dead_letter(b'{"data": {"customer_id": 17}}'))
    assert not PurgeSubject((), ("17",)).matches(dead_letter(b'{"data": {"customer_id": 170}}'))


def test_ids_escaped_in_json_match() -> None:
    """Also in truncated JSON."""
    for raw in ('{"customer_id": "é\\"', '{"customer_id": "\\u00e9\\"'):
        assert PurgeSubject((), ('é"',)).matches(dead_letter(raw.encode() + b"\xff"))


def test_a_key_matches_record_keys_only() -> None:
    """It is not searched for in values."""
    subject = PurgeSubject(("t-1",), ())
    assert subject.matches(dead_letter(key=b"t-1"))
    assert not subject.matches(dead_letter(b'{"ticket_id": "t-1"}', b"t-2"))
