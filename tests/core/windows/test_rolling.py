"""Rolling windows compared with the sum of all panes, and their limits one by one."""

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
from tests.core.windows.windows_model import AGGREGATES, FLOW, METRICS, BruteForceWindows, KeptReadout, run
from tests.support import DAY, HOUR, MINUTE, NOW, WINDOWS, aggregation_config

VIEWS = {"total": (), "channel": ("channel",), "both": ("channel", "brand")}
CONFIG = aggregation_config(labels=("brand",), views=VIEWS)
SHORT_WINDOWS = aggregation_config(labels=("brand",), views=VIEWS, windows=(WINDOWS[0], WINDOWS[3]))

values = st.tuples(st.sampled_from([None, "a", "b", "c", OTHER_VALUE]), st.sampled_from([None, "x", "y"]))
vectors = st.dictionaries(st.integers(0, 2), st.integers(-3, 3).filter(bool), min_size=1, max_size=2)
ages = st.sampled_from([0, MINUTE, 5 * MINUTE, HOUR, DAY, 7 * DAY, 14 * DAY, 30 * DAY, 37 * DAY])
times = st.builds(lambda span, minutes: NOW - span + minutes * MINUTE, ages, st.integers(-20, 5))
due_times = st.builds(lambda at, minutes: at + minutes * MINUTE, times, st.integers(0, 90))
contributions = st.one_of(
    st.builds(
        lambda aggregate, label_values, own_labels, at, vector: Contribution(
            aggregate, label_values, own_labels, at // MINUTE, vector
        ),
        st.sampled_from(["flow", "open_flow", "stands"]),
        values,
        st.sampled_from([(), ("r",), ("s",)]),
        times,
        vectors,
    ),
    st.builds(
        lambda label_values, at, vector: Contribution("due_flow", label_values, (), at // MINUTE, vector),
        values,
        due_times,
        vectors,
    ),
    st.builds(
        lambda label_values, vector: Contribution("stock", label_values, (), 0, vector), values, vectors
    ),
)
cardinality_policies = st.builds(
    lambda channels, folded_label_sets: CardinalityPolicy(
        VIEWS, {} if channels is None else {"channel": frozenset(channels)}, frozenset(folded_label_sets)
    ),
    st.none() | st.sets(st.sampled_from("abc")),
    st.sets(st.sampled_from([LabelSet("both", ("a", "x")), LabelSet("channel", ("b",))])),
)
durations = st.sampled_from([1, MINUTE, 4 * MINUTE, HOUR, DAY, 8 * DAY, 40 * DAY])
changes = st.one_of(
    st.tuples(st.just("accumulate"), st.integers(0, 1), st.lists(contributions, min_size=1, max_size=4)),
    st.tuples(st.just("accumulate"), st.integers(0, 1), st.lists(contributions, min_size=1, max_size=4)),
    st.tuples(st.just("retract"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("expire"), st.integers(0, 1), durations),
    st.tuples(st.just("clock"), st.just(0), durations),
    st.tuples(st.just("clock"), st.just(0), durations.map(lambda duration: -duration)),
    st.tuples(st.just("fold"), st.just(0), cardinality_policies),
    st.tuples(st.just("reread"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("forget"), st.just(0), st.just(0)),
    st.tuples(st.just("check"), st.just(0), st.just(0)),
)


@given(st.lists(changes, max_size=12), st.sampled_from([CONFIG, SHORT_WINDOWS]))
@settings(deadline=None, max_examples=150)
def test_windows_hold_the_sum_of_their_panes(history: list[tuple[str, int, Any]], config: Any) -> None:
    """After any changes in any order, the figures equal sums over all panes."""
    partitions = [PaneStore(config, AGGREGATES) for _ in range(2)]
    contributed: list[list[Contribution]] = [[], []]
    readout = KeptReadout(config, 2)
    now = NOW
    for change, partition, argument in history:
        panes = partitions[partition]
        if change == "accumulate":
            contributed[partition] += argument
            apply_contributions(panes, argument)
        elif change == "retract":
            apply_contributions(panes, contributed[partition], -1)
            contributed[partition] = []
        elif change == "expire":
            panes.expire(now + argument)
        elif change == "clock":
            now += argument
        elif change == "fold":
            run(readout.windows.apply_policy(argument))
        elif change == "reread":
            readout.reread(partition)
        elif change == "forget":
            readout.forget()
        else:
            run(readout.windows.verify())
        readout.apply_rows(partition, list(panes.changed_rows()))
        assert (
            readout.read_figures(now)
            == BruteForceWindows(partitions, config, readout.windows.cardinality_policy, now).figures()
        )
    run(readout.windows.verify())
    assert readout.windows.repairs == 0


def apply_contributions(panes: PaneStore, contributions_list: list[Contribution], sign: int = 1) -> None:
    """Add contributions to the panes of a partition, or subtract them with sign -1."""
    deltas: Deltas = {}
    accumulate(deltas, contributions_list, sign)
    panes.apply_deltas(deltas)


def contribution(at: int, n: int = 1, channel: str | None = None, aggregate: str = "flow") -> Contribution:
    """Return a contribution of `n` to component 0."""
    return Contribution(aggregate, (channel, None), (), at // MINUTE, {0: n})


def figure(
    readout: KeptReadout, now: int, window: int | None, name: str = "flow()0", labels: LabelSet = TOTAL_LABELS
) -> float:
    """Return a figure of the model's metric, 0 when absent."""
    return readout.read_figures(now)["all", labels, window].get((name,), 0)


def read_contributions(*contributions_list: Contribution) -> KeptReadout:
    """Return windows that have read these contributions of one partition."""
    panes, readout = PaneStore(CONFIG, AGGREGATES), KeptReadout(CONFIG, 1)
    apply_contributions(panes, list(contributions_list))
    readout.apply_rows(0, list(panes.changed_rows()))
    return readout


MINUTE_0 = NOW // HOUR * HOUR
"""The first minute of an hour. Times below count from it."""


@pytest.mark.parametrize(
    ("minute", "expected"),
    [(-1, 0), (0, 1), (4, 1), (5, 0)],
)
def test_a_window_of_minutes_holds_a_bucket_for_its_length(minute: int, expected: int) -> None:
    """A bucket is in the window of 5 minutes from its first moment, for five minutes.

    event in minute 0    |=|
    at minute -1    [____|
    at minute 0      [____===]
    at minute 4              [===____]
    at minute 5                  [________]
    """
    readout = read_contributions(contribution(MINUTE_0))
    assert figure(readout, MINUTE_0 + minute * MINUTE, 0) == expected
    assert (
        figure(read_contributions(contribution(MINUTE_0)), MINUTE_0 + minute * MINUTE + MINUTE - 1, 0)
        == expected
    )


def test_windows_of_hours_start_with_an_hour() -> None:
    """7 d are 168 hours including the current one.

    |h0|h1|        ...         |h167|h168
    [============================]         at any time in h167: h0 is in
       [=============================]     at the first moment of h168: h0 is out
    """
    readout = read_contributions(contribution(MINUTE_0))
    assert figure(readout, MINUTE_0 + 168 * HOUR - 1, 3) == 1
    assert figure(readout, MINUTE_0 + 168 * HOUR, 3) == 0


def test_open_flow_has_no_upper_end() -> None:
    """An event ahead of the clock is in the open flow, and not yet in the flow."""
    readout = read_contributions(
        contribution(MINUTE_0 + 4 * MINUTE), contribution(MINUTE_0 + 4 * MINUTE, aggregate="open_flow")
    )
    assert figure(readout, MINUTE_0, 0, "open_flow()0") == 1
    assert figure(readout, MINUTE_0, 0) == 0
    assert figure(readout, MINUTE_0 + 4 * MINUTE, 0) == 1


def test_a_lagged_window_ends_seven_days_and_a_bucket_ago() -> None:
    """The lagged window of 7 d holds the 168 hours before the last 169.

    |h0|h1|   ...   |h167|h168|   ...   |h336|h337
    [======================]  at h336: 7 d and the bucket of `now` follow
       [======================]         at h337: h0 is out
    """
    readout = read_contributions(contribution(MINUTE_0))
    assert figure(readout, MINUTE_0 + 168 * HOUR, 3, "shifted()0") == 0
    assert figure(readout, MINUTE_0 + 169 * HOUR, 3, "shifted()0") == 1
    assert figure(readout, MINUTE_0 + 336 * HOUR, 3, "shifted()0") == 1
    assert figure(readout, MINUTE_0 + 337 * HOUR, 3, "shifted()0") == 0
    assert figure(readout, MINUTE_0 + 337 * HOUR, 2, "shifted()0") == 0


def test_short_windows_have_no_lagged_range() -> None:
    """Only windows of 7 days and more have a lagged range."""
    lagged = [
        window_range.window.label
        for window_range in window_ranges([(w, 1) for w in WINDOWS], [FLOW])
        if window_range.range_id >= len(WINDOWS)
    ]
    assert lagged == ["7d", "30d"]


@pytest.mark.parametrize("jump", [MINUTE, 10 * MINUTE, DAY, 40 * DAY])
def test_a_window_follows_a_clock_that_is_set_back(jump: int) -> None:
    """It returns to what it held, whether it overlaps with its former position or not."""
    readout = read_contributions(contribution(MINUTE_0), contribution(MINUTE_0 - 4 * MINUTE, 2))
    assert figure(readout, MINUTE_0, 0) == 3
    assert figure(readout, MINUTE_0 + jump, 0) == (1 if jump == MINUTE else 0)
    assert figure(readout, MINUTE_0, 0) == 3
    run(readout.windows.verify())
    assert readout.windows.repairs == 0


def test_late_events_correct_the_past() -> None:
    """A late change counts in the windows that include its bucket. A retraction removes it."""
    panes, readout = PaneStore(CONFIG, AGGREGATES), KeptReadout(CONFIG, 1)
    readout.read_figures(NOW)
    for n, expected in ((2, 2), (-1, 1)):
        apply_contributions(panes, [contribution(NOW - 3 * DAY, n)])
        readout.apply_rows(0, list(panes.changed_rows()))
        assert [figure(readout, NOW, window) for window in range(5)] == [0, 0, 0, expected, expected]


def test_open_items_age_with_the_clock() -> None:
    """The age grows every minute, without any event."""
    readout = read_contributions(Contribution("stands", (None, None), (), NOW // MINUTE, {0: 1}))
    assert readout.read_figures(NOW)["all", TOTAL_LABELS, None] == {("stands0/0",): 1}
    assert readout.read_figures(NOW + MINUTE)["all", TOTAL_LABELS, None] == {("stands1/0",): 1}


def test_label_sets_are_shown_while_they_have_figures() -> None:
    """A label set is shown while any window or stock has a figure for it. `total` is always shown."""
    readout = read_contributions(contribution(NOW, channel="web"))
    web = LabelSet("channel", ("web",))
    assert {labels for _, labels, _ in readout.read_figures(NOW)} == {TOTAL_LABELS, web}
    assert {labels for _, labels, _ in readout.read_figures(NOW + 36 * DAY)} == {TOTAL_LABELS, web}, (
        "in the window moved back"
    )
    assert {labels for _, labels, _ in readout.read_figures(NOW + 60 * DAY)} == {TOTAL_LABELS}


def test_expired_label_sets_leave_no_sums() -> None:
    """The sums of a label set are removed with its last block."""
    panes, readout = PaneStore(CONFIG, AGGREGATES), KeptReadout(CONFIG, 1)
    apply_contributions(
        panes, [contribution(NOW, channel="web"), Contribution("stock", ("web", None), (), 0, {0: 1})]
    )
    readout.apply_rows(0, list(panes.changed_rows()))
    readout.read_figures(NOW)
    assert len(readout.windows.label_sets()) == 2
    apply_contributions(panes, [Contribution("stock", ("web", None), (), 0, {0: -1})])
    panes.expire(NOW + 70 * DAY)
    readout.apply_rows(0, list(panes.changed_rows()))
    assert readout.windows.label_sets() == set()


def test_a_wrong_sum_is_detected_and_repaired() -> None:
    """The hourly check repairs a wrong sum and counts it."""
    readout = read_contributions(contribution(NOW))
    assert figure(readout, NOW, 0) == 1
    group = readout.windows.shown_sums("flow", TOTAL_LABELS)
    assert group is not None
    group.accumulate(0, (), {0: 5})
    run(readout.windows.verify())
    assert readout.windows.repairs == 1
    assert figure(readout, NOW, 0) == 1


def test_unknown_cells_are_ignored() -> None:
    """Unknown views, aggregates and numbers of labels are ignored."""
    panes = PaneStore(
        aggregation_config(views={"total": (), "everything": (), "team": ("team",)}, labels=()),
        AGGREGATES | {"new": FLOW._replace(name="new")},
    )
    apply_contributions(
        panes, [contribution(NOW, aggregate="new"), Contribution("flow", ("t",), (), NOW // MINUTE, {0: 1})]
    )
    windows = RollingWindows(aggregation_config(views={"total": (), "team": ("team", "channel")}), METRICS)
    for key, value in panes.changed_rows():
        windows.apply(key, None, value)
    assert windows.label_sets() == {TOTAL_LABELS}


def test_event_counts_leave_out_open_items() -> None:
    """Events of flows count over the longest window, with the last bucket apart. Open items do not count."""
    readout = read_contributions(
        contribution(NOW - DAY, 2, "web"),
        contribution(NOW, 3, "web"),
        contribution(NOW, 7, "web", "open_flow"),
    )
    readout.read_figures(NOW)
    counts = sum_counts(readout.windows.event_counts())
    assert counts[LabelSet("channel", ("web",))] == EventCount(finished=2, total=5)


def channel_labels(name: str) -> LabelSet:
    """Return a label set of the view `channel`."""
    return LabelSet("channel", (name,))


def test_values_with_the_most_events_are_kept() -> None:
    """If there are too many, values are ranked by events of finished buckets, of all, then by value."""
    two_values = aggregation_config(labels=("brand",), views=VIEWS, max_values=2)
    counts = {
        channel_labels("a"): EventCount(1, 1),
        channel_labels("b"): EventCount(1, 2),
        channel_labels("c"): EventCount(0, 9),
        channel_labels("d"): EventCount(1, 1),
        channel_labels(OTHER_VALUE): EventCount(99, 99),
        LabelSet("both", ("z", "x")): EventCount(50, 50),
    }
    assert largest_values(counts, two_values) == {"channel": {"a", "b"}}
    assert largest_values(counts, aggregation_config(labels=("brand",), views=VIEWS, max_values=4)) == {}


def test_the_smallest_label_sets_are_folded_first() -> None:
    """The smallest label sets are folded first, the last by name among equals, and never `total`."""
    sizes = {TOTAL_LABELS: 50, channel_labels("a"): 10, channel_labels("b"): 10, channel_labels("c"): 10}
    counts = {
        channel_labels("a"): EventCount(1, 1),
        channel_labels("b"): EventCount(1, 1),
        channel_labels("c"): EventCount(0, 5),
    }
    assert smallest_label_sets(sizes, counts, 1) == {channel_labels("c"), channel_labels("b")}
    assert smallest_label_sets(sizes | {channel_labels(OTHER_VALUE): 10}, counts, 1) == {channel_labels("c")}
    assert smallest_label_sets(sizes, counts, 10_000) == {
        channel_labels("a"),
        channel_labels("b"),
        channel_labels("c"),
    }
    assert smallest_label_sets(sizes, counts, 0) == frozenset()


def test_folded_label_sets_are_shown_as_other() -> None:
    """Values and label sets over the limit are shown as `__other__`."""
    policy = CardinalityPolicy(
        VIEWS, {"channel": frozenset({"a", "b"})}, frozenset({LabelSet("both", ("a", "y"))})
    )
    assert policy.shown_as(LabelSet("both", ("z", "x"))) == LabelSet("both", (OTHER_VALUE, "x"))
    assert policy.shown_as(LabelSet("both", ("a", "y"))) == LabelSet("both", (OTHER_VALUE, OTHER_VALUE))
    assert policy.shown_as(LabelSet("both", ("a", "x"))) == LabelSet("both", ("a", "x"))
    assert policy.shown_as(TOTAL_LABELS) == TOTAL_LABELS


def test_a_value_that_is_shown_again_leaves_other() -> None:
    """A value counts in `__other__` only while it is folded."""
    readout = read_contributions(
        contribution(NOW, 2, "a"), contribution(NOW, 3, "b"), contribution(NOW, 4, "c")
    )
    for shown_values, other in (("", 9), ("a", 7), ("ac", 3), ("c", 5)):
        run(readout.windows.apply_policy(CardinalityPolicy(VIEWS, {"channel": frozenset(shown_values)})))
        assert figure(readout, NOW, 0, labels=channel_labels(OTHER_VALUE)) == other


class RecordingContext(WindowContext):
    """A context that records the aggregates read."""

    read_aggregates: set[str]

    def _sums(self, aggregate: Aggregate, range_id: int) -> Any:
        self.read_aggregates.add(aggregate.name)
        return super()._sums(aggregate, range_id)

    def open_items(self, aggregate: Aggregate) -> dict[int, dict[int, int]]:
        self.read_aggregates.add(aggregate.name)
        return super().open_items(aggregate)


@pytest.mark.parametrize(
    "metric", [m for metrics in BY_DOMAIN.values() for m in metrics], ids=lambda m: m.name
)
def test_metrics_name_every_aggregate_that_they_read(metric: Any) -> None:
    """A change of an aggregate that a metric reads but does not name would not update its figures."""
    windows = RollingWindows(aggregation_config(), [metric])
    context = RecordingContext(windows, TOTAL_LABELS, NOW, 0)
    context.read_aggregates = set()
    list(metric.window_samples(context, WINDOWS[0]))
    if metric.read_stock:
        list(metric.read_stock(context))
    assert context.read_aggregates <= {aggregate.name for aggregate in metric.aggregates}
