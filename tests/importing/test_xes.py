"""Event logs in XES as rows."""

import gzip
from pathlib import Path

import pytest

from stream.errors import CxgaugeError
from stream.importing.record import Record
from stream.importing.xes import read

LOG = """<?xml version="1.0" encoding="utf-8"?>
<log xes.version="1.0" xmlns="http://www.xes-standard.org/">
  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
  <global scope="event"><string key="concept:name" value="none"/></global>
  <string key="origin" value="a test"/>
  <trace>
    <string key="concept:name" value="T1"/>
    <event>
      <string key="concept:name" value=" open "/>
      <date key="time:timestamp" value="2025-07-01T10:00:00+02:00"/>
      <list key="notes"><values><string key="note" value="inner"/></values></list>
    </event>
    <event><string key="concept:name" value="close"/></event>
  </trace>
  <trace>
    <string key="concept:name" value="T2"/>
    <int key="stars" value="5"/>
    <event><string key="concept:name" value="open"/></event>
  </trace>
</log>
"""


def row(number: int, case: str, position: int, name: str, time: str = "", stars: str = "") -> Record:
    """Return the expected row of an event."""
    cells = {"case:concept:name": case, "event:position": str(position), "concept:name": name}
    return Record(number, {**cells, "time:timestamp": time, "case:stars": stars})


@pytest.mark.parametrize("name", ["log.xes", "log.xes.gz"])
def test_events_are_rows(tmp_path: Path, name: str) -> None:
    """Rows have the attributes and the position of their case.

    All have all columns, none of the log itself.
    """
    path = tmp_path / name
    path.write_bytes(gzip.compress(LOG.encode()) if name.endswith("gz") else LOG.encode())
    assert list(read(path)) == [
        row(1, "T1", 1, "open", time="2025-07-01T10:00:00+02:00"),
        row(2, "T1", 2, "close"),
        row(3, "T2", 1, "open", stars="5"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [("log.xes", LOG[:-10].encode()), ("log.xes", b""), ("log.xes.gz", gzip.compress(LOG.encode())[:200])],
)
def test_an_invalid_log_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    """Malformed XML, an empty file, and truncated gzip."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CxgaugeError, match=r"log\.xes"):
        list(read(path))
