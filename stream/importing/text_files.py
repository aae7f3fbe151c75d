"""Opening of files that may be compressed with gzip."""

import gzip
from pathlib import Path
from typing import IO, TextIO, cast
from zlib import error as ZlibError  # noqa: N812 - a class of errors

READ_ERRORS = (OSError, EOFError, ZlibError)
"""Errors of reading a file that may be compressed."""


def open_text(path: Path, encoding: str) -> TextIO:
    """Open a file as text without translating the ends of its lines."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file as bytes."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path))
    return path.open("rb")
