"""Records of JSON Lines, arrays and documents, in bounded memory."""

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import CxgaugeError
from stream.importing import json_records
from stream.importing.record import Record
from stream.importing.records import Format, format_of, read
from stream.mapping.forms import FileForm

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a few characters at a time, so that records are cut everywhere."""
    monkeypatch.setattr(json_records, "CHUNK", 3)


def values(path: Path, format_: Format) -> list[object]:
    """Return the values of all records."""
    return [record.value for record in read(path, format_, FileForm())]


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("a.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("a.JSON", "json"),
        ("a.b.xes.gz", "xes"),
        ("a.txt", "csv"),
        ("a", "csv"),
    ],
)
def test_the_suffix_says_the_format(name: str, format_: Format) -> None:
    assert format_of(Path(name)) == format_


def test_lines_are_records(tmp_path: Path) -> None:
    """Empty lines count and give nothing. A line that is not JSON has a fault, and the others are read."""
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'\xef\xbb\xbf{"a": 1}\r\n\n{"a"\n[1]\n\xff\n' + b"[" * 100_000 + b"\n3"))
    good, cut, array, not_utf8, deep, last = read(path, "jsonl", FileForm())
    assert (good, array, last) == (Record(1, {"a": 1}), Record(4, [1]), Record(7, 3))
    assert (cut.number, not_utf8.number, deep.number) == (3, 5, 6)
    assert "expected JSON in UTF-8, got b'{\"a\"'" in cut.fault
    assert not_utf8.fault
    assert deep.fault == "nested too deeply"


@pytest.mark.usefixtures("small_chunks")
@given(documents=st.lists(JSON, max_size=5), indent=st.sampled_from([None, 0, 2]), escape=st.booleans())
def test_arrays_and_documents_are_read_in_pieces(
    documents: list[object], indent: int | None, escape: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An array gives its elements. Documents may follow each other, as pages of an API do."""
    path = tmp_path_factory.getbasetemp() / "a.json"
    path.write_text(json.dumps(documents, indent=indent, ensure_ascii=escape), encoding="utf-8")
    assert values(path, "json") == documents
    path.write_text("\n ".join(json.dumps({"page": document}, indent=indent) for document in documents))
    assert values(path, "json") == [{"page": document} for document in documents]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[{"a": 1}, {"b"', "record 2: Expecting ':' delimiter"),
        ('[{"a": 1} {"b": 1}]', "record 2: got '{' after it, allowed is a comma or ]"),
        ('[{"a": 1}', "record 2: got '' after it"),
        ("[1,]", "record 2: Expecting value"),
        ("[NaN]", 'record 1: got "NaN", which is not JSON'),
        ("nothing", "record 1: Expecting value"),
        ("[" * 100_000, "record 1: nested too deeply"),
        ('{"a": "\xff"}', "record 1: 'utf-8' codec"),
    ],
)
def test_what_is_not_json_is_an_error_with_the_number(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CxgaugeError, match=r"a\.json: ") as error:
        values(path, "json")
    assert fault in str(error.value)


@pytest.mark.parametrize("format_", ["json", "jsonl"])
def test_records_that_are_too_long_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: Format
) -> None:
    monkeypatch.setattr(json_records, "MAX_RECORD", 1_000)
    monkeypatch.setattr(json_records, "CHUNK", 100)
    path = tmp_path / "a"
    path.write_text("[1]\n" + '"' + "a" * 5_000)
    with pytest.raises(CxgaugeError, match="got more than 1,000"):
        values(path, format_)


@pytest.mark.parametrize("format_", ["json", "jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, format_: Format) -> None:
    """20 MB are read with less than 2 MB."""
    path = tmp_path / "a"
    record = json.dumps({"id": 1, "text": "a" * 1_000})
    separator = "," if format_ == "json" else "\n"
    text = separator.join([record] * 20_000)
    path.write_text(f"[{text}]" if format_ == "json" else text)
    del text
    tracemalloc.start()
    try:
        assert sum(1 for _ in read(path, format_, FileForm())) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
