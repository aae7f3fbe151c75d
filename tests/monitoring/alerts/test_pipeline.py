"""Alerts about the pipeline, and the receivers of alerts."""

import subprocess

import pytest
import yaml

from stream.deployment import FOLDER
from stream.monitoring.alerts.prometheus_files import alerts
from stream.monitoring.evaluation.promql import seconds_of

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

DOMAIN = "pipeline"
CONFIG = FOLDER / "alertmanager" / "alertmanager.yml"


def test_all_exporters_down_fires(engine):
    """All exporters down is critical, one of two a warning."""
    engine.add_series("up", "1x12 0x200", instance="a")
    engine.add_series("up", "1x60 0x200", instance="b")
    engine.expect_silent("5m", "CxExporterDown")
    engine.expect_firing("5m45s", "CxExporterDown", {"job": "cxgauge"})
    engine.run()


def test_one_replica_down_is_a_warning(engine):
    """The alert names the instance."""
    engine.add_series("up", "0x200", instance="a")
    engine.add_series("up", "1x200", instance="b")
    engine.expect_firing("6m", "CxExporterReplicaDown", {"instance": "a"})
    engine.expect_silent("6m", "CxExporterDown")
    engine.run()


def test_without_any_target_exporter_down_fires(engine):
    """No target is treated like a target that does not answer."""
    engine.expect_firing("1m", "CxExporterDown", {"job": "cxgauge"})
    engine.run()


def test_figures_incomplete_in_every_replica_fires(engine):
    """One replica that is still reading does not matter, but both with gaps do."""
    engine.add_series("up", "1x200")
    engine.show_coverage("b", covered="30x200")
    engine.show_coverage("a", covered="36x36 34x200")
    engine.expect_silent("3m", "CxFiguresIncomplete")
    engine.expect_firing("4m30s", "CxFiguresIncomplete", {"job": "cxgauge"})
    engine.run()


def test_a_worker_with_lag_or_down_fires(engine):
    """The alert names the topic."""
    for topic, lag in (("cx.tickets", "20x200"), ("cx.feedback", "2x200")):
        engine.add_series(
            "cxgauge_partition_lag_seconds",
            lag,
            job="cxgauge-worker",
            instance="w",
            topic=topic,
            partition="3",
        )
    engine.add_series("up", "0x200", job="cxgauge-worker", instance="v")
    engine.expect_firing("2m", "CxWorkerLagging", {"instance": "w", "topic": "cx.tickets"})
    engine.expect_firing("2m", "CxWorkerDown", {"instance": "v"})
    engine.run()


def test_a_clock_that_differs_fires(engine):
    """Ahead or behind, for more than a minute and two minutes long. The alert names it, once for all replicas."""
    for instance in "ab":
        for clock, difference in (
            ("worker w-1", "-1200x200"),
            ("broker", "60x200"),
            (f"exporter {instance}:9817", "1x20 3600x12 1x200"),
        ):
            engine.add_series("cx_clock_difference_seconds", difference, instance=instance, clock=clock)
    engine.expect_firing("3m", "CxClockDiffers", {"clock": "worker w-1", "job": "cxgauge"})
    engine.expect_firing("15m", "CxClockDiffers", {"clock": "worker w-1", "job": "cxgauge"})
    engine.run()


def test_an_unreadable_batch_fires_until_it_is_skipped(engine):
    """The alert has topic and partition, holds over a missed scrape, and ends after the skip."""
    engine.add_series(
        "cxgauge_partition_unreadable_offset",
        "_x11 17000000x40 stale 17000000x40 stale _x200",
        job="cxgauge-worker",
        instance="w",
        topic="cx.tickets",
        partition="3",
    )
    labels = {"topic": "cx.tickets", "partition": "3"}
    engine.expect_silent("50s", "CxRecordsUnreadable")
    engine.expect_firing("2m", "CxRecordsUnreadable", labels)
    engine.expect_firing("4m", "CxRecordsUnreadable", labels)
    engine.expect_silent("15m", "CxRecordsUnreadable")
    engine.run()


def test_a_disk_that_refuses_writes_fires(engine):
    """Once for a worker, whatever the number of its partitions. It resolves 5 minutes after the last refused write."""
    for partition in "01":
        engine.add_series(
            "cxgauge_state_refused_writes_total",
            "0x20 1+1x6 7x200",
            job="cxgauge-worker",
            instance="w",
            topic="cx.feedback",
            partition=partition,
        )
    engine.expect_silent("1m", "CxDiskRefuses")
    engine.expect_firing("4m", "CxDiskRefuses", {"instance": "w"})
    engine.expect_silent("15m", "CxDiskRefuses")
    engine.run()


def test_a_topic_silent_longer_than_in_the_past_week_fires(engine):
    """Two hours of silence after a week of steady events."""
    engine.interval = "1m"
    engine.add_series("cx_event_lag_seconds", "20x420 0+60x120", topic="cx.tickets")
    engine.add_series("cx_event_lag_seconds", "20x540", topic="cx.feedback")
    engine.expect_silent("7h", "CxFeedStalled")
    engine.expect_firing("7h45m", "CxFeedStalled", {"topic": "cx.tickets", "domain": "tickets"})
    engine.run()


