"""Churn: a spike fires, changes within the normal range do not."""

import pytest

from tests.monitoring.alerts.engine import Engine

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

DOMAIN = "customers"
SPIKE = "CxChurnSpike"
TOTAL, WEB = {"view": "total"}, {"view": "channel", "channel": "web"}


def churn(
    engine: Engine, hour: str, day: str, week: str, customers: str = "5000x1000", month: str = "", **labels
):
    """Add churns of each window and the customers at its start."""
    for window, values in {"1h": hour, "24h": day, "7d": week, "30d": month or week}.items():
        engine.add_series("cx_churned_voluntary_customers", values, window=window, voluntary="true", **labels)
        engine.add_series(
            "cx_churned_voluntary_customers", "0x1000", window=window, voluntary="false", **labels
        )
        engine.add_series("cx_opening_customers", customers, window=window, **labels)


def normal_hour(engine: Engine, **labels):
    """Add a normal hour."""
    churn(engine, "1x1000", "20x1000", "140x1000", **labels)


def test_a_spike_fires_in_total_and_in_its_channel(engine):
    """In total and in its channel, 30 s after it began."""
    churn(engine, "1x12 41x900", "20x12 60x900", "140x12 180x900", **TOTAL)
    churn(engine, "0x12 40x900", "8x12 48x900", "60x12 100x900", customers="2000x1000", **WEB)
    normal_hour(engine, view="channel", channel="app")
    engine.expect_silent("1m", SPIKE)
    engine.expect_firing("1m40s", SPIKE, TOTAL, {**WEB})
    engine.run()


def test_the_notification_has_figure_sample_size_bounds_and_runbook(engine):
    """The annotations of the notification."""
    churn(engine, "1x12 41x900", "20x12 60x900", "140x12 180x900", **WEB)
    churn(engine, "1x1000", "20x1000", "140x1000", **TOTAL)
    engine.expect_notification(
        "2m",
        SPIKE,
        {**WEB, "job": "cxgauge", "severity": "critical", "domain": "customers", "window": "1h"},
        summary=(
            "41 of 5000 customers channel web churned within an hour "
            "(at least 18.2 by the bound, baseline: at most 1.2)"
        ),
        description="The churn rate of the hour exceeds that of the past day and week by more than chance explains.",
        runbook_url="deploy/runbooks/CxChurnSpike.md",
    )
    engine.run()


def test_few_churns_do_not_fire(engine):
    """Four in an hour instead of one a week may be chance, and twelve customers are too few."""
    churn(engine, "0x12 4x900", "0x12 4x900", "1x12 5x900", **WEB)
    churn(
        engine,
        "0x12 11x900",
        "0x12 11x900",
        "0x12 11x900",
        customers="12x1000",
        view="channel",
        channel="fax",
    )
    normal_hour(engine, **TOTAL)
    engine.expect_silent("5m", SPIKE)
    engine.run()


def test_a_busy_hour_does_not_fire(engine):
    """A noon hour is 2.5 times the mean hour."""
    churn(engine, "250x1000", "2400x1000", "16800x1000", customers="900000x1000", **TOTAL)
    engine.expect_silent("5m", SPIKE)
    engine.run()


def test_without_customers_at_the_start_nothing_fires(engine):
    """Without customers at the start now or a week ago nothing fires."""
    churn(engine, "50x1000", "50x1000", "50x1000", customers="0x1000", **WEB)
    churn(engine, "50x1000", "50x1000", "50x1000", view="channel", channel="app")
    engine.add_series("cx_opening_customers", "0x1000", window="7d", view="channel", channel="app")
    normal_hour(engine, **TOTAL)
    engine.expect_silent("5m", SPIKE)
    engine.run()


def test_the_first_day_is_silent(engine):
    """Customers were imported with their past, churns only began today, so there is no baseline."""
    churn(engine, "30x1000", "40x1000", "40x1000", **TOTAL)
    engine.expect_silent("5m", SPIKE)
    engine.run()


