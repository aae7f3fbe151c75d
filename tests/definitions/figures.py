"""All series that events of `cx.tickets` give, from all of the events. The shape is that of `Pipeline.series`."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.definitions import fcr, windowed
from tests.definitions.events import TicketEvent
from tests.definitions.reading import EventReader
from tests.definitions.replay import Fact, Replay
from tests.definitions.settings import DAY, HOUR, MINUTE, VIEWS, Settings

Labels = tuple[tuple[str, str], ...]
OwnLabels = dict[str, str]


class Between(NamedTuple):
    """A value that is known within bounds, because ages are exact to a minute."""

    low: float
    high: float


Series = dict[str, dict[Labels, float | Between]]


def read(events: list[TicketEvent], settings: Settings) -> EventReader:
    """Return a reader of events in this order."""
    reader = EventReader(settings)
    for event in events:
        reader.read(event)
    return reader


def figures(events: list[TicketEvent], now_ms: int, settings: Settings) -> Series:
    """Return the series of events in the order of reading. Zeros are there for every label set of any event."""
    return figures_of(read(events, settings), now_ms)


def figures_of(reader: EventReader, now_ms: int) -> Series:
    """Return the series of the events that were read."""
    settings, replays = reader.settings, reader.replays()
    facts = reader.facts(replays)
    series: Series = {}

    def emit(name: str, labels: OwnLabels, value: float | Between) -> None:
        series.setdefault(name, {})[tuple(sorted(labels.items()))] = value

    for view, names in VIEWS.items():
        for values in label_sets(facts, replays, names):
            labels = dict(zip(names, values, strict=True))
            shown = [fact for fact in facts if _matches(fact.dimensions, labels)]
            for name, own_labels, value in _windows(shown, now_ms, settings):
                emit(name, {"view": view, **labels, **own_labels}, value)
            present = [replay for replay in replays if _matches(replay.ticket.present_dimensions, labels)]
            for name, value in stocks(present, now_ms):
                emit(name, {"view": view, **labels}, value)
    emit("cx_orphan_tickets", {"view": "total"}, sum(ticket.is_orphan for ticket in reader.tickets()))
    return series


def label_sets(facts: list[Fact], replays: list[Replay], names: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return the values of a view's dimensions wherever all of them are known."""
    dimensions = [fact.dimensions for fact in facts]
    dimensions += [replay.ticket.present_dimensions for replay in replays]
    if not names:
        return {()}
    return {
        tuple(known[name] for name in names) for known in dimensions if all(name in known for name in names)
    }


def _matches(dimensions: dict[str, str], labels: OwnLabels) -> bool:
    return all(dimensions.get(name) == value for name, value in labels.items())


def _windows(facts: list[Fact], now: int, settings: Settings) -> Iterator[tuple[str, OwnLabels, float]]:
    for window, span in settings.windows.items():
        step = MINUTE if span <= HOUR else 15 * MINUTE if span <= DAY else HOUR
        end = now // step * step + step
        inside = [
            fact
            for fact in _inside(facts, end - span, end)
            if fact.kind != "due" or fact.at // MINUTE <= now // MINUTE
        ]
        for name, own_labels, value in windowed.figures(inside, settings):
            yield name, {"window": window, **own_labels}, value
        bases = {"provisional": inside}
        if span >= fcr.WEEK:
            back = fcr.WEEK + step
            bases["confirmed"] = _inside(facts, end - span - back, end - back)
        for basis, judged in bases.items():
            for name, own_labels, value in windowed.fcr(judged):
                yield name, {"window": window, "basis": basis, **own_labels}, value


def _inside(facts: list[Fact], start: int, end: int) -> list[Fact]:
    return [fact for fact in facts if start <= fact.at < end]


def stocks(replays: list[Replay], now: int) -> Iterator[tuple[str, float | Between]]:
    """Yield the stock figures of tickets with the same present dimensions."""
    unresolved = [replay for replay in replays if not replay.resolved]
    waiting = [replay for replay in unresolved if replay.contact_cycle is not None]
    awaiting = [
        min(since for since in (replay.contact_cycle, replay.reply_cycle) if since is not None)
        for replay in unresolved
        if (replay.contact_cycle, replay.reply_cycle) != (None, None)
    ]
    yield "cx_open_tickets", len(unresolved)
    yield from _oldest("cx_open_oldest_seconds", [replay.created.at for replay in unresolved], now)
    yield "cx_waiting_tickets", len(waiting)
    yield from _oldest("cx_waiting_oldest_seconds", (replay.contact_cycle for replay in waiting), now)
    bounds = [sum(_is_over_target(replay, now, slack) for replay in waiting) for slack in (-MINUTE, MINUTE)]
    yield "cx_waiting_over_target_tickets", Between(*bounds)
    yield "cx_awaiting_reply_tickets", len(awaiting)
    yield from _oldest("cx_awaiting_reply_oldest_seconds", awaiting, now)


def _oldest(name: str, times: Iterable[int | None], now: int) -> Iterator[tuple[str, Between]]:
    known = [time for time in times if time is not None]
    if known:
        seconds = max(0, now - min(known)) / 1000
        yield name, Between(seconds - 60, seconds + 60)


def _is_over_target(replay: Replay, now: int, slack: int) -> bool:
    dimensions, since = replay.ticket.present_dimensions, replay.contact_cycle
    assert since is not None
    return (
        replay.settings.judged_ms(dimensions, since, now) + slack
        > replay.settings.target_for(dimensions).duration
    )