def test_a_topic_silent_every_night_does_not_fire(engine):
    """Eight hours of silence yesterday, five hours today."""
    engine.interval = "1m"
    engine.add_series("cx_event_lag_seconds", "0+60x480 20x60 0+60x300", topic="cx.tickets")
    engine.expect_silent("13h50m", "CxFeedStalled")
    engine.run()


def test_a_share_of_dead_letters_fires_by_topic(engine):
    """5 % of one topic fire, too few of the other do not."""
    for topic, dead_letters in (("cx.tickets", "0+5x200"), ("cx.feedback", "0x190 1x10")):
        engine.add_series("cx_events_total", "0+95x200", topic=topic, outcome="accepted")
        engine.add_series("cx_events_total", dead_letters, topic=topic, outcome="invalid")
    engine.expect_firing("15m", "CxDeadLetters", {"topic": "cx.tickets", "domain": "tickets"})
    engine.run()


def test_orphan_tickets_fire(engine):
    """Some are normal, because an export begins in the middle of a ticket's life."""
    engine.add_series("cx_orphan_tickets", "20x200 21x400", view="total")
    engine.interval = "15s"
    engine.expect_silent("50m", "CxOrphanTickets")
    engine.expect_firing("66m", "CxOrphanTickets", {"view": "total"})
    engine.run()


def test_runbook_links_begin_with_the_address_that_the_exporter_serves(engine):
    """Without the setting they are paths of this repository."""
    engine.add_series("up", "0x200", instance="a")
    engine.add_series("cx_runbook_base_info", "1x200", base="https://wiki.example.org/cx")
    engine.expect_notification(
        "1m",
        "CxExporterDown",
        {"job": "cxgauge", "severity": "critical", "domain": "pipeline"},
        summary="No exporter of cxgauge can be scraped: there are no metrics",
        description="All targets of the job are down or missing. No other alert of cxgauge can fire until one is back.",
        runbook_url="https://wiki.example.org/cx/CxExporterDown.md",
    )
    engine.run()


def test_each_installation_has_its_own_runbooks(engine):
    """Two behind one Prometheus. A base that is no longer served, because no exporter is up, holds for a day."""
    for cluster, base in (("east", "1x6 stale"), ("west", "1x200")):
        site = {"cluster": cluster, "namespace": "cx"}
        engine.add_series("up", "0x200", instance=cluster, **site)
        engine.add_series("cx_runbook_base_info", base, base=f"https://{cluster}.example.org", **site)
        engine.expect_notification(
            "5m",
            "CxExporterDown",
            {"job": "cxgauge", "severity": "critical", "domain": "pipeline", **site},
            summary="No exporter of cxgauge can be scraped: there are no metrics",
            description="All targets of the job are down or missing. No other alert of cxgauge can fire until one is back.",
            runbook_url=f"https://{cluster}.example.org/CxExporterDown.md",
        )
    engine.run()


def test_an_alert_that_is_only_kept_firing_says_so(engine):
    """With present figures: of orphans that were created, and of a batch that was skipped."""
    engine.interval = "15s"
    engine.add_series("cx_orphan_tickets", "21x80 7x400", view="total")
    batch = {"job": "cxgauge-worker", "instance": "w", "topic": "cx.tickets", "partition": "3"}
    engine.add_series("cxgauge_partition_unreadable_offset", "17x80 stale", **batch)
    rules = {rule.name: rule for rule in alerts()["pipeline"]}
    for name, labels, summary in (
        (
            "CxOrphanTickets",
            {"job": "cxgauge", "view": "total"},
            "7 tickets have events, but were never created, and are in no other figure: no longer more than the threshold, kept firing for 15 minutes",
        ),
        (
            "CxRecordsUnreadable",
            {key: batch[key] for key in ("job", "topic", "partition")},
            "No worker reports an unreadable batch of cx.tickets partition 3 now, kept firing for 5 minutes",
        ),
    ):
        engine.expect_notification(
            "21m",
            name,
            {**labels, "severity": "warning", "domain": "pipeline"},
            summary=summary,
            description=rules[name].description,
            runbook_url=f"deploy/runbooks/{name}.md",
        )
    engine.run()


def test_folded_series_and_repaired_windows_fire(engine):
    """Counters that should not increase."""
    engine.add_series("cx_series_folded_total", "0x12 3x200")
    engine.add_series("cx_window_repairs_total", "0x12 1x200")
    engine.expect_silent("55s", "CxWindowRepaired")
    engine.expect_firing("7m", "CxSeriesFolded", {"job": "cxgauge"})
    engine.expect_firing("7m", "CxWindowRepaired", {"job": "cxgauge"})
    engine.run()


def test_notifications_are_repeated_before_they_are_forgotten():
    """Alertmanager keeps for 120 h, without --data.retention, what it has sent. A longer interval is shortened to that."""
    root = yaml.safe_load(CONFIG.read_text())["route"]
    intervals = [route["repeat_interval"] for route in (root, *root["routes"])]
    assert all(seconds_of(interval) < seconds_of("120h") for interval in intervals)


@pytest.mark.parametrize(
    ("severity", "receiver"),
    [("critical", "critical"), ("warning", "warning"), ("info", "info"), ("", "warning")],
)
def test_each_severity_has_its_receiver(require, severity, receiver):
    """An alert without severity goes to the receiver of warnings."""
    result = subprocess.run(
        [require("amtool"), "config", "routes", "test", f"--config.file={CONFIG}", f'severity="{severity}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == receiver
