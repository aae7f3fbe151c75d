"""Rolling windows against the sum of everything, and edge by edge."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.aggregation.pane_store import PaneStore
from stream.core.metrics import BY_DOMAIN
from stream.core.model.aggregate import Aggregate, Contribution, Deltas, accumulate
from stream.core.model.aggregation_config import OTHER_VALUE
from stream.core.windows.cardinality import (
    CardinalityPolicy,
    EventCount,
    largest_values,
    smallest_label_sets,
    sum_counts,
)
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.ranges import window_ranges
from stream.core.windows.readout import WindowContext
from stream.core.windows.rolling import RollingWindows
from tests.core.windows.windows_model import FLOW, METRICS, TALLIES, Brute, Kept, run
from tests.support import DAY, HOUR, MINUTE, NOW, WINDOWS, aggregation_config

VIEWS = {"total": (), "channel": ("channel",), "both": ("channel", "brand")}
RULES = aggregation_config(labels=("brand",), views=VIEWS)
SHORT = aggregation_config(labels=("brand",), views=VIEWS, windows=(WINDOWS[0], WINDOWS[3]))

values = st.tuples(st.sampled_from([None, "a", "b", "c", OTHER_VALUE]), st.sampled_from([None, "x", "y"]))
vectors = st.dictionaries(st.integers(0, 2), st.integers(-3, 3).filter(bool), min_size=1, max_size=2)
ago = st.sampled_from([0, MINUTE, 5 * MINUTE, HOUR, DAY, 7 * DAY, 14 * DAY, 30 * DAY, 37 * DAY])
times = st.builds(lambda span, off: NOW - span + off * MINUTE, ago, st.integers(-20, 5))
contributions = st.one_of(
    st.builds(
        lambda tally, where, extra, at, vector: Contribution(tally, where, extra, at // MINUTE, vector),
        st.sampled_from(["flow", "open_flow", "stands"]),
        values,
        st.sampled_from([(), ("r",), ("s",)]),
        times,
        vectors,
    ),
    st.builds(lambda where, vector: Contribution("stock", where, (), 0, vector), values, vectors),
)
folds = st.builds(
    lambda channels, capped: CardinalityPolicy(
        VIEWS, {} if channels is None else {"channel": frozenset(channels)}, frozenset(capped)
    ),
    st.none() | st.sets(st.sampled_from("abc")),
    st.sets(st.sampled_from([LabelSet("both", ("a", "x")), LabelSet("channel", ("b",))])),
)
moments = st.sampled_from([1, MINUTE, 4 * MINUTE, HOUR, DAY, 8 * DAY, 40 * DAY])
changes = st.one_of(
    st.tuples(st.just("post"), st.integers(0, 1), st.lists(contributions, min_size=1, max_size=4)),
    st.tuples(st.just("post"), st.integers(0, 1), st.lists(contributions, min_size=1, max_size=4)),
    st.tuples(st.just("retract"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("expire"), st.integers(0, 1), moments),
    st.tuples(st.just("clock"), st.just(0), moments),
    st.tuples(st.just("fold"), st.just(0), folds),
    st.tuples(st.just("again"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("forget"), st.just(0), st.just(0)),
    st.tuples(st.just("check"), st.just(0), st.just(0)),
)


@given(st.lists(changes, max_size=12), st.sampled_from([RULES, SHORT]))
@settings(deadline=None, max_examples=150)
def test_windows_hold_the_sum_of_their_panes(history: list[tuple[str, int, Any]], config: Any) -> None:
    """Whatever comes, in whatever order: the figures are those of everything summed anew, each exactly once."""
    partitions = [PaneStore(config, TALLIES) for _ in range(2)]
    made: list[list[Contribution]] = [[], []]
    kept = Kept(config, 2)
    now = NOW
    for what, partition, argument in history:
        panes = partitions[partition]
        if what == "post":
            made[partition] += argument
            settle(panes, argument)
        elif what == "retract":
            settle(panes, made[partition], -1)
            made[partition] = []
        elif what == "expire":
            panes.expire(now + argument)
        elif what == "clock":
            now += argument
        elif what == "fold":
            run(kept.windows.apply_policy(argument))
        elif what == "again":
            kept.again(partition)
        elif what == "forget":
            kept.forget()
        else:
            run(kept.windows.verify())
        kept.take(partition, list(panes.changed_rows()))
        assert kept.show(now) == Brute(partitions, config, kept.windows.cardinality_policy, now).figures()
    run(kept.windows.verify())
    assert kept.windows.repairs == 0


def settle(panes: PaneStore, listed: list[Contribution], sign: int = 1) -> None:
    """Enter contributions in the panes of a partition."""
    deltas: Deltas = {}
    accumulate(deltas, listed, sign)
    panes.apply_deltas(deltas)


def one(at: int, n: int = 1, channel: str | None = None, aggregate: str = "flow") -> Contribution:
    """A contribution of `n` to component 0."""
    return Contribution(aggregate, (channel, None), (), at // MINUTE, {0: n})


def shown(
    kept: Kept, now: int, window: int | None, name: str = "flow()0", labels: LabelSet = TOTAL_LABELS
) -> float:
    """A figure of the model's metric, 0 when absent."""
    return kept.show(now)["all", labels, window].get((name,), 0)


