"""Whose a dead letter is, whatever state it is in."""

import pytest

from stream.operations.deadletters.dead_letter import DeadLetter
from stream.operations.deadletters.purge_subject import PurgeSubject

JSON_OF_OTHERS = (
    b"{}",
    b'{"customer_id": "c-17"}',
    b'{"customer_id": "xc-1"}',
    b'[1, null, "c_1"]',
    b'"c-1-2"',
)


def lies(
    value: bytes | None = None, key: bytes | None = None, headers: tuple[tuple[str, bytes], ...] = ()
) -> DeadLetter:
    return DeadLetter(0, 0, 0, key, value, headers)


@pytest.mark.parametrize(
    "letter",
    [
        lies(key=b"c-1"),
        lies(b'{"data": {"customer_id": "c-1"}}'),
        lies(b'{"data": [{"referee_id": "c\\u002d1"}]}'),
        lies(b'{"comment": "I am c-1, call me"}'),
        lies(b'{"c-1": 7}'),
        lies(b'{"customer_id": "c-1'),
        lies(b"\xffc-17"),
        lies(b"[" * 5000 + b'"c-1"'),
        lies(b"{}", headers=(("cx_detail", b"data.customer_id: got 'c-1'"),)),
        lies(b"{}", headers=(("ce_subject", b"c-1"),)),
    ],
)
def test_letters_of_a_customer(letter: DeadLetter) -> None:
    """By key, anywhere in JSON and headers as a word, anywhere in what is no JSON."""
    assert PurgeSubject((), ("other", "c-1")).matches(letter)


@pytest.mark.parametrize("value", JSON_OF_OTHERS)
def test_letters_of_others(value: bytes) -> None:
    """Whose ids only look alike."""
    assert not PurgeSubject((), ("c-1",)).matches(lies(value, b"c-17", (("cx_offset", b"1"),)))


def test_an_id_that_was_sent_as_a_number() -> None:
    """Which is why it is a dead letter."""
    assert PurgeSubject((), ("17",)).matches(lies(b'{"data": {"customer_id": 17}}'))
    assert not PurgeSubject((), ("17",)).matches(lies(b'{"data": {"customer_id": 170}}'))


def test_ids_that_are_escaped_in_json() -> None:
    """Also in half an event."""
    for raw in ('{"customer_id": "é\\"', '{"customer_id": "\\u00e9\\"'):
        assert PurgeSubject((), ('é"',)).matches(lies(raw.encode() + b"\xff"))


def test_a_key_is_a_key() -> None:
    """Not looked for anywhere else."""
    subject = PurgeSubject(("t-1",), ())
    assert subject.matches(lies(key=b"t-1"))
    assert not subject.matches(lies(b'{"ticket_id": "t-1"}', b"t-2"))
