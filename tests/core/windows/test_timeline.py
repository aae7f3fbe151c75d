"""Time lines: their points cover the window, and each equals a count of its events alone."""

import pytest

from schemas.feedback import FeedbackSubmitted
from stream.core.metrics import nps
from stream.core.metrics.nps import METRIC, RESPONSES, SCORE
from stream.core.model.aggregates.feedback import NpsLayout
from stream.core.model.time_buckets import ROLLING, Resolution, Window
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.timeline import MAX_POINTS, TimelinePoint, point_size, timeline
from tests.exporter.in_memory import Worker, apply_records, exporter, refresh
from tests.support import DAY, HOUR, MINUTE, NOW, WINDOWS, Event


def timeline_points(
    events: list[Event], labels: LabelSet = TOTAL_LABELS, window_index: int = 2, **env: str
) -> list[TimelinePoint]:
    """Return the points of a window (24h by default) after these events."""
    state = exporter(**env)
    apply_records(state, Worker(state)(events))
    refresh(state)
    windows = state.domain_views["feedback"].windows
    return [point for point in timeline(windows, METRIC, labels, window_index) if point is not None]


def answer(age: int, score: int, channel: str = "web") -> Event:
    """Return an NPS answer of that age in ms."""
    data = FeedbackSubmitted(
        feedback_id=f"{age}-{score}-{channel}", survey="nps", score=score, channel=channel
    )
    return Event(data, NOW - age, NOW - age)


ANSWERS = [answer(age * 7 * MINUTE, 10 if age % 3 else 0) for age in range(400)]


@pytest.mark.parametrize(("window_index", "window"), list(enumerate(WINDOWS)))
def test_points_cover_the_window(window_index: int, window: Window) -> None:
    """Every answer of the window is in the point of its time."""
    points = timeline_points(ANSWERS, window_index=window_index)
    first = window.first(NOW) * window.resolution.step
    assert points[0].start == first
    assert len(points) <= MAX_POINTS + 1
    for point, end in zip(points, [point.start for point in points[1:]] + [NOW + 1], strict=True):
        scores = [e.data.score for e in ANSWERS if point.start <= e.at < end]
        values = {(s.family, s.labels): s.value for s in point.samples}
        assert sum(values[RESPONSES, (c,)] for c in nps.CATEGORIES) == len(scores)
        if scores:
            assert values[SCORE, ()] == 100 * (scores.count(10) - scores.count(0)) / len(scores)
        else:
            assert (SCORE, ()) not in values


@pytest.mark.parametrize(
    ("span", "length"),
    [
        (5 * MINUTE, MINUTE),
        (HOUR, 2 * MINUTE),
        (DAY, HOUR),
        (7 * DAY, 6 * HOUR),
        (30 * DAY, DAY),
        (1830 * DAY, 56 * DAY),
    ],
)
def test_points_have_readable_sizes(span: int, length: int) -> None:
    """A time line has few points, each of whole buckets."""
    assert point_size(Window("", span)) == length


def test_every_label_set_has_its_own_points() -> None:
    """`__other__` has no score by bucket, because its buckets are not kept."""
    events = [
        answer(MINUTE, 10, "web"),
        answer(MINUTE, 0, "app"),
        answer(MINUTE, 0, "app"),
        answer(MINUTE, 0, "x"),
    ]
    for channel, score in (("web", 100), ("app", -100)):
        last = timeline_points(events, LabelSet("channel", (channel,)))[-1]
        assert {s.family: s.value for s in last.samples}[SCORE] == score
    other_points = timeline_points(
        events, LabelSet("channel", ("__other__",)), CXGAUGE_METRICS_MAX_VALUES="1"
    )
    assert SCORE not in {s.family for point in other_points for s in point.samples}


def test_late_answers_are_in_the_point_of_their_time() -> None:
    """A late answer changes the point of its own time."""
    state = exporter()
    worker = Worker(state)
    windows = state.domain_views["feedback"].windows
    for n in range(3):
        late = Event(FeedbackSubmitted(feedback_id=f"r{n}", survey="nps", score=10), NOW - 5 * HOUR, NOW)
        apply_records(state, worker([late]))
        refresh(state)
        points = [point for point in timeline(windows, METRIC, TOTAL_LABELS, 2) if point is not None]
        counts = [sum(s.value for s in point.samples if s.family is RESPONSES) for point in points]
        assert counts == [0.0] * 19 + [n + 1] + [0.0] * 5


@pytest.mark.parametrize("resolution", ROLLING, ids=lambda resolution: str(resolution.step))
def test_entries_between_buckets_equal_a_count(resolution: Resolution) -> None:
    """Of any buckets that are kept, and of one label set."""
    state = exporter()
    apply_records(
        state, Worker(state)([*ANSWERS, *(answer(age * 11 * MINUTE, 0, "app") for age in range(90))])
    )
    windows = state.domain_views["feedback"].windows
    last = NOW // resolution.step
    for first in (last, last - 3, last - 37, last - 90):
        begin = first * resolution.step
        entries = windows.between("nps", LabelSet("channel", ("web",)), resolution.code, first, last)
        counts = dict.fromkeys(range(3), 0)
        for own_labels, component, n in entries:
            assert own_labels == ()
            counts[component] += n
        scores = [e.data.score for e in ANSWERS if e.at >= begin]
        assert [counts[NpsLayout.PROMOTERS], counts[NpsLayout.DETRACTORS]] == [
            scores.count(10),
            scores.count(0),
        ]
    assert not list(windows.between("nps", LabelSet("channel", ("fax",)), resolution.code, 0, last))
