"""The window before a window equals that window a window earlier, and is absent while panes do not reach back."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.aggregation.pane_store import PaneStore
from stream.core.metrics.metric import Sample, previous
from stream.core.metrics.nps import METRIC, RESPONSES, SCORE
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregates.feedback import NPS, NpsLayout
from stream.core.model.time_buckets import MINUTE
from stream.core.windows.label_sets import TOTAL_LABELS
from stream.core.windows.readout import MetricReader
from stream.core.windows.rolling import RollingWindows
from tests.core.windows.test_rolling import apply_contributions
from tests.support import DAY, HOUR, NOW, aggregation_config

CONFIG = aggregation_config()
ANYTHING = (None,) * len(CONFIG.projected_dimensions)
Answer = tuple[int, int]
"""Age in minutes at `NOW`, component."""
answers = st.lists(
    st.tuples(
        st.integers(0, 130) | st.integers(0, 3_000) | st.integers(0, 86_000), st.sampled_from([0, 1, 2])
    ),
    max_size=40,
)


class Readout:
    """The samples of NPS in every window, as an exporter keeps them."""

    def __init__(self, contributions: Sequence[Contribution], *, previous: bool = True) -> None:
        panes = PaneStore(CONFIG, {NPS.name: NPS})
        apply_contributions(panes, contributions)
        self.windows = RollingWindows(CONFIG, [METRIC], previous=previous)
        for key, value in panes.changed_rows():
            self.windows.apply(key, None, value)
        self._reader = MetricReader(self.windows, [METRIC], previous=previous)
        self._samples: dict[tuple[int, str], list[Sample]] = {}

    def read(self, now: int, complete_since: int = 0) -> None:
        """Move the windows and read what changed."""
        for _ in self.windows.advance(now):
            pass
        for update in self._reader.read(now, complete_since):
            assert update.window is not None
            for family in update.families:
                of_family = [sample for sample in update.samples if sample.family == family]
                self._samples[update.window, family.name] = of_family

    def values(self, window: int, *names: str) -> dict[tuple[str, ...], float]:
        """Return the values of families by name without the suffix and own labels."""
        return {
            (name.removesuffix("_previous"), *sample.labels): sample.value
            for name in names
            for sample in self._samples[window, name]
        }


def contributions(drawn: Sequence[Answer]) -> list[Contribution]:
    """Return answers as contributions to the view `total`."""
    return [
        Contribution(NPS.name, ANYTHING, (), NOW // MINUTE - age, {component: 1}) for age, component in drawn
    ]


@given(answers, st.lists(st.sampled_from([1, 20, 60, 1_000]), max_size=4))
def test_equals_the_window_a_window_earlier(drawn: list[Answer], steps: list[int]) -> None:
    """However the clock went on until now."""
    readout = Readout(contributions(drawn))
    for minutes in (sum(steps), *(sum(steps[n:]) for n in range(1, len(steps))), 0):
        readout.read(NOW - minutes * MINUTE)
    for number, window in enumerate(CONFIG.windows):
        earlier = Readout(contributions(drawn))
        earlier.read(NOW - window.span)
        assert readout.values(number, "cx_nps_score_previous", "cx_nps_responses_previous") == earlier.values(
            number, "cx_nps_score", "cx_nps_responses"
        )


def test_scores_and_sample_sizes_only() -> None:
    """No bounds, no premature answers."""
    assert [family.name for family in map(previous, METRIC.compared)] == [
        "cx_nps_score_previous",
        "cx_nps_responses_previous",
    ]
    assert previous(SCORE).labels == SCORE.labels
    assert previous(RESPONSES).help.endswith("In the window before")


def test_absent_while_panes_do_not_reach_back() -> None:
    """Each window on its own, and again once they do, although no sum changes meanwhile."""
    drawn = [(age, NpsLayout.PROMOTERS) for age in (30, 90, 30 * 60, 10 * 24 * 60)]
    readout = Readout(contributions(drawn))
    complete_since = NOW - 2 * DAY
    readout.read(NOW, complete_since)
    shown = {
        window.label: bool(readout.values(number, "cx_nps_responses_previous"))
        for number, window in enumerate(CONFIG.windows)
    }
    assert shown == {
        window.label: (NOW // window.resolution.step - 2 * (window.span // window.resolution.step) + 1)
        * window.resolution.step
        >= complete_since
        for window in CONFIG.windows
    }
    assert set(shown.values()) == {True, False}
    readout.read(NOW, NOW - 90 * DAY)
    assert all(readout.values(number, "cx_nps_responses_previous") for number in range(len(CONFIG.windows)))
    readout.read(NOW + HOUR // 60, NOW)
    assert not any(
        readout.values(number, "cx_nps_responses_previous") for number in range(len(CONFIG.windows))
    )


@pytest.mark.parametrize("previous", [True, False])
def test_off_means_no_sums(previous: bool) -> None:
    """An answer of 90 minutes ago is in the hour before. Switched off, that hour is not summed."""
    readout = Readout(contributions([(90, NpsLayout.PROMOTERS)]), previous=previous)
    readout.read(NOW)
    sums = readout.windows.shown_sums(NPS.name, TOTAL_LABELS)
    assert sums is not None
    assert any(range_id >= 2 * readout.windows.range_count for range_id in sums.sums) is previous
