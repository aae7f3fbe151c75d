"""Which partitions are covered: a marker of them came lately, and it says that its worker was up to date."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stream.core import marker as markers
from stream.core.marker import Marker

FRESH = 30_000
"""A marker covers its partition for that long, and only when its lag is below it; in ms."""


class Place(NamedTuple):
    """A partition of a topic of panes."""

    domain: str
    partition: int


class Coverage:
    """The newest marker of every partition that is expected, and when it came (ms of any steady clock)."""

    def __init__(self, domains: Iterable[str], partitions: int, identity: str) -> None:
        self.identity = identity
        self.expected = [Place(domain, n) for domain in domains for n in range(partitions)]
        self.markers: dict[Place, Marker] = {}
        self._partitions = partitions
        self._came: dict[Place, int] = {}
        self._broken: dict[Place, str] = {}

    def note(self, place: Place, marker: Marker, came: int) -> None:
        """A marker was read that counts as received at `came`."""
        self.markers[place] = marker
        self._came[place] = came

    def forget(self, place: Place) -> None:
        """The partition is read from its beginning: not covered until its next marker is there."""
        self.markers.pop(place, None)

    def give_up(self, place: Place, why: str) -> None:
        """The partition cannot be read any further."""
        self._broken[place] = why

    def gap(self, place: Place, now: int) -> str:
        """Why a partition is not covered; empty when it is."""
        marker = self.markers.get(place)
        if place in self._broken:
            return self._broken[place]
        if marker is None:
            return "no marker yet"
        if foreign := self._foreign(marker):
            return foreign
        if now - self._came[place] >= FRESH:
            return f"no marker for {(now - self._came[place]) // 1000} s"
        if marker.lag >= FRESH and marker.blocked_at >= 0:
            return f"its worker cannot read the batch at offset {marker.blocked_at} of its source"
        return f"its worker is {marker.lag // 1000} s behind" if marker.lag >= FRESH else ""

    def _foreign(self, marker: Marker) -> str:
        """Why what it stands for would not be our figures; empty when it would."""
        if marker.version != markers.VERSION:
            age = "a newer" if marker.version > markers.VERSION else "an older"
            return f"written by {age} version ({marker.version}, here {markers.VERSION})"
        if marker.partitions != self._partitions:
            return f"counted with {marker.partitions} partitions, here {self._partitions}"
        if marker.identity != self.identity:
            return f"counted under other settings ({marker.identity}, here {self.identity})"
        return ""

    def gaps(self, now: int) -> Iterator[tuple[Place, str]]:
        """What is not covered, and why."""
        for place in self.expected:
            if why := self.gap(place, now):
                yield place, why

    def of(self, domain: str) -> list[Marker]:
        """The markers of a domain."""
        return [marker for place, marker in self.markers.items() if place.domain == domain]
