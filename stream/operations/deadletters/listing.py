"""Formatting dead letters for a terminal."""

from collections import Counter
from heapq import heappush, heappushpop

from aiokafka import TopicPartition

from stream.config import Settings
from stream.errors import CxgaugeError
from stream.kafka.reading import OffsetRange
from stream.operations.deadletters.dead_letter import DeadLetter, Filter, format_time
from stream.operations.deadletters.reading import open_reader, read_all, read_dead_letters
from stream.text import printable

MAX_KEY_WIDTH = 60
"""Maximum characters of a key in a list."""


async def format_list(settings: Settings, wanted: Filter, limit: int) -> list[str]:
    """Return a line for each of the newest `limit` matching dead letters, then counts by topic and reason."""
    newest: list[tuple[int, int, int, list[str]]] = []
    counts: Counter[tuple[str, str]] = Counter()
    total, sources = 0, set[str]()
    async for dead_letter in read_all(settings):
        total += 1
        sources.add(dead_letter.topic or "?")
        if not wanted.matches(dead_letter):
            continue
        counts[dead_letter.topic or "?", dead_letter.reason or "?"] += 1
        row = (dead_letter.dead_lettered_at, dead_letter.partition, dead_letter.offset, _row(dead_letter))
        if len(newest) < limit:
            heappush(newest, row)
        elif limit:
            heappushpop(newest, row)
    lines = table(
        [row for *_, row in sorted(newest)], ("position", "time", "from", "reason", "key", "detail")
    )
    if lines:
        lines.append("")
    lines += table(
        [[*group, f"{count:,}"] for group, count in sorted(counts.items())], ("topic", "reason", "count")
    )
    if unknown := wanted.topics - sources:
        known = ", ".join(map(printable, sorted(sources))) or "nothing"
        lines.append(
            f"no dead letters from {', '.join(map(printable, sorted(unknown)))}; there are some from {known}"
        )
    return [*lines, f"{counts.total():,} of {total:,} dead letters"]


def _row(dead_letter: DeadLetter) -> list[str]:
    source = f"{dead_letter.topic} {dead_letter.header_text('cx_partition')}:{dead_letter.header_text('cx_offset')}"
    key = printable(dead_letter.key)
    short = key if len(key) <= MAX_KEY_WIDTH else f"{key[: MAX_KEY_WIDTH - 1]}…"
    return [
        dead_letter.position,
        format_time(dead_letter.dead_lettered_at),
        source,
        dead_letter.reason,
        short,
        dead_letter.header_text("cx_detail"),
    ]


def table(rows: list[list[str]], head: tuple[str, ...]) -> list[str]:
    """Format rows as printable lines in columns under a heading. Without rows there are no lines."""
    if not rows:
        return []
    cells = [head, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


async def read_dead_letter(settings: Settings, position: str) -> DeadLetter:
    """Return the dead letter at a position. Raises CxgaugeError if there is none."""
    partition, offset = map(int, position.split(":"))
    tp = TopicPartition(settings.topics.deadletter, partition)
    async with open_reader(settings) as (consumer, ranges):
        span = ranges.get(tp, OffsetRange(0, 0))
        if span.begin <= offset < span.end:
            async for dead_letter in read_dead_letters(consumer, {tp: OffsetRange(offset, offset + 1)}):
                return dead_letter
    raise CxgaugeError(f"no dead letter at {position}; list existing ones with cxgauge deadletter ls")


def format_details(dead_letter: DeadLetter) -> list[str]:
    """Format all fields of a dead letter, a line each, and its value."""
    first_timestamp = dead_letter.header_text("cx_timestamp")
    details = {
        "position": dead_letter.position,
        "time": format_time(dead_letter.dead_lettered_at),
        "reason": dead_letter.reason,
        "detail": dead_letter.header_text("cx_detail"),
        "from": f"{dead_letter.topic} {dead_letter.header_text('cx_partition')}:{dead_letter.header_text('cx_offset')}",
        "first timestamp": format_time(int(first_timestamp))
        if first_timestamp.isdecimal() and len(first_timestamp) < 15
        else first_timestamp,
        "key": "none" if dead_letter.key is None else printable(dead_letter.key),
        **{f"header {name}": printable(value) for name, value in dead_letter.original_headers},
        "value": "none" if dead_letter.value is None else f"{len(dead_letter.value):,} bytes",
    }
    width = max(map(len, details))
    lines = [f"{printable(name):{width}}  {printable(text)}".rstrip() for name, text in details.items()]
    if dead_letter.value:
        lines += [
            "",
            *(printable(line) for line in dead_letter.value.decode(errors="backslashreplace").split("\n")),
        ]
    return lines
