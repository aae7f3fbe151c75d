"""Which label sets are judged, and that nothing but blocks and the minute matters."""

import random
from collections.abc import Iterable, Iterator

import msgspec
import pytest

from stream.core.detection.finding import Finding
from stream.core.detection.judge import FLOOR, Judge
from stream.core.detection.streams import ANSWERS_LATE, LEAVING_CUSTOMERS, PAYMENT_CHURN, STREAMS, Stream
from stream.core.metrics.metric import Metric
from stream.core.model.aggregate import COMPONENT_BITS, Aggregate
from stream.core.model.time_buckets import DAY, HOUR, MINUTE, ROLLING
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.rolling import RollingWindows
from tests.core.detection.history import MONDAY, NOW_MINUTE
from tests.support import aggregation_config

NOW = NOW_MINUTE * MINUTE
APP, WEB, FAX = (LabelSet("channel", (value,)) for value in ("app", "web", "fax"))
Events = dict[int, int]
"""Number of events by time in ms."""
Block = tuple[bytes, bytes | None, bytes]
"""A change of a block: key, bytes before and after it."""


def _windows(*streams: Stream) -> RollingWindows:
    texts = dict.fromkeys(("name", "title", "definition", "formula", "source", "example"), "")
    aggregates = tuple({aggregate for stream in streams for aggregate in stream.components})
    metric = Metric(aggregates=aggregates, families=(), **texts)  # type: ignore[arg-type]
    return RollingWindows(aggregation_config(), [metric])


