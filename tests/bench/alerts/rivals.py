"""Rules as Prometheus has them: the design, and what people commonly write instead.

The burn rates are those of the SRE workbook (Google, 2018, chapter 5), the adaptive bands those of Grafana's
promql-anomaly-detection (2024).
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from stream.core.detection.leaving import LEVEL
from stream.monitoring.alerts.rules import aht, churn, csat, first_response, nps, resolution, response_rate

Rule = dict[str, Any]
"""A rule as in a rule file."""


class DesignRule(NamedTuple):
    """A rule about a detector: its share of the false alarms as shipped, severity, domain, and how long it is kept firing."""

    share: float
    severity: str
    domain: str
    keep_firing_for: str = "5m"


DESIGN_RULES = {
    "leaving": DesignRule(LEVEL, "critical", "customers"),
    "payment_churn": DesignRule(churn.PAYMENT_SHARE, "warning", "customers"),
    "answers_late": DesignRule(first_response.SHARE, "critical", "tickets"),
    "reopenings": DesignRule(resolution.SHARE, "warning", "tickets"),
    "handle_time": DesignRule(aht.SHARE, "warning", "tickets", "6h"),
    "nps": DesignRule(nps.SHARE, "warning", "feedback", "6h"),
    "csat": DesignRule(csat.SHARE, "warning", "feedback", "6h"),
    "answers_missing": DesignRule(response_rate.SHARE, "warning", "feedback", "1h"),
}
"""By detector. A score is around the level for hours, so its alert is kept firing, or one drop would fire often."""
COVERED = "and on (instance, job) (cx_partitions_covered == cx_partitions_expected)"


def design() -> list[Rule]:
    """Return the shipped rules about unusual figures for one false alarm a month, without a limit of label sets that fire."""
    return [
        {
            "alert": of,
            "expr": f'cx_unusual_by_chance_per_month{{of="{of}"}} <= {rule.share} {COVERED}',
            "keep_firing_for": rule.keep_firing_for,
            "labels": {"severity": rule.severity, "domain": rule.domain},
        }
        for of, rule in DESIGN_RULES.items()
    ]


class Figure(NamedTuple):
    """A figure to watch: its expression, a plain rule, its domain and whether low is bad."""

    expression: str
    plain: str
    domain: str
    low_is_bad: bool = False


def _of_window(expression: str, factor: str) -> str:
    """Return the comparison of the last day with the last 30 days."""
    return expression % "24h" + factor % f"({expression % '30d'})"


CHURNS = 'sum without (voluntary) (cx_churned_voluntary_customers{window="%s"})'
CHURN_RATIO = 'cx_churn_ratio{method="seed",window="%s"}'
REOPENED_SHARE = (
    'cx_reopenings{window="%s"} / ignoring (stage) cx_resolved_tickets{stage="first",window="%s"}'
)
DAY_REOPENED, MONTH_REOPENED = (REOPENED_SHARE % (window, window) for window in ("24h", "30d"))
HANDLE_MEAN = 'cx_handle_mean_seconds{window="%s"}'
NPS = 'cx_nps_score{window="%s"}'
CSAT = 'cx_csat_ratio{window="%s"}'
RESPONSE_RATE = 'cx_survey_response_ratio{survey="nps",window="%s"}'
LATE = '(1 - cx_first_response_within_target_ratio{window="%s"})'
SCHEDULED = "cx_cancel_scheduled_customers"
FIGURES: dict[str, Figure] = {
    "churn": Figure(
        CHURNS % "1h", f"{CHURN_RATIO % '1h'} > ignoring (window) 3 * {CHURN_RATIO % '7d'} / 168", "customers"
    ),
    "notices": Figure(SCHEDULED, f"{SCHEDULED} - {SCHEDULED} offset 1h > 5", "customers"),
    "late": Figure(LATE % "1h", f"{LATE % '1h'} > 0.1", "tickets"),
    "waiting": Figure("cx_waiting_over_target_tickets", "cx_waiting_over_target_tickets >= 5", "tickets"),
    "reopenings": Figure(
        DAY_REOPENED, f"({DAY_REOPENED}) > ignoring (window) 1.5 * ({MONTH_REOPENED})", "tickets"
    ),
    "handle time": Figure(
        HANDLE_MEAN % "24h", _of_window(HANDLE_MEAN, " > ignoring (window) 1.2 * %s"), "tickets"
    ),
    "nps": Figure(NPS % "24h", _of_window(NPS, " < ignoring (window) %s - 10"), "feedback", low_is_bad=True),
    "csat": Figure(
        CSAT % "24h", _of_window(CSAT, " < ignoring (window) %s - 0.05"), "feedback", low_is_bad=True
    ),
    "response rate": Figure(
        RESPONSE_RATE % "24h",
        _of_window(RESPONSE_RATE, " < ignoring (window) 0.5 * %s"),
        "feedback",
        low_is_bad=True,
    ),
}


def _alert(name: str, expression: str, domain: str, for_: str) -> Rule:
    labels = {"severity": "warning", "domain": domain}
    return {"alert": name, "expr": expression, "for": for_, "keep_firing_for": "15m", "labels": labels}


def plain() -> list[Rule]:
    """Return thresholds on the figures, or on their ratio to the last week or month."""
    return [_alert(name, figure.plain, figure.domain, "30s") for name, figure in FIGURES.items()]


def z_score() -> list[Rule]:
    """Return rules of three standard deviations from the mean of the day before the last hour."""
    return [_alert(name, _z_score(figure), figure.domain, "30s") for name, figure in FIGURES.items()]


def _z_score(figure: Figure) -> str:
    past = f"({figure.expression})[1d:5m] offset 1h"
    score = f"(({figure.expression}) - avg_over_time({past})) / (stddev_over_time({past}) > 0)"
    return f"{score} < -3" if figure.low_is_bad else f"{score} > 3"


def burn_rate() -> list[Rule]:
    """Return multi-window burn rates: 90 % of responses in time, 70 % of answers satisfied, 1.5 times the churn of 30 days."""
    hourly = {"5m": 12, "30m": 2, "1h": 1, "2h": 1 / 2, "6h": 1 / 6, "24h": 1 / 24, "3d": 1 / 72}
    budget = f"(1.5 / 720 * {CHURNS % '30d'})"
    rates: dict[str, tuple[str, Callable[[str], str]]] = {
        "late": ("tickets", lambda window: f"{LATE % window} / 0.1"),
        "csat": ("feedback", lambda window: f"(1 - {CSAT % window}) / 0.3"),
        "churn": (
            "customers",
            lambda window: f"{hourly[window]!r} * {CHURNS % window} / ignoring (window) {budget}",
        ),
    }
    return [_alert(name, " or ".join(_burning(rate)), domain, "0s") for name, (domain, rate) in rates.items()]


def _burning(rate: Callable[[str], str]) -> Iterator[str]:
    for long, short, factor in (("1h", "5m", 14.4), ("6h", "30m", 6), ("24h", "2h", 3), ("3d", "6h", 1)):
        yield f"(({rate(long)} > {factor}) and ignoring (window) ({rate(short)} > {factor}))"


def adaptive() -> list[Rule]:
    """Return adaptive bands: two standard deviations around the last hour, the same time yesterday and a week ago."""
    return [rule for name, figure in FIGURES.items() if name != "notices" for rule in _bands(name, figure)]


def _bands(name: str, figure: Figure) -> Iterator[Rule]:
    prefix = f"anomaly:{name.replace(' ', '_')}"
    level, mean, deviation, wide = (
        f"{prefix}:{part}" for part in ("level", "avg_1h", "stddev_1h", "stddev_st")
    )
    yield {"record": level, "expr": f"({figure.expression}) > 0"}
    yield {"record": mean, "expr": f"avg_over_time({level}[1h:1m])"}
    yield {"record": deviation, "expr": f"stddev_over_time({level}[1h:1m])"}
    yield {"record": wide, "expr": f"avg_over_time(({deviation} > 0.5 * {mean})[26h:1m])"}
    beyond, within, sign, margin = ("<", ">=", "-", 0.5) if figure.low_is_bad else (">", "<=", "+", 1.5)
    band = f"{level} {beyond} {margin} * {mean} unless {level} {within} {mean} {sign} 2 * {wide}"
    for ago in ("167h30m", "23h30m"):
        band += f" unless {level} {within} ({mean} offset {ago}) {sign} 2 * ({deviation} offset {ago})"
    yield _alert(name, band, figure.domain, "5m")


RIVALS: dict[str, Callable[[], list[Rule]]] = {
    "plain": plain,
    "z-score": z_score,
    "burn rate": burn_rate,
    "adaptive": adaptive,
}
