"""One source partition, counted: records in, changes of the compacted topics out."""

from collections.abc import Iterable, Sequence
from operator import sub
from typing import NamedTuple, cast
from zlib import crc32

from schemas.codec import Decoder, Undecodable
from schemas.customers import CustomerErased
from schemas.envelope import EVENTS, Event
from schemas.fields import Data
from schemas.keys import natural_key
from schemas.times import all_to_ms, to_ms
from schemas.topics import partition_of
from stream.core import marker as markers
from stream.core import unreadable
from stream.core.book import OUTCOMES, Book, Outcome
from stream.core.buckets import HOUR, HOURS, MINUTE
from stream.core.domain import Domain, Plain
from stream.core.erasure import ERASURE, REMAINDER, Erasures
from stream.core.letters import Letter, Record, bury, forward, provenance, responded
from stream.core.marker import Marker
from stream.core.metrics import BY_DOMAIN, TALLIES
from stream.core.panes import Panes, Row
from stream.core.rules import Rules
from stream.core.tally import Contribution, Deltas, post
from stream.core.unreadable import SkipOrder

AHEAD = 5 * MINUTE
"""How far an event's time may be ahead of its record, and a record ahead of the clock."""
TOGETHER = 128
"""Records that are looked at together: one that is not plain costs these the fast way."""
KEYS = 100_000
"""Keys that are remembered as belonging to a partition: their hash costs more than decoding an event."""
TELLING = {"ce_specversion", "cx_timestamp", "cx_forwarded"}
"""Headers that say how a record is to be read; others, such as the content type of structured mode, do not."""

_Erased = EVENTS[CustomerErased]


class Flush(NamedTuple):
    """What one flush writes. Forwards go first, on their own; the rest is one transaction."""

    forwards: list[Letter]
    dead: list[Letter]
    state: list[Row]
    panes: list[Row]
    marker: Marker


