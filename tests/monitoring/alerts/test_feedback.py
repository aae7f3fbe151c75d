"""Feedback: scores below their baseline with the whole interval, and falling response rates."""

import pytest

from stream.core.model.confidence import adjusted_wald, wilson
from tests.monitoring.alerts.engine import Engine

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

DOMAIN = "feedback"
TOTAL, WEB, APP = (
    {"view": "total"},
    {"view": "channel", "channel": "web"},
    {"view": "channel", "channel": "app"},
)


def nps(engine: Engine, window: str, promoters: int, passives: int, detractors: int, **labels: str) -> None:
    """Add the series of such answers."""
    n = promoters + passives + detractors
    low, high = adjusted_wald(promoters, detractors, n)
    engine.add_series("cx_nps_score", f"{100 * (promoters - detractors) / n}x300", window=window, **labels)
    engine.add_series("cx_nps_score_low", f"{low}x300", window=window, **labels)
    engine.add_series("cx_nps_score_high", f"{high}x300", window=window, **labels)
    for category, count in (("promoter", promoters), ("passive", passives), ("detractor", detractors)):
        engine.add_series("cx_nps_responses", f"{count}x300", window=window, category=category, **labels)


def csat(engine: Engine, window: str, satisfied: int, n: int, **labels: str) -> None:
    """Add the CSAT series of such answers."""
    low, high = wilson(satisfied, n)
    engine.add_series("cx_csat_ratio", f"{satisfied / n}x300", window=window, **labels)
    engine.add_series("cx_csat_ratio_low", f"{low}x300", window=window, **labels)
    engine.add_series("cx_csat_ratio_high", f"{high}x300", window=window, **labels)
    engine.add_series("cx_csat_responses", f"{satisfied}x300", window=window, satisfied="true", **labels)
    engine.add_series("cx_csat_responses", f"{n - satisfied}x300", window=window, satisfied="false", **labels)


def test_an_nps_whose_interval_falls_below_the_month_fires(engine):
    """120 answers fire. Twelve worse ones do not, nor a certain fall of three points."""
    nps(engine, "30d", 2_500, 1_500, 1_000, **TOTAL)
    nps(engine, "24h", 30, 30, 60, **TOTAL)
    nps(engine, "30d", 500, 300, 200, **WEB)
    nps(engine, "24h", 0, 0, 12, **WEB)
    nps(engine, "30d", 500_000, 300_000, 200_000, **APP)
    nps(engine, "24h", 48_500, 30_000, 21_500, **APP)
    engine.expect_notification(
        "6m",
        "CxNpsDrop",
        {**TOTAL, "job": "cxgauge", "severity": "warning", "domain": "feedback", "window": "24h"},
        summary=(
            "NPS in total is -25.0 of 120 answers within a day (at most 9.2 by the bound, baseline: at least 27.8)"
        ),
        description="The upper bound of the day is below the lower bound of the month. A few bad answers by chance do not cause this.",
        runbook_url="deploy/runbooks/CxNpsDrop.md",
    )
    engine.run()


def test_no_score_fires_on_the_first_day(engine):
    """The month consists of the day."""
    for window in ("24h", "30d"):
        nps(engine, window, 10, 10, 400, **TOTAL)
        csat(engine, window, 10, 400, **TOTAL)
    engine.expect_silent("10m", "CxNpsDrop")
    engine.expect_silent("10m", "CxCsatDrop")
    engine.run()


def test_scores_below_target_fire(engine):
    """The whole interval of a week is below target for the channel, not for the total."""
    engine.add_series("cx_target", "0x300", figure="cx_nps_score")
    engine.add_series("cx_target", "0.5x300", figure="cx_csat_ratio")
    nps(engine, "7d", 100, 100, 220, **WEB)
    nps(engine, "7d", 100, 100, 104, **TOTAL)
    csat(engine, "7d", 60, 200, **WEB)
    csat(engine, "7d", 96, 200, **TOTAL)
    engine.expect_firing("16m", "CxNpsBelowTarget", WEB)
    engine.expect_firing("16m", "CxCsatBelowTarget", WEB)
    engine.run()


def test_the_target_is_that_of_the_setting(engine):
    """The total is certainly below 60, and the text names the target. Both replicas of an exporter serve it."""
    for instance in ("a", "b"):
        engine.show_coverage(instance)
        engine.add_series("cx_target", "60x300", instance, figure="cx_nps_score")
    nps(engine, "7d", 100, 100, 104, **TOTAL)
    engine.expect_notification(
        "16m",
        "CxNpsBelowTarget",
        {**TOTAL, "job": "cxgauge", "severity": "warning", "domain": "feedback", "window": "7d"},
        summary="NPS in total is -1.3 of 304 answers within a week (at most 19.7 by the bound, target: 60.0)",
        description="The upper bound of the week is below the target that the setting targets has.",
        runbook_url="deploy/runbooks/CxNpsBelowTarget.md",
    )
    engine.run()


def test_without_a_target_no_score_is_below_it(engine):
    """Nor with the target of another figure, of another installation, or of an incomplete replica."""
    engine.show_coverage("b", covered="35x300")
    engine.add_series("cx_target", "0.9x300", figure="cx_survey_response_ratio/nps")
    engine.add_series("cx_target", "60x300", job="elsewhere", figure="cx_nps_score")
    engine.add_series("cx_target", "60x300", "b", figure="cx_nps_score")
    nps(engine, "7d", 100, 100, 220, **WEB)
    csat(engine, "7d", 60, 200, **WEB)
    engine.expect_silent("16m", "CxNpsBelowTarget")
    engine.expect_silent("16m", "CxCsatBelowTarget")
    engine.run()


def test_a_csat_whose_interval_falls_below_the_month_fires(engine):
    """A hundred answers fire, ten do not."""
    csat(engine, "30d", 4_000, 5_000, **TOTAL)
    csat(engine, "24h", 40, 100, **TOTAL)
    csat(engine, "30d", 400, 500, **WEB)
    csat(engine, "24h", 2, 10, **WEB)
    engine.expect_firing("6m", "CxCsatDrop", TOTAL)
    engine.run()


def test_scores_do_not_fire_while_figures_are_incomplete(engine):
    """Nothing starts firing while a partition is not covered."""
    engine.show_coverage("a", covered="35x300")
    nps(engine, "30d", 2_500, 1_500, 1_000, **TOTAL)
    nps(engine, "24h", 30, 30, 60, **TOTAL)
    engine.expect_silent("10m", "CxNpsDrop")
    engine.run()


def offers(engine: Engine, window: str, answered: int, offered: int, survey: str, **labels: str) -> None:
    """Add offered and answered surveys."""
    labels = {"window": window, "survey": survey, **labels}
    engine.add_series("cx_survey_offered", f"{offered}x300", **labels)
    engine.add_series("cx_survey_answered", f"{answered}x300", **labels)
    engine.add_series("cx_survey_response_ratio", f"{answered / offered}x300", **labels)


def test_a_falling_response_rate_fires(engine):
    """A tenth of the baseline fires by survey, a fall that late answers explain does not."""
    offers(engine, "24h", 8, 200, "nps", **TOTAL)
    offers(engine, "30d", 2_408, 6_200, "nps", **TOTAL)
    offers(engine, "24h", 50, 200, "csat", **TOTAL)
    offers(engine, "30d", 2_450, 6_200, "csat", **TOTAL)
    engine.expect_firing("6m", "CxResponseRateFall", {**TOTAL, "survey": "nps"})
    engine.run()
