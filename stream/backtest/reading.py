"""Reading the exports of a backtest: translated by their mappings, encoded, and sorted by time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.codec import encode
from schemas.envelope import at_ms
from schemas.fields import Data
from schemas.topics import DOMAINS, DomainName, topics_of
from stream.backtest.sorting import EncodedEvent, SortedEvents
from stream.errors import CxgaugeError
from stream.importing.records import Format, format_of
from stream.importing.translation import Translation
from stream.mapping.mapping import EventMapping, load


class ExportFile(NamedTuple):
    """A file with its mapping and format."""

    path: Path
    mapping: EventMapping
    format_: Format


class ReadingResult(NamedTuple):
    """Numbers of errors, and a line for each file of which records gave no event."""

    faulty: int
    summaries: list[str]


def exports(paths: Sequence[Path], mappings: Sequence[str], format_: Format | None) -> list[ExportFile]:
    """Return each file with its mapping: the only one, or that at the same position.

    Raises CxgaugeError if there are neither one nor as many mappings, or one cannot be used.
    """
    if len(mappings) not in {1, len(paths)}:
        raise CxgaugeError(
            f"--mapping: got {len(mappings)} for {len(paths)} files, allowed is one for all of them or one for each"
        )
    loaded = [load(name) for name in mappings]
    loaded = loaded * len(paths) if len(loaded) == 1 else loaded
    return [
        ExportFile(path, mapping, format_ or format_of(path))
        for path, mapping in zip(paths, loaded, strict=True)
    ]


def read_all(
    files: Sequence[ExportFile], into: SortedEvents, latest: int, report: Callable[[str], None]
) -> ReadingResult:
    """Read the events of all files. Errors are given to `report`, a line each.

    Events after `latest`, the present in ms, are errors. Raises CxgaugeError if a file cannot be read.
    """
    faulty, summaries = 0, []
    domains: dict[type[Data], list[DomainName]] = {}
    for path, mapping, format_ in files:
        translation = Translation(path, mapping, format_, report)
        for event in translation.until(latest):
            at, kind = at_ms(event), type(event.data)
            if kind not in domains:
                names = {topic.domain for topic in topics_of(kind)}
                domains[kind] = [domain for domain in DOMAINS if domain in names]
            for domain in domains[kind]:
                into.add(EncodedEvent(at, domain, encode(event)))
        faulty += translation.faulty
        if summary := translation.summary():
            summaries.append(f"{path}: {summary}")
    return ReadingResult(faulty, summaries)
