"""Notes as series: exactly once over edits, deletions and repeated reads, and bounded."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.core.windows.notes import NoteBoard
from stream.exporter import notes
from stream.exporter.state import ExporterState
from tests.core.aggregation.feedback.test_notes import deleted, note
from tests.exporter.in_memory import Worker, answers, apply_records, exporter, refresh
from tests.support import DAY, HOUR, MINUTE, NOW, Event

NAME = "cx_note_timestamp_seconds"


def served(state: ExporterState, **times: int) -> dict[str, float]:
    """Return the notes in the exposition: time in seconds by ID, and check their labels."""
    refresh(state, **times)
    families = text_string_to_metric_families(state.exposition.plain.decode())
    samples = [sample for family in families for sample in family.samples if sample.name == NAME]
    assert all(sample.labels.keys() >= {"note_id", "text"} for sample in samples)
    assert len({sample.labels["note_id"] for sample in samples}) == len(samples)
    return {sample.labels["note_id"]: float(sample.value) for sample in samples}


def publish(state: ExporterState, worker: Worker, *events: Event, **batch: bool) -> None:
    apply_records(state, worker(events), **batch)


def test_a_note_is_a_series_with_text_and_dimensions() -> None:
    state = exporter()
    publish(state, Worker(state), note("n", 'a "b" \\ c', channel="app", labels={"brand": "acme"}))
    series = refresh(state)
    assert series[
        r'cx_note_timestamp_seconds{note_id="n",text="a \"b\" \\ c",channel="app",brand="acme"}'
    ] == (NOW / 1000)
    assert series["cx_series"] == len([name for name in series if "view=" in name]), "it has no view"


def test_another_view_without_labels_does_not_repeat_a_note() -> None:
    state = exporter(CXGAUGE_METRICS_VIEWS='{"total": [], "everything": []}')
    publish(state, Worker(state), note("n", "x"))
    assert served(state) == {"n": NOW / 1000}


def test_edits_and_deletions_replace_the_series() -> None:
    """Flush by flush, and again when the partition is read from its beginning."""
    state = exporter()
    worker = Worker(state)
    publish(state, worker, note("a", "x"), note("b", "y"))
    assert served(state) == {"a": NOW / 1000, "b": NOW / 1000}
    publish(state, worker, note("a", "edited", NOW + MINUTE), deleted("b"), note("a", "edited", NOW + MINUTE))
    assert served(state) == {"a": NOW / 1000 + 60}
    publish(state, worker, from_beginning=True)
    assert served(state) == {}
    written = Worker(state)([note("a", "edited", NOW + MINUTE)])
    apply_records(state, written)
    apply_records(state, written)
    assert served(state) == {"a": NOW / 1000 + 60}


def test_the_newest_notes_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MAX_SERIES", 2)
    state = exporter()
    publish(state, Worker(state), *(note(f"n{i}", "x", NOW - i * MINUTE) for i in (1, 3, 2)))
    assert served(state) == {"n1": NOW / 1000 - 60, "n2": NOW / 1000 - 120}


def test_a_note_goes_when_no_time_line_reaches_it() -> None:
    """Also if no worker reads anything more of its partition."""
    state = exporter()
    worker = Worker(state)
    publish(state, worker, note("n", "x"))
    end = NOW + state.config.pane_retention
    assert served(state, wall_ms=end) == {"n": NOW / 1000}
    assert served(state, wall_ms=end + 1) == {}


def test_notes_are_served_as_long_as_the_figures_of_feedback() -> None:
    state = exporter()
    publish(state, Worker(state), note("n", "x"))
    assert served(state) == {"n": NOW / 1000}
    assert served(state, monotonic_ms=31_000) == {"n": NOW / 1000}, "stale"
    assert served(state, monotonic_ms=31_000 + 10 * MINUTE) == {}, "expired"


@pytest.mark.parametrize("labels", [(), ("n",), ("n", "x", "channel")])
def test_labels_that_are_no_note_are_refused(labels: tuple[str, ...]) -> None:
    """The exporter then does not cover the partition."""
    with pytest.raises(ValueError, match="expected ID, text and pairs"):
        NoteBoard().apply(labels, {0: NOW})


def test_notes_change_no_figure() -> None:
    """The other series are the same, but for those that count events."""

    def figures(*events: Event) -> dict[str, Any]:
        state = exporter()
        publish(state, Worker(state), *events)
        return {name: value for name, value in refresh(state).items() if "view=" in name}

    assert figures(
        *answers(3), note("n", "x", NOW - HOUR, channel="new"), deleted("o", NOW - DAY)
    ) == figures(*answers(3))
