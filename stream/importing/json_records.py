"""Records of JSON Lines, of JSON arrays and of JSON documents one after the other, read in bounded memory."""

import json
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any, NoReturn, TextIO

from schemas.fields import abbreviated
from stream.errors import CxgaugeError
from stream.importing.record import Record
from stream.importing.text_files import READ_ERRORS, open_bytes, open_text
from stream.mapping.documents import decode

MAX_RECORD = 64 << 20
"""Allowed length of a line, in bytes, and of a document or element of an array, in characters."""
CHUNK = 1 << 16
_BLANK = " \t\r\n"
_AFTER_VALUE = {*_BLANK, ",", "]", "[", "{"}


def read_lines(path: Path) -> Iterator[Record]:
    """Yield the lines of a file of JSON Lines. One that is not JSON has a fault.

    Raises CxgaugeError if the file cannot be read, or for a line that is too long.
    """
    try:
        with open_bytes(path) as file:
            number = 0
            while line := file.readline(MAX_RECORD + 1):
                number += 1
                if len(line) > MAX_RECORD:
                    raise CxgaugeError(f"{path}:{number}: got more than {MAX_RECORD:,} bytes in one line")
                text = line.strip() if number > 1 else line.removeprefix(b"\xef\xbb\xbf").strip()
                if text:
                    yield _decode(text, number)
    except (*READ_ERRORS, ValueError) as error:
        raise CxgaugeError(f"{path}: {error}") from error


def _decode(line: bytes, number: int) -> Record:
    try:
        return Record(number, decode(line))
    except ValueError as error:
        return Record(number, None, str(error))


def read_documents(path: Path) -> Iterator[Record]:
    """Yield the documents of a file, and of an array its elements. They are numbered from 1.

    Raises CxgaugeError with the number of the record if the file cannot be read or is not JSON.
    """
    number = 0
    try:
        with open_text(path, "utf-8-sig") as file:
            for value in _Documents(file):
                number += 1
                yield Record(number, value)
    except RecursionError as error:
        raise CxgaugeError(f"{path}: record {number + 1}: nested too deeply") from error
    except (*READ_ERRORS, ValueError) as error:
        raise CxgaugeError(f"{path}: record {number + 1}: {error}") from error


class _Documents:
    """An iterator over the values of a JSON text that holds one of them at a time."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._position = 0
        self._is_complete = False
        self._decoder = JSONDecoder(parse_constant=_refuse_constant)

    def __iter__(self) -> Iterator[Any]:
        while self._next_character():
            if self._text[self._position] == "[":
                yield from self._elements()
            else:
                yield self._value()

    def _elements(self) -> Iterator[Any]:
        self._position += 1
        if self._next_character() == "]":
            self._position += 1
            return
        while True:
            yield self._value()
            separator = self._next_character()
            self._position += 1
            if separator == "]":
                return
            if separator != ",":
                raise ValueError(f"got {abbreviated(separator)} after it, allowed is a comma or ]")

    def _next_character(self) -> str:
        """Move to the next character that is not blank and return it, "" at the end."""
        while True:
            while self._position < len(self._text) and self._text[self._position] in _BLANK:
                self._position += 1
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._read_more(CHUNK):
                return ""

    def _value(self) -> Any:
        """Return the value at the position, of which more is read while it is incomplete."""
        self._next_character()
        size = CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
            except JSONDecodeError:
                if not self._read_more(size):
                    raise
            else:
                # Of a number cut after "0." the decoder returns the 0.
                is_complete = self._text[end : end + 1] in _AFTER_VALUE
                if is_complete or not self._read_more(size):
                    self._position = end
                    return value
            size *= 2

    def _read_more(self, size: int) -> bool:
        """Read more text and drop what lies behind the position. Return False at the end of the file."""
        if len(self._text) - self._position > MAX_RECORD:
            raise ValueError(f"got more than {MAX_RECORD:,} characters in one record")
        chunk = "" if self._is_complete else self._file.read(size)
        self._is_complete = not chunk
        self._text = self._text[self._position :] + chunk
        self._position = 0
        return bool(chunk)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"got {json.dumps(name)}, which is not JSON")