def fed(*listed: Contribution) -> Kept:
    """Windows that one partition has contributed to."""
    panes, kept = PaneStore(RULES, TALLIES), Kept(RULES, 1)
    settle(panes, list(listed))
    kept.take(0, list(panes.changed_rows()))
    return kept


MINUTE_0 = NOW // HOUR * HOUR
"""The first minute of an hour: times below count from it."""


@pytest.mark.parametrize(
    ("minute", "expected"),
    [(-1, 0), (0, 1), (4, 1), (5, 0)],
)
def test_a_window_of_minutes(minute: int, expected: int) -> None:
    """A bucket is in the window of 5 minutes from its first moment on, until five minutes after.

    event in minute 0    |=|
    at minute -1    [____|
    at minute 0      [____===]
    at minute 4              [===____]
    at minute 5                  [________]
    """
    kept = fed(one(MINUTE_0))
    assert shown(kept, MINUTE_0 + minute * MINUTE, 0) == expected
    assert shown(fed(one(MINUTE_0)), MINUTE_0 + minute * MINUTE + MINUTE - 1, 0) == expected


def test_windows_of_hours_start_with_an_hour() -> None:
    """7 d are 168 hours, of which the last is not over.

    |h0|h1|        ...         |h167|h168
    [============================]         at any time in h167: h0 is in
       [=============================]     at the first moment of h168: h0 is out
    """
    kept = fed(one(MINUTE_0))
    assert shown(kept, MINUTE_0 + 168 * HOUR - 1, 3) == 1
    assert shown(kept, MINUTE_0 + 168 * HOUR, 3) == 0


def test_births_have_no_upper_end() -> None:
    """What is ahead of the clock is in the births and not yet in the flow."""
    kept = fed(one(MINUTE_0 + 4 * MINUTE), one(MINUTE_0 + 4 * MINUTE, aggregate="open_flow"))
    assert shown(kept, MINUTE_0, 0, "open_flow()0") == 1
    assert shown(kept, MINUTE_0, 0) == 0
    assert shown(kept, MINUTE_0 + 4 * MINUTE, 0) == 1


def test_a_window_moved_back() -> None:
    """Moved back by 7 days and a bucket, the window of 7 d holds the 168 hours before the last 169.

    |h0|h1|   ...   |h167|h168|   ...   |h336|h337
    [======================]  at h336: 7 d and the bucket of `now` follow
       [======================]         at h337: h0 is out
    """
    kept = fed(one(MINUTE_0))
    assert shown(kept, MINUTE_0 + 168 * HOUR, 3, "shifted()0") == 0
    assert shown(kept, MINUTE_0 + 169 * HOUR, 3, "shifted()0") == 1
    assert shown(kept, MINUTE_0 + 336 * HOUR, 3, "shifted()0") == 1
    assert shown(kept, MINUTE_0 + 337 * HOUR, 3, "shifted()0") == 0
    assert shown(kept, MINUTE_0 + 337 * HOUR, 2, "shifted()0") == 0


def test_short_windows_are_not_moved_back() -> None:
    """Only windows of 7 days and more have a lane in the past."""
    moved = [
        lane.window.label
        for lane in window_ranges([(w, 1) for w in WINDOWS], [FLOW])
        if lane.range_id >= len(WINDOWS)
    ]
    assert moved == ["7d", "30d"]


