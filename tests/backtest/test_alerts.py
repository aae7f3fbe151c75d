"""Which alerts would have fired, when and for whom."""

import pytest

from schemas.tickets import TicketCreated, TicketMessage
from schemas.times import from_ms
from stream.backtest.report import ReportedAlert
from tests.backtest.histories import MONDAY, answers, backtest, conversations, event, leavers
from tests.support import DAY, HOUR, MINUTE, Event

SPIKE = MONDAY + 12 * DAY + 10 * HOUR


def label_sets(alerts: list[ReportedAlert], name: str) -> list[dict[str, str]]:
    return [alert.labels for alert in alerts if alert.alert == name]


def test_a_spike_is_told_at_its_time_for_its_label_set() -> None:
    """With the numbers that made it certain, and with the text of the notification."""
    report = backtest([*leavers(14, SPIKE), *answers(14)])
    assert {alert.alert for alert in report.alerts} == {"CxLeavingSpike"}
    assert label_sets(report.alerts, "CxLeavingSpike")[:2] in (
        [{}, {"channel": "app"}],
        [{"channel": "app"}, {}],
    )
    (alert,) = (alert for alert in report.alerts if alert.labels == {"channel": "app"})
    assert from_ms(SPIKE) < alert.start <= from_ms(SPIKE + 5 * MINUTE)
    assert alert.end is not None
    assert from_ms(SPIKE + 10 * MINUTE) < alert.end < from_ms(SPIKE + 45 * MINUTE)
    evidence = alert.evidence
    assert evidence.by_chance_per_month is not None
    assert evidence.limit_per_month is not None
    assert evidence.by_chance_per_month < evidence.limit_per_month == 0.0125
    assert evidence.events == pytest.approx(30, abs=4)
    assert evidence.baseline is not None
    assert evidence.baseline < 1
    assert f"{evidence.events:.0f} of " in alert.summary
    assert "customers of channel app left in the last" in alert.summary
    of_all = next(alert for alert in report.alerts if not alert.labels)
    assert of_all.summary.endswith("all in channel app; began 10:00 UTC")


def test_without_a_spike_nothing_fires() -> None:
    report = backtest([*leavers(14), *answers(14), *conversations(14)])
    assert report.alerts == []
    assert set(report.events) == {"feedback", "tickets", "customers"}


def test_worse_answers_are_told_for_their_channel_until_the_events_end() -> None:
    bad_from = MONDAY + 14 * DAY
    report = backtest(answers(17, bad_from))
    (of_app,) = (alert for alert in report.alerts if alert.labels == {"channel": "app"})
    assert of_app.alert == "CxNpsDrop"
    assert from_ms(bad_from) < of_app.start < from_ms(bad_from + 2 * DAY)
    assert of_app.end is None


def test_targets_are_those_of_the_configuration() -> None:
    """The rule needs `for` of 15 minutes. Without a target it cannot fire."""
    bad_from = MONDAY + 10 * DAY
    targets = {"CXGAUGE_TARGETS": '{"cx_nps_score": 30}'}
    assert "CxNpsBelowTarget" not in {alert.alert for alert in backtest(answers(17, bad_from)).alerts}
    alerts = [a for a in backtest(answers(17, bad_from), **targets).alerts if a.alert == "CxNpsBelowTarget"]
    assert {"channel": "app"} in [alert.labels for alert in alerts]
    evidence = alerts[0].evidence
    assert evidence.bound is not None
    assert evidence.value is not None
    assert evidence.value < evidence.bound < 30 == evidence.baseline
    assert alerts[0].start > evidence.at


def test_thresholds_can_be_changed() -> None:
    """If there may be almost no false alarms, the spike is not certain enough."""
    none = backtest(leavers(14, SPIKE), {"false_alarms_a_month": 1e-300})
    assert none.alerts == []


def test_views_are_those_of_the_configuration() -> None:
    report = backtest(leavers(14, SPIKE), CXGAUGE_METRICS_VIEWS='{"total": []}')
    assert label_sets(report.alerts, "CxLeavingSpike")
    assert {alert.view for alert in report.alerts} == {"total"}


def late_tickets() -> list[Event]:
    """Return tickets of which fifty are not answered for six hours."""
    late = []
    for number in range(50):
        ticket = f"late{number}"
        late.append(event(TicketCreated(ticket_id=ticket, channel="app"), SPIKE + number * 10_000))
        late.append(
            event(TicketMessage(ticket_id=ticket, message_id="m", author="agent"), SPIKE + 6 * HOUR + number)
        )
    return late


def test_a_target_that_passes_without_an_event_is_judged_at_its_minute() -> None:
    """Nothing happens when the answer to a ticket becomes late, an hour after its creation."""
    report = backtest([*conversations(14), *late_tickets()])
    starts = {alert.alert: alert.start for alert in report.alerts if alert.labels == {"channel": "app"}}
    assert set(starts) == {"CxAnswersLate", "CxWaitingOverTarget"}
    due = from_ms(SPIKE + HOUR)
    assert due < starts["CxAnswersLate"] <= from_ms(SPIKE + HOUR + 5 * MINUTE)
    assert due < starts["CxWaitingOverTarget"] <= from_ms(SPIKE + HOUR + 10 * MINUTE)
