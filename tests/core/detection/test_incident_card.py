"""The text of cards, from findings of which everything is known to those of which nothing is."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from stream.core.detection.finding import Finding
from stream.core.detection.incident import CARRIED, Incident, Known
from stream.core.detection.incident_card import MAX_NOTES, SENTENCES, card, note_text, span_text
from stream.core.detection.incident_standouts import Standout
from stream.core.detection.incident_start import Since
from stream.core.detection.streams import STREAMS
from stream.core.metrics.headlines import decode
from stream.core.metrics.metric import Family
from stream.core.model.time_buckets import DAY, HOUR, MINUTE, QUARTER
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.notes import ShownNote
from tests.support import VIEWS

BEGAN = int(datetime(2026, 9, 21, 16, 21, tzinfo=UTC).timestamp() * 1000)
APP, WEB = LabelSet("channel", ("app",)), LabelSet("channel", ("web",))
FINDING = Finding(1e-9, 25, 0.4, 360)
RELEASE = ShownNote(BEGAN - 9 * MINUTE, "r", "release 4.2", {})
FIGURES = {("cx_active_customers", TOTAL_LABELS): 960.0, ("cx_active_customers", APP): 340.0}


class KnownSurroundings:
    """Given figures and notes."""

    def __init__(
        self,
        notes: Sequence[ShownNote] = (),
        figures: dict[tuple[str, LabelSet], float] | None = None,
        now: int = BEGAN + 6 * MINUTE,
    ) -> None:
        self.now = now
        self.views = VIEWS
        self._notes = notes
        self._figures = FIGURES if figures is None else figures

    def figure(self, family: Family, labels: LabelSet) -> float | None:
        return self._figures.get((family.name, labels))

    def notes(self, first: int, last: int) -> list[ShownNote]:
        return [note for note in self._notes if first <= note.time <= last]


LEAVERS = Known(
    TOTAL_LABELS,
    FINDING,
    Since(BEGAN, MINUTE),
    places=(Standout(APP, 25, 1e-9),),
    reasons=(Standout("login", 25, 1e-9),),
)


def text_of(known: Known, of: str = "leaving", around: KnownSurroundings | None = None) -> str:
    return card(of, known, around or KnownSurroundings()).text


def test_the_sentence_of_the_worked_case() -> None:
    assert text_of(LEAVERS, around=KnownSurroundings([RELEASE])) == (
        "25 of 960 customers left in 6 minutes (baseline: at most 1); all in channel app; all say `login`; "
        "began 16:21 UTC, 9 minutes after note release 4.2"
    )


def test_nothing_else_is_said_if_nothing_else_is_known() -> None:
    known = Known(APP, FINDING, None)
    assert text_of(known) == "25 of 340 customers of channel app left in 6 minutes (baseline: at most 1)"
    around = KnownSurroundings([RELEASE], {})
    assert (
        text_of(known, around=around) == "25 customers of channel app left in 6 minutes (baseline: at most 1)"
    )


SENTENCES_OF_STREAMS = {
    "leaving": "25 of 340 customers of channel app left in 6 minutes (baseline: at most 1)",
    "payment_churn": "25 customers of channel app were lost against their will in 6 minutes (baseline: at most 1)",
    "answers_late": "The target of 25 tickets of channel app passed without an answer in 6 minutes (baseline: at most 1)",
    "reopenings": "25 solved tickets of channel app were reopened in 6 minutes (baseline: at most 1)",
    "handle_time": "A typical interaction of channel app took 25 s in 6 minutes (baseline: 0 s)",
    "nps": "25 detractors of channel app in NPS surveys in 6 minutes (baseline: at most 1)",
    "csat": "25 unsatisfied customers of channel app in CSAT surveys in 6 minutes (baseline: at most 1)",
    "answers_missing": "Only 25 NPS, CSAT and CES answers of channel app in 6 minutes (baseline: 0)",
}


@pytest.mark.parametrize("of", [stream.of for stream in STREAMS])
def test_each_stream_has_its_sentence_and_a_tile_of_the_page(of: str) -> None:
    shown = card(of, Known(APP, FINDING, None), KnownSurroundings())
    assert shown.text == SENTENCES_OF_STREAMS[of]
    (clause,) = shown.clauses
    assert decode(clause.tile) is not None
    assert clause.view == "channel"


def test_some_of_the_events_are_a_number() -> None:
    """In the order of certainty."""
    known = LEAVERS._replace(
        places=(Standout(APP, 20, 1e-9), Standout(WEB, 5, 1e-3)),
        reasons=(Standout("login", 18, 1e-9), Standout("a`b", 25, 1e-3)),
        since=None,
    )
    assert text_of(known).endswith("; 20 in channel app; 5 in channel web; 18 say `login`; all say `a`b`")


def test_streams_without_events_name_the_other_findings() -> None:
    known = Known(TOTAL_LABELS, Finding(1e-9, 250, 200, 7200), None, related=((APP, FINDING),))
    assert text_of(known, "handle_time") == (
        "A typical interaction took 4 min 10 s in 2 hours (baseline: 3 min 20 s); unusual in channel app"
    )
    assert SENTENCES.keys() - CARRIED.keys() == {"handle_time", "answers_missing"}


@pytest.mark.parametrize(
    ("age", "text"),
    [(DAY, "began 16:21 UTC"), (DAY + 1, "began 21 Sep 16:21 UTC")],
)
def test_the_day_is_said_after_a_day(age: int, text: str) -> None:
    assert text_of(LEAVERS, around=KnownSurroundings(now=BEGAN + age)).endswith(text)


def test_the_newest_notes_that_may_concern_it_are_named() -> None:
    """Of the hour before the beginning, and within its bucket. Not those of other label sets."""
    known = LEAVERS._replace(since=Since(BEGAN, QUARTER))
    times = {"too old": -HOUR - 1, "old": -HOUR, "in it": 14 * MINUTE, "too new": QUARTER, "minute": -MINUTE}
    notes = [ShownNote(BEGAN + time, text, text, {}) for text, time in times.items()]
    notes += [
        ShownNote(BEGAN - 2 * MINUTE, "web", "web", {"channel": "web"}),
        ShownNote(BEGAN - 3 * MINUTE, "app", "app", {"channel": "app", "region": "eu"}),
        ShownNote(BEGAN - 5 * MINUTE, "app2", "app", {}),
    ]
    around = KnownSurroundings(sorted(notes, key=lambda note: note.time))
    assert text_of(known, around=around).endswith(
        "began 16:21 UTC, at the time of note in it, 1 minute after note minute, 3 minutes after note app"
    )
    assert note_text("n", 89.9) == "1 minute after note n"
    assert note_text("n", 90) == "2 minutes after note n"
    many = [ShownNote(BEGAN - n * MINUTE, str(n), str(n), {}) for n in range(30, 0, -1)]
    assert text_of(known, around=KnownSurroundings(many)).count("after note") == MAX_NOTES


def test_open_matters_are_those_of_the_label_set_that_has_all_events() -> None:
    """If none has all, those of the finding. Nothing is said of zero. Late answers do not go with notices."""
    figures = {
        ("cx_waiting_over_target_tickets", APP): 60.0,
        ("cx_cancel_scheduled_customers", APP): 12.0,
        ("cx_waiting_over_target_tickets", TOTAL_LABELS): 1.0,
        ("cx_cancel_scheduled_customers", TOTAL_LABELS): 0.0,
    }
    around = KnownSurroundings(figures=figures)
    known = LEAVERS._replace(since=None, reasons=())
    assert text_of(known, around=around).endswith(
        "; 60 tickets of channel app wait over target; 12 customers of channel app have given notice"
    )
    assert text_of(known, "answers_late", around).endswith("; 60 tickets of channel app wait over target")
    some = known._replace(places=(Standout(APP, 24, 1e-9),))
    assert text_of(some, around=around).endswith("; 24 in channel app; 1 ticket waits over target")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (60, "1 minute"),
        (5400, "1.5 hours"),
        (3600, "1 hour"),
        (86_400, "24 hours"),
        (172_800, "2 days"),
        (604_800, "7 days"),
    ],
)
def test_lengths_are_as_people_say_them(seconds: int, text: str) -> None:
    assert span_text(seconds) == text


def test_total_stands_for_the_label_sets_in_it() -> None:
    others = [LEAVERS._replace(labels=labels) for labels in (APP, WEB)]
    assert Incident("leaving", (LEAVERS, *others)).anchors == (LEAVERS,)
    assert Incident("leaving", tuple(others)).anchors == tuple(others)
