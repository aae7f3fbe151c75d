"""Churn: a spike fires, and what only looks like one does not."""

import pytest

from tests.monitoring.alerts.engine import Engine

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

DOMAIN = "customers"
SPIKE = "CxChurnSpike"
TOTAL, WEB = {"view": "total"}, {"view": "channel", "channel": "web"}


def churn(
    engine: Engine, hour: str, day: str, week: str, customers: str = "5000x1000", month: str = "", **where
):
    """Churns in each window, of so many customers at its start."""
    for window, values in {"1h": hour, "24h": day, "7d": week, "30d": month or week}.items():
        engine.feed("cx_churned_voluntary_customers", values, window=window, voluntary="true", **where)
        engine.feed("cx_churned_voluntary_customers", "0x1000", window=window, voluntary="false", **where)
        engine.feed("cx_opening_customers", customers, window=window, **where)


def quiet(engine: Engine, **where):
    """An hour as any other."""
    churn(engine, "1x1000", "20x1000", "140x1000", **where)


def test_a_spike_tells_figure_sample_size_bounds_and_runbook(engine):
    """In total and in the channel that it comes from; 30 s after it began."""
    churn(engine, "1x12 41x900", "20x12 60x900", "140x12 180x900", **TOTAL)
    churn(engine, "0x12 40x900", "8x12 48x900", "60x12 100x900", customers="2000x1000", **WEB)
    quiet(engine, view="channel", channel="app")
    engine.silent("1m", SPIKE)
    engine.firing("1m40s", SPIKE, TOTAL, {**WEB})
    engine.run()


def test_its_words(engine):
    """As they reach whoever is on call."""
    churn(engine, "1x12 41x900", "20x12 60x900", "140x12 180x900", **WEB)
    churn(engine, "1x1000", "20x1000", "140x1000", **TOTAL)
    engine.tells(
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
    """Four in an hour where one a week is usual could be chance; three of twelve customers are no base."""
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
    quiet(engine, **TOTAL)
    engine.silent("5m", SPIKE)
    engine.run()


def test_a_busy_hour_does_not_fire(engine):
    """Two and a half times the mean hour is what every noon has, however sure the figure is."""
    churn(engine, "250x1000", "2400x1000", "16800x1000", customers="900000x1000", **TOTAL)
    engine.silent("5m", SPIKE)
    engine.run()


def test_without_customers_at_the_start_nothing_is_a_spike(engine):
    """Neither where there is no base now nor where there was none a week ago."""
    churn(engine, "50x1000", "50x1000", "50x1000", customers="0x1000", **WEB)
    churn(engine, "50x1000", "50x1000", "50x1000", view="channel", channel="app")
    engine.feed("cx_opening_customers", "0x1000", window="7d", view="channel", channel="app")
    quiet(engine, **TOTAL)
    engine.silent("5m", SPIKE)
    engine.run()


def test_the_first_day_is_silent(engine):
    """The customers were loaded with their past, the churns began to come today: there is nothing to compare with."""
    churn(engine, "30x1000", "40x1000", "40x1000", **TOTAL)
    engine.silent("5m", SPIKE)
    engine.run()


def test_the_second_day_compares_with_the_first(engine):
    """The week holds only little from before the day: the day is what counts."""
    churn(engine, "30x12 90x900", "720x12 780x900", "730x12 790x900", **TOTAL)
    engine.silent("5m", SPIKE)
    engine.run()


def test_nothing_begins_while_figures_are_incomplete(engine):
    """A partition is not covered: what is shown stands still, or is of a part."""
    engine.show("a", covered="35x1000")
    churn(engine, "1x12 41x900", "20x12 60x900", "140x12 180x900", **TOTAL)
    engine.silent("5m", SPIKE)
    engine.run()


def test_what_fires_stands_while_figures_are_incomplete(engine):
    """Also when the exporter is restarted then, and shows nothing for a while."""
    engine.show("a", covered="36x30 35x60 _x30 36x400")
    churn(engine, "1x12 41x78 _x30 41x400", "20x12 60x78 _x30 60x400", "140x12 180x78 _x30 180x400", **TOTAL)
    for at in ("2m", "6m", "9m", "20m"):
        engine.firing(at, SPIKE, TOTAL)
    engine.run()


def test_it_resolves_when_the_window_is_over(engine):
    """A quarter of an hour later, so that it does not flap."""
    churn(engine, "1x12 41x100 1x700", "20x12 60x800", "140x12 180x800", **TOTAL)
    engine.firing("9m", SPIKE, TOTAL)
    engine.firing("20m", SPIKE, TOTAL)
    engine.silent("26m", SPIKE)
    engine.run()


def test_of_twins_the_complete_one_counts(engine):
    """One that is incomplete shows a spike, its complete twin does not; and the other way round."""
    engine.show("b", covered="35x1000")
    quiet(engine, **TOTAL)
    churn(engine, "41x1000", "60x1000", "180x1000", instance="b", **TOTAL)
    quiet(engine, instance="b", **WEB)
    churn(engine, "41x1000", "60x1000", "180x1000", **WEB)
    engine.firing("5m", SPIKE, WEB)
    engine.run()


def test_a_rise_over_a_day_compares_with_the_month(engine):
    """Five times the usual day is one; three times could be a day that was chance, at twice the usual."""
    churn(engine, "10x1000", "150x1000", "330x1000", month="930x1000", **TOTAL)
    churn(engine, "10x1000", "90x1000", "270x1000", month="930x1000", **WEB)
    engine.firing("10m", "CxChurnRise", TOTAL)
    engine.run()


def test_a_rise_is_not_told_in_the_first_week(engine):
    """All that there is, is of this week."""
    churn(engine, "10x1000", "150x1000", "200x1000", month="200x1000", **TOTAL)
    engine.silent("10m", "CxChurnRise")
    engine.run()


def notices(engine: Engine, stock: str, active: str = "5000x1000"):
    """Customers about to leave; 90 churned within the month."""
    engine.every = "1m"
    engine.feed("cx_cancel_scheduled_customers", stock, **TOTAL)
    engine.feed("cx_active_customers", active, **TOTAL)
    churn(engine, "0x1000", "3x1000", "21x1000", month="90x1000", **TOTAL)


def test_notices_fire_before_anyone_has_left(engine):
    """Thirty more than an hour ago; then resolves."""
    notices(engine, "40x62 70x30")
    engine.silent("1h", "CxCancelScheduledSpike")
    engine.firing("1h5m", "CxCancelScheduledSpike", TOTAL)
    engine.run()


@pytest.mark.parametrize(
    ("stock", "active"), [("40x62 44x30", "5000x92"), ("40x62 400x30", "500x62 5000x30")]
)
def test_a_few_notices_or_a_base_being_loaded_do_not(engine, stock, active):
    """Four more could be chance; ten times the customers are a load."""
    notices(engine, stock, active)
    engine.silent("1h10m", "CxCancelScheduledSpike")
    engine.run()
