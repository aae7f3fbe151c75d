"""Windows cut into pieces: together they are the window, each is what a count of its events alone gives."""

import pytest

from schemas.feedback import FeedbackSubmitted
from stream.core.metrics import nps
from stream.core.metrics.nps import METRIC, RESPONSES, SCORE
from stream.core.model.time_buckets import Window
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.timeline import MAX_POINTS, TimelinePoint, point_size, timeline
from tests.exporter.memory import Worker, exporter, feed, refresh
from tests.support import DAY, HOUR, MINUTE, NOW, WINDOWS, Event


def cut(
    events: list[Event], labels: LabelSet = TOTAL_LABELS, slot: int = 2, **env: str
) -> list[TimelinePoint]:
    """The pieces of a window (24h) once these events are counted."""
    shown = exporter(**env)
    feed(shown, Worker(shown)(events))
    refresh(shown)
    windows = shown.domain_views["feedback"].windows
    return [piece for piece in timeline(windows, METRIC, labels, slot) if piece is not None]


def answer(age: int, score: int, channel: str = "web") -> Event:
    """An NPS answer given that long ago."""
    said = FeedbackSubmitted(
        feedback_id=f"{age}-{score}-{channel}", survey="nps", score=score, channel=channel
    )
    return Event(said, NOW - age, NOW - age)


ANSWERS = [answer(age * 7 * MINUTE, 10 if age % 3 else 0) for age in range(400)]


@pytest.mark.parametrize(("slot", "window"), list(enumerate(WINDOWS)))
def test_pieces_make_up_the_window(slot: int, window: Window) -> None:
    """Every answer of the window is in one piece, the piece of its time."""
    found = cut(ANSWERS, slot=slot)
    first = window.first(NOW) * window.resolution.step
    assert found[0].start == first
    assert len(found) <= MAX_POINTS + 1
    for piece, end in zip(found, [each.start for each in found[1:]] + [NOW + 1], strict=True):
        inside = [e.data.score for e in ANSWERS if piece.start <= e.at < end]
        have = {(s.family, s.labels): s.value for s in piece.samples}
        assert sum(have[RESPONSES, (c,)] for c in nps.CATEGORIES) == len(inside)
        if inside:
            assert have[SCORE, ()] == 100 * (inside.count(10) - inside.count(0)) / len(inside)
        else:
            assert (SCORE, ()) not in have


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
def test_sizes_that_people_read(span: int, length: int) -> None:
    """Few pieces, each of whole buckets."""
    assert point_size(Window("", span)) == length


def test_a_label_set_has_pieces_of_its_own() -> None:
    """What is shown together as __other__ has none, as nothing is kept of it by bucket."""
    events = [
        answer(MINUTE, 10, "web"),
        answer(MINUTE, 0, "app"),
        answer(MINUTE, 0, "app"),
        answer(MINUTE, 0, "x"),
    ]
    for channel, score in (("web", 100), ("app", -100)):
        last = cut(events, LabelSet("channel", (channel,)))[-1]
        assert {s.family: s.value for s in last.samples}[SCORE] == score
    folded = cut(events, LabelSet("channel", ("__other__",)), CXGAUGE_METRICS_MAX_VALUES="1")
    assert SCORE not in {s.family for piece in folded for s in piece.samples}


def test_late_answers_are_in_the_piece_of_their_time() -> None:
    """Read again, it is as if they had come in time."""
    shown = exporter()
    worker = Worker(shown)
    windows = shown.domain_views["feedback"].windows
    for n in range(3):
        late = Event(FeedbackSubmitted(feedback_id=f"r{n}", survey="nps", score=10), NOW - 5 * HOUR, NOW)
        feed(shown, worker([late]))
        refresh(shown)
        found = [piece for piece in timeline(windows, METRIC, TOTAL_LABELS, 2) if piece is not None]
        counts = [sum(s.value for s in piece.samples if s.family is RESPONSES) for piece in found]
        assert counts == [0.0] * 19 + [n + 1] + [0.0] * 5
