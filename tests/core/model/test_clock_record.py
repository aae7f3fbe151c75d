"""Records of the clock topic."""

from hypothesis import given
from hypothesis import strategies as st

from stream.core.model.clock_record import MAX_NAME, ClockRecord, decode, encode
from tests.support import NOW


def test_a_record_is_read_as_it_was_written() -> None:
    """Fields of later versions are ignored."""
    record = ClockRecord(worker="w-1", written_at=NOW, partitions={"feedback": [0, 3]})
    assert decode(encode(record)) == record
    later = encode(record)[:-1] + b',"later":{"a":[1]}}'
    assert decode(later) == record


@given(st.binary(max_size=60))
def test_other_bytes_are_no_record(value: bytes) -> None:
    """Whatever they are."""
    assert decode(value) is None


def test_deep_and_long_values_do_no_harm() -> None:
    """A deeply nested field is no record. A long name is cut."""
    assert decode(None) is None
    assert decode(b'{"worker":"a","written_at":1,"later":' + b"[" * 100_000 + b"}") is None
    record = decode(encode(ClockRecord(worker="n" * 5_000, written_at=NOW)))
    assert record is not None
    assert len(record.worker) == MAX_NAME