def test_the_clock_does_not_go_back() -> None:
    """An edge that has moved stays."""
    kept = fed(one(MINUTE_0))
    assert shown(kept, MINUTE_0 + 10 * MINUTE, 0) == 0
    assert shown(kept, MINUTE_0, 0) == 0


def test_late_events_correct_the_past() -> None:
    """A change in an old bucket changes the windows that hold it, and a retraction takes it out again."""
    panes, kept = PaneStore(RULES, TALLIES), Kept(RULES, 1)
    kept.show(NOW)
    for n, expected in ((2, 2), (-1, 1)):
        settle(panes, [one(NOW - 3 * DAY, n)])
        kept.take(0, list(panes.changed_rows()))
        assert [shown(kept, NOW, window) for window in range(5)] == [0, 0, 0, expected, expected]


def test_what_stands_ages_with_the_clock() -> None:
    """Every minute, without any event."""
    kept = fed(Contribution("stands", (None, None), (), NOW // MINUTE, {0: 1}))
    assert kept.show(NOW)["all", TOTAL_LABELS, None] == {("stands0/0",): 1}
    assert kept.show(NOW + MINUTE)["all", TOTAL_LABELS, None] == {("stands1/0",): 1}


def test_label_sets_come_and_go() -> None:
    """One is shown while any window or stock has something of the metric for it; `total` always is."""
    kept = fed(one(NOW, channel="web"))
    web = LabelSet("channel", ("web",))
    assert {labels for _, labels, _ in kept.show(NOW)} == {TOTAL_LABELS, web}
    assert {labels for _, labels, _ in kept.show(NOW + 36 * DAY)} == {TOTAL_LABELS, web}, (
        "in the window moved back"
    )
    assert {labels for _, labels, _ in kept.show(NOW + 60 * DAY)} == {TOTAL_LABELS}


def test_what_is_gone_leaves_nothing_behind() -> None:
    """Memory is flat: groups go with their last block."""
    panes, kept = PaneStore(RULES, TALLIES), Kept(RULES, 1)
    settle(panes, [one(NOW, channel="web"), Contribution("stock", ("web", None), (), 0, {0: 1})])
    kept.take(0, list(panes.changed_rows()))
    kept.show(NOW)
    assert len(kept.windows.label_sets()) == 2
    settle(panes, [Contribution("stock", ("web", None), (), 0, {0: -1})])
    panes.expire(NOW + 60 * DAY)
    kept.take(0, list(panes.changed_rows()))
    assert kept.windows.label_sets() == set()


def test_a_wrong_sum_is_found_and_mended() -> None:
    """The hourly check counts what it repairs, and shows it."""
    kept = fed(one(NOW))
    assert shown(kept, NOW, 0) == 1
    group = kept.windows.shown_sums("flow", TOTAL_LABELS)
    assert group is not None
    group.accumulate(0, (), {0: 5})
    run(kept.windows.verify())
    assert kept.windows.repairs == 1
    assert shown(kept, NOW, 0) == 1


def test_foreign_cells_are_left_alone() -> None:
    """A view, a tally or a number of labels that is not ours changes nothing."""
    panes = PaneStore(
        aggregation_config(views={"total": (), "team": ("team",)}, labels=()),
        TALLIES | {"new": FLOW._replace(name="new")},
    )
    settle(panes, [one(NOW, aggregate="new"), Contribution("flow", ("t",), (), NOW // MINUTE, {0: 1})])
    windows = RollingWindows(aggregation_config(views={"total": (), "team": ("team", "channel")}), METRICS)
    for key, value in panes.changed_rows():
        windows.apply(key, None, value)
    assert windows.label_sets() == {TOTAL_LABELS}


def test_weights_count_events_and_leave_out_what_is_open() -> None:
    """Of flows, those components that count events, over the longest window; its last bucket counts second."""
    kept = fed(one(NOW - DAY, 2, "web"), one(NOW, 3, "web"), one(NOW, 7, "web", "open_flow"))
    kept.show(NOW)
    weights = sum_counts(kept.windows.event_counts())
    assert weights[LabelSet("channel", ("web",))] == EventCount(finished=2, total=5)


def channel(name: str) -> LabelSet:
    """A label set of the view `channel`."""
    return LabelSet("channel", (name,))


def test_values_with_the_most_events_are_kept() -> None:
    """By events of finished buckets, then of all, then by value; only where there are too many."""
    few = aggregation_config(labels=("brand",), views=VIEWS, max_values=2)
    weights = {
        channel("a"): EventCount(1, 1),
        channel("b"): EventCount(1, 2),
        channel("c"): EventCount(0, 9),
        channel("d"): EventCount(1, 1),
        channel(OTHER_VALUE): EventCount(99, 99),
        LabelSet("both", ("z", "x")): EventCount(50, 50),
    }
    assert largest_values(weights, few) == {"channel": {"a", "b"}}
    assert largest_values(weights, aggregation_config(labels=("brand",), views=VIEWS, max_values=4)) == {}


def test_the_smallest_label_sets_fold_first() -> None:
    """Enough to make room; of equal ones the last by name; never `total`; the rest of a view costs what it holds."""
    sizes = {TOTAL_LABELS: 50, channel("a"): 10, channel("b"): 10, channel("c"): 10}
    weights = {channel("a"): EventCount(1, 1), channel("b"): EventCount(1, 1), channel("c"): EventCount(0, 5)}
    assert smallest_label_sets(sizes, weights, 1) == {channel("c"), channel("b")}
    assert smallest_label_sets(sizes | {channel(OTHER_VALUE): 10}, weights, 1) == {channel("c")}
    assert smallest_label_sets(sizes, weights, 10_000) == {channel("a"), channel("b"), channel("c")}
    assert smallest_label_sets(sizes, weights, 0) == frozenset()


def test_folded_label_sets_are_one() -> None:
    """A value that is not kept and a capped label set are `__other__`."""
    fold = CardinalityPolicy(
        VIEWS, {"channel": frozenset({"a", "b"})}, frozenset({LabelSet("both", ("a", "y"))})
    )
    assert fold.shown_as(LabelSet("both", ("z", "x"))) == LabelSet("both", (OTHER_VALUE, "x"))
    assert fold.shown_as(LabelSet("both", ("a", "y"))) == LabelSet("both", (OTHER_VALUE, OTHER_VALUE))
    assert fold.shown_as(LabelSet("both", ("a", "x"))) == LabelSet("both", ("a", "x"))
    assert fold.shown_as(TOTAL_LABELS) == TOTAL_LABELS


def test_a_value_that_comes_back_leaves_the_rest() -> None:
    """What counts for `__other__` does so only as long as it is folded."""
    kept = fed(one(NOW, 2, "a"), one(NOW, 3, "b"), one(NOW, 4, "c"))
    for shown_values, rest in (("", 9), ("a", 7), ("ac", 3), ("c", 5)):
        run(kept.windows.apply_policy(CardinalityPolicy(VIEWS, {"channel": frozenset(shown_values)})))
        assert shown(kept, NOW, 0, labels=channel(OTHER_VALUE)) == rest


class Recorder(WindowContext):
    """A sight that notes what was looked at."""

    read_aggregates: set[str]

    def _sums(self, aggregate: Aggregate, slot: int) -> Any:
        self.read_aggregates.add(aggregate.name)
        return super()._sums(aggregate, slot)

    def open_items(self, aggregate: Aggregate) -> dict[int, dict[int, int]]:
        self.read_aggregates.add(aggregate.name)
        return super().open_items(aggregate)


@pytest.mark.parametrize(
    "metric", [m for metrics in BY_DOMAIN.values() for m in metrics], ids=lambda m: m.name
)
def test_metrics_name_all_that_they_look_at(metric: Any) -> None:
    """A tally that a reader looks at and does not name would leave its figures standing when it changes."""
    windows = RollingWindows(aggregation_config(), [metric])
    context = Recorder(windows, TOTAL_LABELS, NOW, 0)
    context.read_aggregates = set()
    list(metric.window_samples(context, WINDOWS[0]))
    if metric.read_stock:
        list(metric.read_stock(context))
    assert context.read_aggregates <= {aggregate.name for aggregate in metric.aggregates}