def test_the_second_day_compares_with_the_first(engine):
    """The week has little from before the day, so the day is the baseline."""
    churn(engine, "30x12 90x900", "720x12 780x900", "730x12 790x900", **TOTAL)
    engine.expect_silent("5m", SPIKE)
    engine.run()


def test_nothing_starts_firing_while_figures_are_incomplete(engine):
    """While a partition is not covered, figures are held or partial."""
    engine.show_coverage("a", covered="35x1000")
    churn(engine, "1x12 41x900", "20x12 60x900", "140x12 180x900", **TOTAL)
    engine.expect_silent("5m", SPIKE)
    engine.run()


def test_a_firing_alert_holds_while_figures_are_incomplete(engine):
    """Also when the exporter restarts and serves nothing for a while."""
    engine.show_coverage("a", covered="36x30 35x60 _x30 36x400")
    churn(engine, "1x12 41x78 _x30 41x400", "20x12 60x78 _x30 60x400", "140x12 180x78 _x30 180x400", **TOTAL)
    for at in ("2m", "6m", "9m", "20m"):
        engine.expect_firing(at, SPIKE, TOTAL)
    engine.run()


def test_it_resolves_when_the_window_is_over(engine):
    """It resolves a quarter of an hour later, so that it does not flap."""
    churn(engine, "1x12 41x100 1x700", "20x12 60x800", "140x12 180x800", **TOTAL)
    engine.expect_firing("9m", SPIKE, TOTAL)
    engine.expect_firing("20m", SPIKE, TOTAL)
    engine.expect_silent("26m", SPIKE)
    engine.run()


def test_the_complete_replica_counts(engine):
    """An incomplete replica shows a spike, its complete replica does not, and the other way round."""
    engine.show_coverage("b", covered="35x1000")
    normal_hour(engine, **TOTAL)
    churn(engine, "41x1000", "60x1000", "180x1000", instance="b", **TOTAL)
    normal_hour(engine, instance="b", **WEB)
    churn(engine, "41x1000", "60x1000", "180x1000", **WEB)
    engine.expect_firing("5m", SPIKE, WEB)
    engine.run()


def test_a_rise_over_a_day_compares_with_the_month(engine):
    """Five times the baseline fires. Three times may be chance, twice the baseline is below the limit."""
    churn(engine, "10x1000", "150x1000", "330x1000", month="930x1000", **TOTAL)
    churn(engine, "10x1000", "90x1000", "270x1000", month="930x1000", **WEB)
    engine.expect_firing("10m", "CxChurnRise", TOTAL)
    engine.run()


def test_a_rise_does_not_fire_in_the_first_week(engine):
    """All that there is, is of this week."""
    churn(engine, "10x1000", "150x1000", "200x1000", month="200x1000", **TOTAL)
    engine.expect_silent("10m", "CxChurnRise")
    engine.run()


def notices(engine: Engine, stock: str, active: str = "5000x1000"):
    """Add customers with a scheduled cancellation, and 90 churns in the month."""
    engine.interval = "1m"
    engine.add_series("cx_cancel_scheduled_customers", stock, **TOTAL)
    engine.add_series("cx_active_customers", active, **TOTAL)
    churn(engine, "0x1000", "3x1000", "21x1000", month="90x1000", **TOTAL)


def test_notices_fire_before_anyone_has_left(engine):
    """Thirty more than an hour ago fire, then the alert resolves."""
    notices(engine, "40x62 70x30")
    engine.expect_silent("1h", "CxCancelScheduledSpike")
    engine.expect_firing("1h5m", "CxCancelScheduledSpike", TOTAL)
    engine.run()


@pytest.mark.parametrize(
    ("stock", "active"), [("40x62 44x30", "5000x92"), ("40x62 400x30", "500x62 5000x30")]
)
def test_few_notices_or_an_import_do_not_fire(engine, stock, active):
    """Four more may be chance, ten times the customers are an import."""
    notices(engine, stock, active)
    engine.expect_silent("1h10m", "CxCancelScheduledSpike")
    engine.run()
