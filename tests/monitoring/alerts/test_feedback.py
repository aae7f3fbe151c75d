"""Feedback: scores below their target with the whole interval."""

import pytest

from stream.core.model.confidence import adjusted_wald, wilson
from tests.monitoring.alerts.engine import Engine, Labels

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

DOMAIN = "feedback"
TOTAL, WEB = {"view": "total"}, {"view": "channel", "channel": "web"}


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


def expect_below_target(engine: Engine, labels: Labels, summary: str, bound: str) -> None:
    """Expect this notification about the NPS."""
    engine.expect_notification(
        "16m",
        "CxNpsBelowTarget",
        {**labels, "job": "cxgauge", "severity": "warning", "domain": "feedback", "window": "7d"},
        summary=summary,
        description=f"It fires while the upper bound of the week's score is below the target. The bound is {bound}.",
        runbook_url="deploy/runbooks/CxNpsBelowTarget.md",
    )


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
    expect_below_target(engine, TOTAL, "NPS is -1.3 of 304 answers in the last 7 days (target: 60.0)", "19.7")
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


def test_the_summary_names_score_sample_and_target_and_the_description_the_bound(engine):
    """Statistics are not in the first line."""
    engine.add_series("cx_target", "0x300", figure="cx_nps_score")
    nps(engine, "7d", 100, 100, 220, **WEB)
    summary = "NPS of channel web is -28.6 of 420 answers in the last 7 days (target: 0.0)"
    expect_below_target(engine, WEB, summary, "-10.3")
    engine.run()


def test_scores_do_not_fire_while_figures_are_incomplete(engine):
    """Nothing starts firing while a partition is not covered."""
    engine.show_coverage("a", covered="35x300")
    engine.add_series("cx_target", "0x300", figure="cx_nps_score")
    nps(engine, "7d", 100, 100, 220, **TOTAL)
    engine.expect_silent("24m", "CxNpsBelowTarget")
    engine.run()
