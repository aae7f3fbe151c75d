"""Translating the records of a file to events by a mapping, with every error reported by its position."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.envelope import Event, at_ms
from schemas.times import MAX_AHEAD, from_ms
from stream.errors import CxgaugeError
from stream.importing.record import Record
from stream.importing.records import FLAT, Format, position_of, read
from stream.importing.sending import ProgressMeter
from stream.mapping.local_times import FileOrder
from stream.mapping.mapping import EventMapping, MappingError

LINE = "_line"
"""A name that expressions may read: the number of the record in its file."""
MAX_NOTES = 10
"""Reported local times that come twice."""


class Translation:
    """The events of a file. Errors are given to `report`, a line each.

    Attributes:
        records: number of records read so far
        ignored: number of records that no rule took
        faulty: number of errors
    """

    def __init__(
        self,
        path: Path,
        mapping: EventMapping,
        format_: Format,
        report: Callable[[str], None],
        given: Mapping[str, Any] | None = None,
    ) -> None:
        self._path, self._mapping, self._format, self._report = path, mapping, format_, report
        self._given = dict(given or {})
        self._order = FileOrder()
        self._noted = 0
        self.records = self.ignored = self.faulty = 0
        self._record: Record | None = None

    @property
    def position(self) -> str:
        """Position of the record that was read last."""
        return "" if self._record is None else position_of(self._path, self._format, self._record)

    def __iter__(self) -> Iterator[Event]:
        """Yield the events in the order of the file.

        Raises CxgaugeError if the file cannot be read, or if it lacks a column that the mapping reads.
        """
        for record in _metered(read(self._path, self._format, self._mapping.file)):
            self._record = record
            if not self.records and self._format in FLAT:
                self._check_columns(record.value)
            self.records += 1
            if record.fault:
                self._refuse(f"{self.position}: {record.fault}")
            else:
                yield from self._events(record)
        if self._noted > MAX_NOTES:
            self._report(f"{self._path}: {self._noted - MAX_NOTES:,} more local times come twice")

    def until(self, latest: int) -> Iterator[Event]:
        """Yield the events as `__iter__`, without those after `latest`, the present in ms, which are errors."""
        for event in self:
            if (at := at_ms(event)) > latest + MAX_AHEAD:
                self._refuse(
                    f"{self.position}: time: got {from_ms(at):%Y-%m-%dT%H:%M:%SZ}, which is in the future, allowed is a time"
                    " of the past"
                )
            else:
                yield event

    def summary(self) -> str:
        """Return the numbers of records that gave no event, "" if all did."""
        parts = [
            f"{self.ignored:,} of {self.records:,} records were taken by no rule" if self.ignored else "",
            f"{self.faulty:,} errors" if self.faulty else "",
        ]
        return ", ".join(part for part in parts if part)

    def _events(self, record: Record) -> Iterator[Event]:
        given = {**self._given, LINE: record.number}
        results = self._mapping.events(record.value, given, order=self._order)
        self.ignored += not results
        for result in results:
            if isinstance(result, MappingError):
                self._refuse(str(result.within(self.position)))
            else:
                yield result
        for note in self._order.notes:
            self._noted += 1
            if self._noted <= MAX_NOTES:
                self._report(f"{self.position}: {note}")
        self._order.notes.clear()

    def _refuse(self, line: str) -> None:
        self.faulty += 1
        self._report(line)

    def _check_columns(self, cells: Mapping[str, str]) -> None:
        if missing := sorted(self._mapping.names - cells.keys()):
            hint = (
                ". Is file.delimiter of the mapping right?"
                if self._format == "csv" and len(cells) == 1
                else ""
            )
            raise CxgaugeError(
                f"{self._path}: has no column {missing[0]!r}, which {self._mapping.name} reads; its columns are {', '.join(cells)}{hint}"
            )


def _metered(records: Iterable[Record]) -> Iterator[Record]:
    with ProgressMeter(None, "records read") as meter:
        for record in records:
            meter.step()
            yield record
