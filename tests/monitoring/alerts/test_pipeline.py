"""What the pipeline tells of itself, and that it holds other alerts back."""

import subprocess

import pytest

from stream.deployment import FOLDER

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

DOMAIN = "pipeline"
CONFIG = FOLDER / "alertmanager" / "alertmanager.yml"


def test_exporters_that_are_down(engine):
    """All: critical. One of two: a warning."""
    engine.feed("up", "1x12 0x200", instance="a")
    engine.feed("up", "1x60 0x200", instance="b")
    engine.silent("5m", "CxExporterDown")
    engine.firing("5m45s", "CxExporterDown", {"job": "cxgauge"})
    engine.run()


def test_an_exporter_whose_twin_is_up(engine):
    """It is named."""
    engine.feed("up", "0x200", instance="a")
    engine.feed("up", "1x200", instance="b")
    engine.firing("6m", "CxExporterReplicaDown", {"instance": "a"})
    engine.silent("6m", "CxExporterDown")
    engine.run()


def test_no_exporter_was_ever_there(engine):
    """Nothing to scrape is as bad as nothing that answers."""
    engine.firing("1m", "CxExporterDown", {"job": "cxgauge"})
    engine.run()


def test_incomplete_is_what_no_twin_completes(engine):
    """One twin that is still reading is no matter; when both miss something, it is."""
    engine.feed("up", "1x200")
    engine.show("b", covered="30x200")
    engine.show("a", covered="36x36 34x200")
    engine.silent("3m", "CxFiguresIncomplete")
    engine.firing("4m30s", "CxFiguresIncomplete", {"job": "cxgauge"})
    engine.run()


def test_a_worker_that_is_behind_or_down(engine):
    """Named with its topic."""
    for topic, lag in (("cx.tickets", "20x200"), ("cx.feedback", "2x200")):
        engine.feed(
            "cxgauge_partition_lag_seconds",
            lag,
            job="cxgauge-worker",
            instance="w",
            topic=topic,
            partition="3",
        )
    engine.feed("up", "0x200", job="cxgauge-worker", instance="v")
    engine.firing("2m", "CxWorkerLagging", {"instance": "w", "topic": "cx.tickets"})
    engine.firing("2m", "CxWorkerDown", {"instance": "v"})
    engine.run()


def test_a_batch_that_cannot_be_read(engine):
    """Named with its topic, partition and offset, over a scrape that misses it; gone when it was skipped."""
    engine.feed(
        "cxgauge_partition_unreadable_offset",
        "_x11 17000000x40 stale 17000000x40 stale _x200",
        job="cxgauge-worker",
        instance="w",
        topic="cx.tickets",
        partition="3",
    )
    labels = {"topic": "cx.tickets", "partition": "3"}
    engine.silent("50s", "CxRecordsUnreadable")
    engine.firing("2m", "CxRecordsUnreadable", labels)
    engine.firing("4m", "CxRecordsUnreadable", labels)
    engine.silent("15m", "CxRecordsUnreadable")
    engine.run()


def test_a_topic_that_is_silent_longer_than_ever(engine):
    """Two hours after a week of steady events."""
    engine.every = "1m"
    engine.feed("cx_event_lag_seconds", "20x420 0+60x120", topic="cx.tickets")
    engine.feed("cx_event_lag_seconds", "20x540", topic="cx.feedback")
    engine.silent("7h", "CxFeedStalled")
    engine.firing("7h45m", "CxFeedStalled", {"topic": "cx.tickets", "domain": "tickets"})
    engine.run()


def test_a_topic_that_is_silent_every_night(engine):
    """Eight hours yesterday, five now."""
    engine.every = "1m"
    engine.feed("cx_event_lag_seconds", "0+60x480 20x60 0+60x300", topic="cx.tickets")
    engine.silent("13h50m", "CxFeedStalled")
    engine.run()


def test_dead_letters_by_topic(engine):
    """A twentieth of one topic; of the other too few."""
    for topic, dead in (("cx.tickets", "0+5x200"), ("cx.feedback", "0x190 1x10")):
        engine.feed("cx_events_total", "0+95x200", topic=topic, outcome="accepted")
        engine.feed("cx_events_total", dead, topic=topic, outcome="invalid")
    engine.firing("15m", "CxDeadLetters", {"topic": "cx.tickets", "domain": "tickets"})
    engine.run()


def test_folded_series_and_repaired_windows(engine):
    """Counters that should stand still."""
    engine.feed("cx_series_folded_total", "0x12 3x200")
    engine.feed("cx_window_repairs_total", "0x12 1x200")
    engine.silent("55s", "CxWindowRepaired")
    engine.firing("7m", "CxSeriesFolded", {"job": "cxgauge"})
    engine.firing("7m", "CxWindowRepaired", {"job": "cxgauge"})
    engine.run()


@pytest.mark.parametrize(
    ("severity", "receiver"),
    [("critical", "critical"), ("warning", "warning"), ("info", "info"), ("", "warning")],
)
def test_each_severity_has_its_receiver(require, severity, receiver):
    """An alert without severity goes where warnings go."""
    done = subprocess.run(
        [require("amtool"), "config", "routes", "test", f"--config.file={CONFIG}", f'severity="{severity}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == receiver
