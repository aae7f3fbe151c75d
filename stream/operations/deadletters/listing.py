"""Dead letters for people to read."""

from collections import Counter
from heapq import heappush, heappushpop

from aiokafka import TopicPartition

from stream.config import Settings
from stream.errors import CxgaugeError
from stream.operations.deadletters.dead_letter import DeadLetter, Filter, format_time, printable
from stream.operations.deadletters.reading import OffsetRange, open_reader, read_all, read_ranges

MAX_KEY_WIDTH = 60
"""Characters of a key in a list."""


async def format_list(settings: Settings, wanted: Filter, limit: int) -> list[str]:
    """The newest `limit` letters, a line each, and the counts."""
    newest: list[tuple[int, int, int, list[str]]] = []
    counts: Counter[tuple[str, str]] = Counter()
    seen = 0
    async for one in read_all(settings):
        seen += 1
        if not wanted.matches(one):
            continue
        counts[one.topic or "?", one.reason or "?"] += 1
        row = (one.dead_lettered_at, one.partition, one.offset, _row(one))
        if len(newest) < limit:
            heappush(newest, row)
        elif limit:
            heappushpop(newest, row)
    lines = table([row for *_, row in sorted(newest)], ("place", "buried", "from", "reason", "key", "detail"))
    if lines:
        lines.append("")
    lines += table([[*what, f"{n:,}"] for what, n in sorted(counts.items())], ("topic", "reason", "letters"))
    return [*lines, f"{counts.total():,} of {seen:,} letters"]


def _row(one: DeadLetter) -> list[str]:
    origin = f"{one.topic} {one.header_text('cx_partition')}:{one.header_text('cx_offset')}"
    key = printable(one.key)
    short = key if len(key) <= MAX_KEY_WIDTH else f"{key[: MAX_KEY_WIDTH - 1]}…"
    return [
        one.position,
        format_time(one.dead_lettered_at),
        printable(origin),
        one.reason,
        short,
        printable(one.header_text("cx_detail")),
    ]


def table(rows: list[list[str]], head: tuple[str, ...]) -> list[str]:
    """Lines in columns; none without rows."""
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]


async def read_one(settings: Settings, place: str) -> DeadLetter:
    """The letter at a place. Raises CxgaugeError when there is none."""
    partition, offset = map(int, place.split(":"))
    tp = TopicPartition(settings.topics.deadletter, partition)
    async with open_reader(settings) as (consumer, spans):
        span = spans.get(tp, OffsetRange(0, 0))
        if span.begin <= offset < span.end:
            async for one in read_ranges(consumer, {tp: OffsetRange(offset, offset + 1)}):
                return one
    raise CxgaugeError(f"no letter lies at {place}; cxgauge deadletter ls shows those that there are")


def format_details(one: DeadLetter) -> list[str]:
    """A letter with all that is known of it."""
    first = one.header_text("cx_timestamp")
    told = {
        "place": one.position,
        "buried": format_time(one.dead_lettered_at),
        "reason": one.reason,
        "detail": one.header_text("cx_detail"),
        "from": f"{one.topic} {one.header_text('cx_partition')}:{one.header_text('cx_offset')}",
        "first timestamp": format_time(int(first)) if first.isdigit() and len(first) < 15 else first,
        "key": "none" if one.key is None else printable(one.key),
        **{f"header {name}": printable(value) for name, value in one.own_headers},
        "value": "none" if one.value is None else f"{len(one.value):,} bytes",
    }
    width = max(map(len, told))
    lines = [f"{printable(name):{width}}  {printable(text)}".rstrip() for name, text in told.items()]
    if one.value:
        lines += ["", *(printable(line) for line in one.value.decode(errors="backslashreplace").split("\n"))]
    return lines
