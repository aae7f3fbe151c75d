"""Tickets: waiting customers."""

import pytest

from tests.monitoring.alerts.engine import Engine

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

DOMAIN = "tickets"
TOTAL, CHAT = {"view": "total"}, {"view": "channel", "channel": "chat"}


def waiting(engine: Engine, over: str, hour: str, day: str, **labels: str) -> None:
    """Add tickets over target and the responses of an hour and a day."""
    engine.add_series("cx_waiting_over_target_tickets", over, **labels)
    engine.add_series("cx_waiting_tickets", "50x900", **labels)
    engine.add_series("cx_waiting_oldest_seconds", "9000x900", **labels)
    engine.add_series("cx_first_responses", hour, window="1h", **labels)
    engine.add_series("cx_first_responses", day, window="24h", **labels)


def test_waiting_customers_fire(engine):
    """Twenty with forty replies an hour fire, and six without replies today."""
    waiting(engine, "0x12 20x900", "40x900", "900x900", **TOTAL)
    waiting(engine, "0x12 6x900", "0x900", "0x900", **CHAT)
    engine.expect_silent("1m", "CxWaitingOverTarget")
    engine.expect_firing("3m", "CxWaitingOverTarget", TOTAL, CHAT)
    engine.run()


def test_a_target_of_waiting_tickets_replaces_the_share_of_responses(engine):
    """Twenty are far above a tenth of the responses, but not certainly above 15. Sixty are."""
    engine.add_series("cx_target", "15x900", figure="cx_waiting_over_target_tickets")
    waiting(engine, "20x900", "40x900", "900x900", **TOTAL)
    waiting(engine, "60x900", "9000x900", "900x900", **CHAT)
    engine.expect_firing("3m", "CxWaitingOverTarget", CHAT)
    engine.run()


def test_few_waiting_customers_do_not_fire(engine):
    """Four do not fire, nor ten per cent of a busy hour."""
    waiting(engine, "4x900", "0x900", "0x900", **CHAT)
    waiting(engine, "12x900", "30x900", "2400x900", **TOTAL)
    engine.expect_silent("5m", "CxWaitingOverTarget")
    engine.run()


def test_waiting_does_not_fire_while_incomplete(engine):
    """Replies may be among the uncounted events."""
    engine.show_coverage("a", covered="35x900")
    waiting(engine, "20x900", "40x900", "900x900", **TOTAL)
    engine.expect_silent("5m", "CxWaitingOverTarget")
    engine.run()


def test_an_alert_that_is_only_kept_firing_says_so(engine):
    """With the present figures. A condition that held for less than `for` keeps nothing."""
    waiting(engine, "20x24 3x900", "40x900", "900x900", **TOTAL)
    waiting(engine, "20x6 3x900", "40x900", "900x900", **CHAT)
    engine.expect_firing("2m", "CxWaitingOverTarget", TOTAL)
    engine.expect_notification(
        "11m",
        "CxWaitingOverTarget",
        {**TOTAL, "job": "cxgauge", "severity": "critical", "domain": "tickets"},
        summary=(
            "3 of 50 tickets that wait for a first response are over target: no longer more than allowed, kept firing for 10 minutes"
        ),
        description=(
            "Customers have waited longer than their target for a first response, and nobody has answered yet. By the lower bound at "
            "least 0.0 tickets are over target."
        ),
        runbook_url="deploy/runbooks/CxWaitingOverTarget.md",
    )
    engine.expect_silent("12m30s", "CxWaitingOverTarget")
    engine.run()