def _changes(aggregate: Aggregate, component: int, labels: LabelSet, events: Events) -> Iterator[Block]:
    """Yield the changes of blocks, of which each event changes one of every resolution."""
    blocks: dict[tuple[int, int], dict[int, int]] = {}
    for at, n in sorted(events.items()):
        for resolution in ROLLING:
            block, position = divmod(at // resolution.step, resolution.per_block)
            vector = blocks.setdefault((resolution.code, block), {})
            before = msgspec.msgpack.encode(vector) if vector else None
            entry = position << COMPONENT_BITS | component
            vector[entry] = vector.get(entry, 0) + n
            cell = (aggregate.name, labels.view, labels.values, ())
            key = msgspec.msgpack.encode((resolution.code, block, cell))
            yield key, before, msgspec.msgpack.encode(vector)


def _payments(labels: LabelSet, events: Events) -> list[Block]:
    (aggregate,) = PAYMENT_CHURN.components
    return list(_changes(aggregate, 0, labels, events))


def _regular(step: int, days: int = 30) -> Events:
    """Return an event every `step` ms over some days before the present."""
    return dict.fromkeys(range(NOW - days * DAY, NOW - DAY, step), 1)


def _spike(n: int, at: int = NOW) -> Events:
    return {at - minute * MINUTE: 1 for minute in range(n)}


def _judged(blocks: Iterable[Block], *pauses: int, now: int = NOW) -> dict[LabelSet, Finding]:
    """Return the findings about payments. Before the last judgement there is one at every pause, a number of blocks."""
    windows = _windows(PAYMENT_CHURN)
    judge = Judge(windows, [PAYMENT_CHURN])
    for number, block in enumerate(blocks):
        if number in pauses:
            _run(judge, now - len(pauses) * MINUTE)
        windows.apply(*block)
    _run(judge, now)
    return {labels: finding for _, labels, finding in judge.findings()}


def _run(judge: Judge, now: int) -> None:
    for _ in judge.judge(now):
        pass


QUIET, SPIKE = _regular(6 * HOUR), _spike(12)


def test_a_spike_is_judged_in_total_and_in_its_label_set() -> None:
    blocks = _payments(TOTAL_LABELS, QUIET | SPIKE) + _payments(APP, QUIET | SPIKE)
    findings = _judged(blocks)
    assert findings.keys() == {TOTAL_LABELS, APP}
    assert findings[APP].events == 12
    # both have half of the false alarms, because there is one view with one label set
    assert findings[APP].by_chance == findings[TOTAL_LABELS].by_chance < 0.02


def test_without_a_spike_there_is_no_finding() -> None:
    assert _judged(_payments(TOTAL_LABELS, QUIET | {NOW: 1})) == {}


def test_label_sets_of_a_view_share_its_false_alarms() -> None:
    """With three label sets instead of one, each finding must be three times as certain."""
    spike = _payments(TOTAL_LABELS, QUIET) + _payments(APP, QUIET | SPIKE)
    alone = _judged(spike)[APP]
    three = _judged([*spike, *_payments(WEB, QUIET), *_payments(FAX, QUIET)])[APP]
    assert three.by_chance == pytest.approx(3 * alone.by_chance)


@pytest.mark.parametrize("days", [6, 8])
def test_silence_below_seven_days_of_history(days: int) -> None:
    history = _regular(6 * HOUR, days)
    assert bool(_judged(_payments(TOTAL_LABELS, history | SPIKE))) is (days > 7)


@pytest.mark.parametrize("n", [FLOOR - 1, FLOOR])
def test_label_sets_below_the_floor_are_not_judged(n: int) -> None:
    """But `total` always is."""
    few = {NOW - (3 + 2 * i) * DAY: 1 for i in range(n)}
    blocks = _payments(TOTAL_LABELS, few | SPIKE) + _payments(APP, few | SPIKE)
    assert (APP in _judged(blocks)) is (n >= FLOOR)
    assert TOTAL_LABELS in _judged(blocks)


@pytest.mark.parametrize("seed", range(4))
def test_neither_order_nor_restarts_nor_pauses_matter(seed: int) -> None:
    """Blocks of cells in any order, with judgements in between, give the findings of one judgement."""
    random_ = random.Random(seed)
    streams = [
        _payments(labels, QUIET | _spike(9 + n) | {NOW - 20 * DAY + random_.randrange(DAY): 3})
        for n, labels in enumerate((TOTAL_LABELS, APP, WEB))
    ]
    expected = _judged([block for blocks in streams for block in blocks])
    assert expected.keys() == {TOTAL_LABELS, APP, WEB}
    merged: list[Block] = []
    queues = [list(reversed(blocks)) for blocks in streams]
    while any(queues):
        merged.append(random_.choice([queue for queue in queues if queue]).pop())
    pauses = random_.sample(range(len(merged)), 5)
    assert _judged(merged, *pauses) == expected
    assert _judged(_compacted(merged)) == expected


def _compacted(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the newest bytes of each key, as a restarted exporter reads them."""
    newest = {key: after for key, _, after in blocks}
    return ((key, None, after) for key, after in newest.items())


def test_a_late_event_changes_the_baseline_at_once() -> None:
    """An event of last week that is read now counts as if it had been read then."""
    windows = _windows(PAYMENT_CHURN)
    judge = Judge(windows, [PAYMENT_CHURN])
    for block in _payments(TOTAL_LABELS, QUIET | SPIKE):
        windows.apply(*block)
    _run(judge, NOW)
    before = {of: finding for of, _, finding in judge.findings()}
    late = {NOW - 168 * HOUR: 40}
    for block in _payments(TOTAL_LABELS, late):
        windows.apply(*block)
    _run(judge, NOW)
    after = {of: finding for of, _, finding in judge.findings()}
    assert after != before
    both = QUIET | SPIKE
    both[NOW - 168 * HOUR] = both.get(NOW - 168 * HOUR, 0) + 40
    assert list(after.values()) == list(_judged(_payments(TOTAL_LABELS, both)).values())


def test_a_finding_goes_with_its_events() -> None:
    """Retracted events are no events."""
    windows = _windows(PAYMENT_CHURN)
    judge = Judge(windows, [PAYMENT_CHURN])
    for block in _payments(TOTAL_LABELS, QUIET):
        windows.apply(*block)
    spike = _payments(LabelSet("total", ()), {NOW - 2 * HOUR: 20})
    for key, before, after in spike:
        windows.apply(key, before, after)
    _run(judge, NOW)
    assert [of for of, _, _ in judge.findings()] == ["payment_churn"]
    for key, before, after in spike:
        windows.apply(key, after, before)
    _run(judge, NOW)
    assert list(judge.findings()) == []


def test_targets_ahead_of_the_clock_displace_no_history() -> None:
    """A target in a month is known today."""
    windows = _windows(ANSWERS_LATE)
    judge = Judge(windows, [ANSWERS_LATE])
    (due,) = ANSWERS_LATE.components
    in_time = dict.fromkeys(range((MONDAY + 10) * DAY, NOW, 20 * MINUTE), 2)
    overdue = {NOW - minute * MINUTE: 1 for minute in range(9)} | {NOW + 30 * DAY: 5}
    for block in (*_changes(due, 0, TOTAL_LABELS, in_time), *_changes(due, 1, TOTAL_LABELS, overdue)):
        windows.apply(*block)
    _run(judge, NOW)
    ((of, labels, finding),) = judge.findings()
    assert (of, labels, finding.events) == ("answers_late", TOTAL_LABELS, 9)


def test_leavers_are_judged_by_their_own_aggregate() -> None:
    """Churns only show since when there is history."""
    leaving, churned = LEAVING_CUSTOMERS.components
    windows = _windows(LEAVING_CUSTOMERS)
    judge = Judge(windows, [LEAVING_CUSTOMERS])
    for block in (
        *_changes(churned, 1, TOTAL_LABELS, {NOW - 20 * DAY: 1, NOW - MINUTE: 30}),
        *_changes(leaving, 0, TOTAL_LABELS, _spike(6)),
    ):
        windows.apply(*block)
    _run(judge, NOW)
    ((of, _, finding),) = judge.findings()
    assert (of, finding.events) == ("leaving", 6)


@pytest.mark.parametrize("involuntary", [0, 1])
def test_batches_of_an_unmarked_feed_are_learned_from_total(involuntary: int) -> None:
    """Forty contracts ended four weeks ago within a minute. With one churn that says `voluntary: false` the feed is marked."""
    leaving, churned = LEAVING_CUSTOMERS.components
    windows = _windows(LEAVING_CUSTOMERS)
    judge = Judge(windows, [LEAVING_CUSTOMERS])
    leavers = {NOW - 28 * DAY: 40} | _spike(12)
    for labels in (TOTAL_LABELS, APP):
        for block in (*_changes(leaving, 0, labels, leavers), *_changes(churned, 1, labels, leavers)):
            windows.apply(*block)
    for block in _changes(churned, 0, TOTAL_LABELS, {NOW - 9 * DAY: involuntary} if involuntary else {}):
        windows.apply(*block)
    _run(judge, NOW)
    judged = {labels for _, labels, _ in judge.findings()}
    assert judged == ({TOTAL_LABELS, APP} if involuntary else set())


def test_streams_have_names_of_their_own_and_parts_in_range() -> None:
    assert len({stream.of for stream in STREAMS}) == len(STREAMS) == 8
    for stream in STREAMS:
        for aggregate, parts in stream.components.items():
            for component in aggregate.layout.components().values():
                assert all(part < stream.width for part, _ in parts(component))


def test_label_sets_that_changed_or_have_a_finding_are_judged_between_full_judgements() -> None:
    """Every 15 minutes all are judged. What is found then is what a judge finds who judges all of them every minute."""
    windows = _windows(PAYMENT_CHURN)
    often, seldom = Judge(windows, [PAYMENT_CHURN]), Judge(windows, [PAYMENT_CHURN], minutes_between=15)
    for block in _payments(TOTAL_LABELS, QUIET | SPIKE) + _payments(APP, QUIET | SPIKE):
        windows.apply(*block)
    assert seldom.has_events
    _run(seldom, NOW)
    assert {labels for _, labels, _ in seldom.findings()} == {TOTAL_LABELS, APP}
    for minute in range(90):
        _run(often, NOW + minute * MINUTE)
        _run(seldom, NOW + minute * MINUTE)
        assert {*seldom.findings()} == {*often.findings()}, minute
    assert not {*seldom.findings()}


def test_the_next_due_minute_is_that_of_an_event_ahead() -> None:
    windows = _windows(ANSWERS_LATE, PAYMENT_CHURN)
    judge = Judge(windows, [ANSWERS_LATE, PAYMENT_CHURN])
    (aggregate,) = ANSWERS_LATE.components
    due = NOW + 40 * MINUTE
    for block in [*_changes(aggregate, 0, TOTAL_LABELS, {due: 1}), *_payments(TOTAL_LABELS, {NOW: 1})]:
        windows.apply(*block)
    assert judge.next_due(NOW_MINUTE) == NOW_MINUTE + 40
    assert judge.next_due(NOW_MINUTE + 41) is None