class Partition:
    """State of one source partition. `fold` reads, `take` hands out what has to be written."""

    def __init__(self, domain: Domain, number: int, count: int, rules: Rules) -> None:
        self.domain = domain
        self.number = number
        self.count = count
        self.rules = rules
        self.book = Book(rules)
        self.panes = Panes(rules, TALLIES)
        self.erasures = Erasures(self.book, domain, TALLIES)
        self.at = Marker(version=markers.VERSION, partitions=count)
        self.counts: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
        self.forwards: list[Letter] = []
        self.dead: list[Letter] = []
        self.skip_orders: dict[int, SkipOrder] = {}
        """By the base offset of the batch that is to be skipped if it is unreadable."""
        self._late = rules.lateness // HOUR
        self._kept = min(
            (
                self.panes.keep(HOURS, tally)
                for metric in BY_DOMAIN[domain.name]
                for tally in metric.tallies
                if tally.kind in ("flow", "births")
            ),
            default=rules.kept,
        )
        self._decoder = Decoder(domain.topic, domain.loosely)
        self._keyed_by_data = domain.name == "customers"
        self._ours: set[bytes] = set()
        self._last: Record | None = None

    @property
    def next(self) -> int:
        """Offset of the first source record that has not been folded."""
        return self.at.next

    def fold(self, records: Iterable[Record], clock: int) -> None:
        """Judge each record and enter it; those below `next` were counted before. `clock` in ms.

        An exception leaves the partition half changed: it must be thrown away, not flushed.
        """
        latest, start = clock + AHEAD, self.at.next
        unread = list(records)
        if unread and unread[0].offset < start:
            unread = [record for record in unread if record.offset >= start]
        for i in range(0, len(unread), TOGETHER):
            some = unread[i : i + TOGETHER]
            if (plain := self._look(some, latest)) is not None:
                self._enter_all(plain)
                continue
            for record in some:
                self.counts[self._judge(record, latest)] += 1
        if self.erasures.pending:
            self.erasures.settle()
        if unread:
            self._last = unread[-1]
            self.at.next = self._last.offset + 1

    def _look(self, records: Sequence[Record], latest: int) -> Plain | None:
        """Records of which each is accepted or a duplicate, whatever else is in them; None: judge them one by one.

        A look at all together costs half of what judging each does. Nothing is changed by it.
        """
        stamps = [record.timestamp for record in records]
        if max(stamps) > latest or (events := self._read(records)) is None:
            return None
        came = [record.key for record in records]
        if self._keyed_by_data or not all(came):
            came = [self._key(key, event.data) for key, event in zip(came, events, strict=True)]
        keys = cast("list[bytes]", came)
        if not self._ours.issuperset(keys) and any(self._home(key) != self.number for key in keys):
            return None
        times = all_to_ms([event.time for event in events])
        ahead = list(map(sub, times, stamps))
        if max(ahead) > AHEAD or min(ahead) < -self._late * HOUR:
            return None
        if self.erasures.any and any(map(self.erasures.covers, keys, times)):
            return None
        if (looked := self.domain.look(self.book, events)) is None:
            return None
        return Plain(events, looked, keys, times, stamps)

    def _read(self, records: Sequence[Record]) -> list[Event] | None:
        """Events of records that say nothing in their headers; None: one is not right, or erases."""
        headers = [record.headers for record in records]
        if any(headers) and not TELLING.isdisjoint([name for one in headers for name, _ in one]):
            return None
        events = self._decoder.decode_all([record.value for record in records])
        return None if events is None or _Erased in set(map(type, events)) else events

    def _enter_all(self, plain: Plain) -> None:
        """Enter records that were looked at."""
        at, accepted = self.at, self.domain.apply_all(self.book, plain)
        at.watermark = max(at.watermark, *plain.stamps)
        at.newest = max(at.newest, *accepted, 0)
        self.counts["accepted"] += len(accepted)
        self.counts["duplicate"] += len(plain.events) - len(accepted)

    def _judge(self, record: Record, latest: int) -> Outcome:
        """Enter one record; its outcome. `latest` is the newest timestamp, in ms, that is not in the future."""
        at = self.at
        stamp, forwarded = provenance(record)
        if at.watermark < stamp <= latest:
            at.watermark = stamp
        try:
            event = self._decoder.decode(record.value, record.headers)
        except Undecodable as error:
            return self._bury(record, error.outcome, error.detail)
        key = self._key(record.key, event.data)
        if (home := self._home(key)) != self.number:
            if forwarded:
                return self._bury(record, "invalid", f"key: forwarded before, belongs to partition {home}")
            first = min(stamp, record.timestamp)  # of a header far ahead the broker would take nothing
            self.forwards.append(forward(record, self.domain.name, self.number, key, home, first))
            return "misrouted"
        time = to_ms(event.time)
        if stamp > latest or time > stamp + AHEAD:
            return self._bury(record, "future", self._future(time, stamp, latest))
        if stamp // HOUR - time // HOUR > self._late and self.domain.expires(event.data):
            return self._bury(record, "late", f"time: {time} ms is too long before its record at {stamp} ms")
        self.book.record_time = stamp
        outcome = self._enter(event, key, time)
        if outcome == "accepted" and time > at.newest:
            at.newest = time
        return outcome

    def _enter(self, event: Event, person: bytes, time: int) -> Outcome:
        if type(event.data) is CustomerErased:
            return "accepted" if self.erasures.erase(person, time) else "duplicate"
        if self.erasures.any and self.erasures.covers(person, time):
            return "erased"
        return self.domain.apply(self.book, event, time, person)

    def _key(self, key: bytes | None, data: Data) -> bytes:
        """A record's key, or the one that it should have."""
        return natural_key(data).encode() if not key or self._keyed_by_data else key

    def _home(self, key: bytes) -> int:
        """The partition that a key belongs to; of keys of ours the next look is a cheap one."""
        home = partition_of(key, self.count)
        if home == self.number:
            if len(self._ours) >= KEYS:
                self._ours.clear()
            self._ours.add(key)
        return home

    @staticmethod
    def _future(time: int, stamp: int, latest: int) -> str:
        if stamp > latest:
            return f"timestamp: {stamp} ms is more than 5 minutes ahead of the worker's clock"
        return f"time: {time} ms is more than 5 minutes after its record at {stamp} ms"

    def _bury(self, record: Record, outcome: Outcome, detail: str) -> Outcome:
        self.dead.append(bury(record, self.domain.topic.name, self.number, outcome, detail))
        return outcome

    def skip(self, offset: int) -> bool:
        """Pass over the unreadable batch at an offset, if that was ordered; what is before it has been folded."""
        order = self.skip_orders.get(offset)
        if order is None or order.end <= self.at.next:
            return False
        self.at.next = order.end
        self.at.skipped += order.records
        return True

    def _done_orders(self) -> list[Row]:
        """Tombstones of orders whose batch is behind us: skipped, or readable after all."""
        done = [offset for offset, order in self.skip_orders.items() if order.end <= self.at.next]
        for offset in done:
            del self.skip_orders[offset]
        return [(unreadable.order_key(offset), None) for offset in done]

    def take(self, clock: int, lag: int) -> Flush:
        """Everything that changed, once; and the marker that makes it count."""
        self.domain.settle(self.book)
        room = self._expire(min(self.at.watermark, clock))
        self._settle()
        if room:
            self.book.known.learn(self.panes.cells, self.domain.code)
        at, last = self.at, self._last
        if last is not None:
            at.last, at.checksum = last.offset, checksum(last)
        at.identity = self.rules.identity
        at.dimensions = self.rules.dimensions
        at.shown = tuple(self.rules.dimensions[i] for i in self.rules.shown)
        at.floor = self.panes.floor
        at.since = max(at.since, at.floor - self._kept)
        at.outcomes = {outcome: n for outcome, n in self.counts.items() if n}
        at.labels_ignored = self.book.labels_ignored
        at.written, at.lag, at.version = clock, lag, markers.VERSION
        derived, self.book.derived = self.book.derived, []
        forwards, self.forwards = self.forwards, []
        dead, self.dead = self.dead, []
        forwards += [responded(*event) for event in derived]
        state = self.book.rows() + self._done_orders()
        return Flush(forwards, dead, state, list(self.panes.rows()), at)

    def _settle(self) -> None:
        deltas, self.book.deltas = self.book.deltas, {}
        self.panes.settle(deltas)

    def _expire(self, watermark: int) -> bool:
        """Forget what is too old. True when cells may have gone with it."""
        room = self.panes.expire(watermark)
        for key in list(self.book.due(watermark)):
            if (raw := self.book.entities.get(key)) is None:
                continue
            until = self._until(key, raw)
            if until is not None and until <= watermark:
                self.book.put(key, None, None)
            elif until is not None:
                self.book.schedule(key, until)
        return room

    def _until(self, key: bytes, raw: bytes) -> int | None:
        spine = key[:1] in (ERASURE, REMAINDER)
        return (self.erasures if spine else self.domain).until(key, raw, self.rules)

    def restore_state(self, key: bytes, value: bytes | None) -> None:
        """Take in a record of the compacted topic of entities, the skip orders among them."""
        if key.startswith(unreadable.ORDER):
            self.restore_order(key, value)
        elif value is None:
            self.book.entities.pop(key, None)
        else:
            self.book.entities[key] = value

    def restore_order(self, key: bytes, value: bytes | None) -> None:
        """Take in a skip order; None: it was carried out."""
        offset = unreadable.ordered_offset(key)
        if value is None:
            self.skip_orders.pop(offset, None)
        else:
            self.skip_orders[offset] = unreadable.decode(value)

    def restore_panes(self, key: bytes, value: bytes | None) -> None:
        """Take in a record of the compacted topic of panes, the marker among them."""
        if key != markers.KEY:
            self.panes.restore(key, value)
        elif value is not None:
            self.at = markers.decode(value)

    def unreadable(self) -> str:
        """Why what was restored cannot be gone on with; empty when it can."""
        version, since = self.at.version, self.domain.since
        if version > markers.VERSION:
            return f"version {version} is newer than {markers.VERSION}, which this one writes"
        if version < since:
            return f"version {version} is older than {since}: it is counted anew under another topics.state_prefix"
        return ""

    def ready(self) -> bool:
        """End of restoring. True when the rules or the version changed and everything was made anew."""
        self.panes.ready()
        self.panes.floor = self.at.floor
        self.counts.update({o: self.at.outcomes.get(o, 0) for o in OUTCOMES})
        self.book.labels_ignored = self.at.labels_ignored
        changed = self.at.next > 0 and (
            self.at.identity != self.rules.identity or self.at.version != markers.VERSION
        )
        if changed:
            self._rebuild()
        self.book.known.learn(self.panes.cells, self.domain.code)
        for key, raw in self.book.entities.items():
            self.erasures.any = self.erasures.any or key[:1] == ERASURE
            if (until := self._until(key, raw)) is not None:
                self.book.schedule(key, until)
        return changed

    def _rebuild(self) -> None:
        """Panes from the entities, under the rules in force: what they hold is only ever a sum of these."""
        self.panes.clear()
        for key, raw in list(self.book.entities.items()):
            if key[:1] not in (ERASURE, REMAINDER):
                fresh = self.domain.rederive(key, raw, self.book, self.at.dimensions)
                if fresh != raw:
                    self.book.put(key, fresh, None)
        self.erasures.rederive(self.at.shown)
        self.book.deltas = self.expected()
        self._settle()

    def expected(self) -> Deltas:
        """The sum of what all entities contributed and of what erased people left behind."""
        deltas: Deltas = {}
        for key, raw in self.book.entities.items():
            if key[:1] not in (ERASURE, REMAINDER):
                post(deltas, self.domain.made(key, raw, self.rules))
        remainders: Iterable[Contribution] = self.erasures.remainders()
        post(deltas, remainders)
        return deltas


def checksum(record: Record) -> int:
    """What tells a record from another one at the same offset."""
    return crc32(b"%d" % record.timestamp + (record.key or b"") + (record.value or b""))
