"""Dead letters for people to read."""

from collections import Counter
from heapq import heappush, heappushpop

from aiokafka import TopicPartition

from stream.config import Settings
from stream.errors import CxgaugeError
from stream.kafka.reading import OffsetRange
from stream.operations.deadletters.dead_letter import DeadLetter, Filter, format_time, printable
from stream.operations.deadletters.reading import open_reader, read_all, read_dead_letters

MAX_KEY_WIDTH = 60
"""Characters of a key in a list."""


async def format_list(settings: Settings, wanted: Filter, limit: int) -> list[str]:
    """The newest `limit` letters, a line each, and the counts."""
    newest: list[tuple[int, int, int, list[str]]] = []
    counts: Counter[tuple[str, str]] = Counter()
    seen = 0
    async for letter in read_all(settings):
        seen += 1
        if not wanted.matches(letter):
            continue
        counts[letter.topic or "?", letter.reason or "?"] += 1
        row = (letter.dead_lettered_at, letter.partition, letter.offset, _row(letter))
        if len(newest) < limit:
            heappush(newest, row)
        elif limit:
            heappushpop(newest, row)
    lines = table([row for *_, row in sorted(newest)], ("place", "buried", "from", "reason", "key", "detail"))
    if lines:
        lines.append("")
    lines += table([[*what, f"{n:,}"] for what, n in sorted(counts.items())], ("topic", "reason", "letters"))
    return [*lines, f"{counts.total():,} of {seen:,} letters"]


def _row(letter: DeadLetter) -> list[str]:
    origin = f"{letter.topic} {letter.header_text('cx_partition')}:{letter.header_text('cx_offset')}"
    key = printable(letter.key)
    short = key if len(key) <= MAX_KEY_WIDTH else f"{key[: MAX_KEY_WIDTH - 1]}…"
    return [
        letter.position,
        format_time(letter.dead_lettered_at),
        printable(origin),
        letter.reason,
        short,
        printable(letter.header_text("cx_detail")),
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


async def read_one(settings: Settings, position: str) -> DeadLetter:
    """The letter at a place. Raises CxgaugeError when there is none."""
    partition, offset = map(int, position.split(":"))
    tp = TopicPartition(settings.topics.deadletter, partition)
    async with open_reader(settings) as (consumer, spans):
        span = spans.get(tp, OffsetRange(0, 0))
        if span.begin <= offset < span.end:
            async for letter in read_dead_letters(consumer, {tp: OffsetRange(offset, offset + 1)}):
                return letter
    raise CxgaugeError(f"no letter lies at {position}; cxgauge deadletter ls shows those that there are")


def format_details(letter: DeadLetter) -> list[str]:
    """A letter with all that is known of it."""
    first = letter.header_text("cx_timestamp")
    details = {
        "place": letter.position,
        "buried": format_time(letter.dead_lettered_at),
        "reason": letter.reason,
        "detail": letter.header_text("cx_detail"),
        "from": f"{letter.topic} {letter.header_text('cx_partition')}:{letter.header_text('cx_offset')}",
        "first timestamp": format_time(int(first)) if first.isdigit() and len(first) < 15 else first,
        "key": "none" if letter.key is None else printable(letter.key),
        **{f"header {name}": printable(value) for name, value in letter.own_headers},
        "value": "none" if letter.value is None else f"{len(letter.value):,} bytes",
    }
    width = max(map(len, details))
    lines = [f"{printable(name):{width}}  {printable(text)}".rstrip() for name, text in details.items()]
    if letter.value:
        lines += [
            "",
            *(printable(line) for line in letter.value.decode(errors="backslashreplace").split("\n")),
        ]
    return lines
