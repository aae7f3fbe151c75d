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
