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
    """Missing cells are empty, and so may be additional ones, as after a delimiter at the end of each line."""
    assert rows(tmp_path, "a,b\n1\n1,2,,\n") == [
        Record(2, {"a": "1", "b": ""}),
        Record(3, {"a": "1", "b": "2"}),
    ]


def test_a_row_with_too_many_values_has_a_fault(tmp_path: Path) -> None:
    """Its values may be in wrong columns, for example after a comma in a text without quotation marks."""
    records = rows(tmp_path, "a,b\n1,not, quoted\n2,3\n")
    assert [record.fault for record in records] == ["got 3 values, allowed are 2", ""]


def test_columns_of_the_same_name_are_numbered(tmp_path: Path) -> None:
    """So no mapping reads one of them by chance."""
    assert rows(tmp_path, "id,other,other\n1,a,b\n") == [
        Record(2, {"id": "1", "other#1": "a", "other#2": "b"})
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


@pytest.mark.parametrize(
    "text", ['a,b\n1,2\n3,"4\n5,6\n', 'a,b\n1,2\n3,"4" 5\n', f"a,b\n1,2\n3,{'x' * 200_000}\n"]
)
def test_an_error_in_a_row_names_its_first_line(tmp_path: Path, text: str) -> None:
    """A quotation mark without end, one that is not doubled, and a cell that is too long."""
    with pytest.raises(CxgaugeError, match=r"export\.csv: row from line 3 on: .* A quotation mark may be"):
        rows(tmp_path, text)


def test_another_encoding_names_the_option(tmp_path: Path) -> None:
    """Exports of Excel are in cp1252 or UTF-16, which the mapping says."""
    path = tmp_path / "export.csv"
    path.write_bytes("a\né\n".encode("cp1252"))
    with pytest.raises(
        CxgaugeError, match=r'export\.csv: got bytes that are not utf-8.* encoding = "cp1252"'
    ):
        list(read(path, FileForm()))
    assert list(read(path, FileForm(encoding="cp1252"))) == [Record(2, {"a": "é"})]


def test_wrong_encoding_and_broken_gzip(tmp_path: Path) -> None:
    """Content that does not match its encoding or compression."""
    (tmp_path / "a.csv").write_bytes(b"a\n\xff\n")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a\n1\n" * 99)[:20])
    for path in tmp_path.iterdir():
        with pytest.raises(CxgaugeError):
            list(read(path, FileForm()))
