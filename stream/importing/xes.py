"""Rows of an event log in XES (IEEE 1849): a row for each event with the attributes of event and case."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, iterparse

from stream.errors import CxgaugeError
from stream.importing.record import Record
from stream.importing.text_files import READ_ERRORS, open_bytes

POSITION = "event:position"
"""An additional column: the position of the event in its case, from 1."""


def read(path: Path) -> Iterator[Record]:
    """Yield the events of a log, numbered from 1. Missing attributes are empty.

    Attributes of the case are columns with `case:` before their key. The file is read twice, first for the
    names of all columns, and never held in memory as a whole. Raises CxgaugeError if it cannot be read.
    """
    try:
        empty = dict.fromkeys((name for cells in _events(path) for name in cells), "")
        for number, cells in enumerate(_events(path), 1):
            yield Record(number, empty | cells)
    except (*READ_ERRORS, ParseError, ValueError, LookupError) as error:  # encodings that do not exist, too
        raise CxgaugeError(f"{path}: {error}") from error


def _events(path: Path) -> Iterator[dict[str, str]]:
    with open_bytes(path) as file:
        steps = iterparse(file, events=("start", "end"))  # noqa: S314 - expat itself stops entity bombs
        _, log = next(steps)
        for step, element in steps:
            if step == "end" and _name(element) == "trace":
                case = {f"case:{key}": value for key, value in _attributes(element).items()}
                events = (child for child in element if _name(child) == "event")
                for position, event in enumerate(events, 1):
                    yield case | _attributes(event) | {POSITION: str(position)}
                log.clear()


def _attributes(element: Element) -> dict[str, str]:
    """Return the attributes of an element by key, without lists and containers, which have no value."""
    return {
        child.attrib["key"]: child.attrib["value"].strip()
        for child in element
        if child.attrib.keys() >= {"key", "value"}
    }


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]
