"""Rows of an export of another system."""

import gzip
from pathlib import Path

import pytest

from stream.errors import CxgaugeError
from stream.importing.record import Record
from stream.importing.rows import read
from stream.mapping.forms import FileForm


def rows(folder: Path, text: str, **form: object) -> list[Record]:
    """Return the rows of a file with this text."""
    path = folder / "export.csv"
    path.write_bytes(text.encode(str(form.get("encoding", "utf-8"))))
    return list(read(path, FileForm(**form)))


def test_header_names_the_columns(tmp_path: Path) -> None:
    """Cells are trimmed, quotes and a byte order mark removed, and line numbers count empty lines."""
    text = '\ufeffid, said\r\n1, "a, b"\r\n\r\n2,\r\n'
    assert rows(tmp_path, text) == [
        Record(2, {"id": "1", "said": "a, b"}),
        Record(4, {"id": "2", "said": ""}),
    ]


def test_short_rows_are_filled_up(tmp_path: Path) -> None:
    """Missing cells are empty, additional ones are ignored."""
    assert rows(tmp_path, "a,b\n1\n1,2,3\n") == [
        Record(2, {"a": "1", "b": ""}),
        Record(3, {"a": "1", "b": "2"}),
    ]


def test_columns_of_blanks_without_header(tmp_path: Path) -> None:
    """Named columns, and runs of the delimiter when it is a blank."""
    form = {"delimiter": " ", "columns": ("id", "day", "paid")}
    assert rows(tmp_path, " 04 19970101   29.33\n", **form) == [
        Record(1, {"id": "04", "day": "19970101", "paid": "29.33"})
    ]


def test_compressed_files(tmp_path: Path) -> None:
    """A name that ends in .gz is read through gzip."""
    path = tmp_path / "export.csv.gz"
    path.write_bytes(gzip.compress(b"a\n1\n"))
    assert list(read(path, FileForm())) == [Record(2, {"a": "1"})]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('a\n"1', {}),
        ("a\né", {"encoding": "ascii-no"}),
        ("a\n1", {"delimiter": ";;"}),
    ],
)
def test_an_unreadable_file_is_named(tmp_path: Path, text: str, form: dict[str, str]) -> None:
    """An open quote, an unknown encoding, a delimiter of two characters."""
    path = tmp_path / "export.csv"
    path.write_text(text)
    with pytest.raises(CxgaugeError, match=r"export\.csv: "):
        list(read(path, FileForm(**form)))


def test_wrong_encoding_and_broken_gzip(tmp_path: Path) -> None:
    """Content that does not match its encoding or compression."""
    (tmp_path / "a.csv").write_bytes(b"a\n\xff\n")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a\n1\n" * 99)[:20])
    for path in tmp_path.iterdir():
        with pytest.raises(CxgaugeError):
            list(read(path, FileForm()))
