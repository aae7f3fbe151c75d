"""Feedback: scores that fall with their whole interval, and customers who no longer answer."""

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


def nps(engine: Engine, window: str, promoters: int, passives: int, detractors: int, **where: str) -> None:
    """What the exporter shows of such answers."""
    n = promoters + passives + detractors
    low, high = adjusted_wald(promoters, detractors, n)
    engine.feed("cx_nps_score", f"{100 * (promoters - detractors) / n}x300", window=window, **where)
    engine.feed("cx_nps_score_low", f"{low}x300", window=window, **where)
    engine.feed("cx_nps_score_high", f"{high}x300", window=window, **where)
    for category, count in (("promoter", promoters), ("passive", passives), ("detractor", detractors)):
        engine.feed("cx_nps_responses", f"{count}x300", window=window, category=category, **where)


def csat(engine: Engine, window: str, satisfied: int, n: int, **where: str) -> None:
    """Likewise."""
    low, high = wilson(satisfied, n)
    engine.feed("cx_csat_ratio", f"{satisfied / n}x300", window=window, **where)
    engine.feed("cx_csat_ratio_low", f"{low}x300", window=window, **where)
    engine.feed("cx_csat_ratio_high", f"{high}x300", window=window, **where)
    engine.feed("cx_csat_responses", f"{satisfied}x300", window=window, satisfied="true", **where)
    engine.feed("cx_csat_responses", f"{n - satisfied}x300", window=window, satisfied="false", **where)


def test_an_nps_whose_interval_falls_below_the_month_fires(engine):
    """Of 120 answers; not of twelve that are worse, nor a fall of three points that is certain."""
    nps(engine, "30d", 2_500, 1_500, 1_000, **TOTAL)
    nps(engine, "24h", 30, 30, 60, **TOTAL)
    nps(engine, "30d", 500, 300, 200, **WEB)
    nps(engine, "24h", 0, 0, 12, **WEB)
    nps(engine, "30d", 500_000, 300_000, 200_000, **APP)
    nps(engine, "24h", 48_500, 30_000, 21_500, **APP)
    engine.tells(
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


def test_on_the_first_day_no_score_falls(engine):
    """The month is the day."""
    for window in ("24h", "30d"):
        nps(engine, window, 10, 10, 400, **TOTAL)
        csat(engine, window, 10, 400, **TOTAL)
    engine.silent("10m", "CxNpsDrop")
    engine.silent("10m", "CxCsatDrop")
    engine.run()


def test_below_target(engine):
    """With the whole interval of a week: certain for the channel, open for the total."""
    nps(engine, "7d", 100, 100, 220, **WEB)
    nps(engine, "7d", 100, 100, 104, **TOTAL)
    csat(engine, "7d", 60, 200, **WEB)
    csat(engine, "7d", 96, 200, **TOTAL)
    engine.firing("16m", "CxNpsBelowTarget", WEB)
    engine.firing("16m", "CxCsatBelowTarget", WEB)
    engine.run()


def test_a_csat_whose_interval_falls_below_the_month_fires(engine):
    """Of a hundred answers; not of ten."""
    csat(engine, "30d", 4_000, 5_000, **TOTAL)
    csat(engine, "24h", 40, 100, **TOTAL)
    csat(engine, "30d", 400, 500, **WEB)
    csat(engine, "24h", 2, 10, **WEB)
    engine.firing("6m", "CxCsatDrop", TOTAL)
    engine.run()


def test_scores_wait_until_figures_are_complete(engine):
    """Nothing new while a partition is not covered."""
    engine.show("a", covered="35x300")
    nps(engine, "30d", 2_500, 1_500, 1_000, **TOTAL)
    nps(engine, "24h", 30, 30, 60, **TOTAL)
    engine.silent("10m", "CxNpsDrop")
    engine.run()


def offers(engine: Engine, window: str, answered: int, offered: int, survey: str, **where: str) -> None:
    """Surveys offered, and answered of them."""
    labels = {"window": window, "survey": survey, **where}
    engine.feed("cx_survey_offered", f"{offered}x300", **labels)
    engine.feed("cx_survey_answered", f"{answered}x300", **labels)
    engine.feed("cx_survey_response_ratio", f"{answered / offered}x300", **labels)


def test_customers_who_no_longer_answer(engine):
    """By survey: a tenth of the usual share; not a fall that late answers explain."""
    offers(engine, "24h", 8, 200, "nps", **TOTAL)
    offers(engine, "30d", 2_408, 6_200, "nps", **TOTAL)
    offers(engine, "24h", 50, 200, "csat", **TOTAL)
    offers(engine, "30d", 2_450, 6_200, "csat", **TOTAL)
    engine.firing("6m", "CxResponseRateFall", {**TOTAL, "survey": "nps"})
    engine.run()
