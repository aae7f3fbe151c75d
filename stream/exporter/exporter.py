"""What an exporter knows and shows: boards, coverage, page. Time is handed in; nothing here reads or serves."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

import msgspec

from stream.config import DOMAINS, Settings
from stream.core.buckets import HOUR
from stream.core.domain import Name
from stream.core.marker import KEY, decode
from stream.core.metrics import BY_DOMAIN
from stream.core.windows import Steps
from stream.exporter import pipeline
from stream.exporter.board import Board
from stream.exporter.coverage import Coverage, Place
from stream.exporter.feed import Feed
from stream.exporter.folding import Folding
from stream.exporter.page import Page, compressed
from stream.wiring import rules


class Pane(Protocol):
    """A record of the panes."""

    key: bytes
    value: bytes | None


class Batch(NamedTuple):
    """Records of a partition that came together."""

    place: Place
    records: Sequence[Pane]
    live: bool = True
    """Whether there was nothing more to read."""
    afresh: bool = False
    """Whether the partition is read from its beginning."""
    fault: str = ""
    """Why nothing behind these records can be read; empty when it can."""


class Exporter:
    """The state of one exporter."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rules = rules(settings)
        self.coverage = Coverage(DOMAINS, settings.topics.partitions, self.rules.identity)
        self.boards: dict[Name, Board] = {d: Board(self.rules, BY_DOMAIN[d]) for d in DOMAINS}
        self.page = Page()
        self.folding = Folding(self.rules, self.boards.values(), settings.exporter.max_series)
        self._feeds = {place: Feed(self.boards[_name(place)].windows) for place in self.coverage.expected}
        self._clock = 0
        self._hour = -1
        self._whole = False
        """Whether the page that is served has every partition."""

    def take(self, batch: Batch, *, steady: int, wall: int) -> Steps:
        """Records of a partition. `steady` and `wall`: the present in ms of a steady clock and since the epoch.

        A marker that is not the newest thing to read counts as received when it was written.
        """
        place, feed = batch.place, self._feeds[batch.place]
        if batch.afresh:
            self.coverage.forget(place)
            yield from feed.forget()
        try:
            for record in batch.records:
                if record.key != KEY:
                    feed.hold(record.key, record.value)
                elif record.value is not None:
                    marker = decode(record.value)
                    yield from feed.complete(marker)
                    age = 0 if batch.live else max(0, wall - marker.written)
                    self.coverage.note(place, marker, steady - age)
        except msgspec.DecodeError as error:
            self.coverage.give_up(place, f"a record cannot be read: {error}")
        if batch.fault:
            self.coverage.give_up(place, batch.fault)

    def now(self, wall: int) -> int:
        """The moment that windows end with: the wall clock, or the newest accepted event; it never goes back."""
        if self.settings.exporter.clock == "wall":
            self._clock = max(self._clock, wall)
        else:
            newest = (marker.newest for marker in self.coverage.markers.values())
            self._clock = max(self._clock, max(newest, default=0))
        return self._clock

    def refresh(self, steady: int, wall: int) -> Steps:
        """Bring the page up to date, in short steps during which nothing may be taken."""
        now = self.now(wall)
        bad = {place.domain for place, _ in self.coverage.gaps(steady)}
        for domain, board in self.boards.items():
            board.judge(covered=domain not in bad, now=steady, stale_after=self.settings.exporter.stale_after)
        live = [board for board in self.boards.values() if board.state == "live"]
        for board in live:
            yield from board.windows.advance(now)
        hour = bool(live) and now // HOUR > self._hour
        if hour:
            self._hour = now // HOUR
            for board in live:
                yield from board.windows.check()
        yield from self.folding.decide(now, hour=hour)
        for board in live:
            yield from board.read(now)
        if all(board.state == "live" for board in self.boards.values() if board.shown):
            yield from self.folding.cap(now)
        self.folding.settle()
        for board in live:
            yield from board.section.render()
        parts = [part.encode() for part in self._pipeline(steady, now)]
        parts += chain.from_iterable(b.section.families() for b in self.boards.values() if b.shown)
        yield
        plain = b"".join(parts)
        zipped = []
        for piece in compressed(plain):
            zipped.append(piece)
            yield
        self.page.swap(plain, b"".join(zipped))
        self._whole = not bad

    def _pipeline(self, steady: int, now: int) -> Iterator[str]:
        seen = [(domain, self.coverage.of(domain)) for domain in self.boards]
        whole = [(domain, markers) for domain, markers in seen if self.boards[domain].state != "waiting"]
        if whole:
            yield from pipeline.events(whole)
            yield from pipeline.skipped(whole)
        yield from pipeline.freshness(seen, now)
        if len(whole) == len(seen):
            ignored = sum(marker.labels_ignored for _, markers in whole for marker in markers)
            yield pipeline.single("cx_labels_ignored_total", ignored)
        gaps = sum(1 for _ in self.coverage.gaps(steady))
        expected = len(self.coverage.expected)
        yield pipeline.single("cx_partitions_expected", expected)
        yield pipeline.single("cx_partitions_covered", expected - gaps)
        series = sum(board.section.series for board in self.boards.values() if board.shown)
        yield pipeline.single("cx_series", series)
        yield pipeline.single("cx_series_folded_total", self.folding.folded)
        repairs = sum(board.windows.repairs for board in self.boards.values())
        yield pipeline.single("cx_window_repairs_total", repairs)
        yield pipeline.definitions()

    def unready(self, steady: int) -> str:
        """Why not every figure that is served is complete; empty when it is."""
        gaps = list(self.coverage.gaps(steady))
        if not gaps:
            return "" if self._whole else "every partition is covered, the page of it is not made yet"
        told = "; ".join(f"{place.domain} {place.partition}: {why}" for place, why in gaps[:5])
        more = f"; and {len(gaps) - 5} more" if len(gaps) > 5 else ""
        return f"{len(gaps)} of {len(self.coverage.expected)} partitions are not covered: {told}{more}"

    def filling(self) -> str:
        """Which windows begin before what the panes hold; empty when none does."""
        since = max((marker.since for marker in self.coverage.markers.values()), default=0)
        short = [
            window.label
            for window in self.rules.windows
            if self._clock and window.first(self._clock) * window.resolution.step < since
        ]
        return f"windows still filling: {', '.join(short)}" if short else ""


def _name(place: Place) -> Name:
    names: dict[str, Name] = {domain: domain for domain in DOMAINS}
    return names[place.domain]
