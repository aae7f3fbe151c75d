"""Rules that people commonly write: a threshold on the same figure, and a z-score against the day before."""

from typing import NamedTuple


class AlternativeRules(NamedTuple):
    """The alternatives to one of our alerts."""

    plain: str
    figure: str
    """The expression of the z-score."""
    direction: int = 1
    """1 when high is bad."""

    @property
    def z_score(self) -> str:
        """Return the rule: three standard deviations from the mean of the day before the last hour."""
        expression = self.figure
        past = f"({expression})[1d:5m] offset 1h"
        score = f"(({expression}) - avg_over_time({past})) / (stddev_over_time({past}) > 0)"
        return f"{score} > 3" if self.direction > 0 else f"{score} < -3"


AHT = "cx_handle_mean_seconds"
CHURN = 'cx_churn_ratio{method="seed",window="%s"}'
LAST_DAY, LAST_MONTH = '{window="24h"}', '{window="30d"}'
REOPENINGS = 'cx_reopenings{window="%s"} / ignoring (stage) cx_resolved_tickets{stage="first",window="%s"}'

ALTERNATIVES = {
    "CxChurnSpike": AlternativeRules(
        f"{CHURN % '1h'} > ignoring (window) 3 * {CHURN % '7d'} / 168", CHURN % "1h"
    ),
    "CxChurnRise": AlternativeRules(
        f"{CHURN % '24h'} > ignoring (window) 2 * {CHURN % '30d'} / 30", CHURN % "24h"
    ),
    "CxCancelScheduledSpike": AlternativeRules(
        "delta(cx_cancel_scheduled_customers[1h]) > 5", "cx_cancel_scheduled_customers"
    ),
    "CxFirstResponseSlow": AlternativeRules(
        'cx_first_response_seconds{quantile="0.9",window="1h"} > 3600',
        'cx_first_response_seconds{quantile="0.9",window="1h"}',
    ),
    "CxWaitingOverTarget": AlternativeRules(
        "cx_waiting_over_target_tickets >= 5", "cx_waiting_over_target_tickets"
    ),
    "CxReopenRise": AlternativeRules(
        f"({REOPENINGS % ('24h', '24h')}) > ignoring (window) 1.5 * ({REOPENINGS % ('30d', '30d')})",
        REOPENINGS % ("24h", "24h"),
    ),
    "CxHandleTimeRise": AlternativeRules(
        f"{AHT}{LAST_DAY} > ignoring (window) 1.2 * {AHT}{LAST_MONTH}", f"{AHT}{LAST_DAY}"
    ),
    "CxNpsDrop": AlternativeRules(
        f"cx_nps_score{LAST_DAY} < ignoring (window) cx_nps_score{LAST_MONTH} - 10",
        f"cx_nps_score{LAST_DAY}",
        -1,
    ),
    "CxNpsBelowTarget": AlternativeRules('cx_nps_score{window="7d"} < 0', 'cx_nps_score{window="7d"}', -1),
    "CxCsatDrop": AlternativeRules(
        f"cx_csat_ratio{LAST_DAY} < ignoring (window) cx_csat_ratio{LAST_MONTH} - 0.05",
        f"cx_csat_ratio{LAST_DAY}",
        -1,
    ),
    "CxCsatBelowTarget": AlternativeRules(
        'cx_csat_ratio{window="7d"} < 0.5', 'cx_csat_ratio{window="7d"}', -1
    ),
    "CxResponseRateFall": AlternativeRules(
        f"cx_survey_response_ratio{LAST_DAY} < ignoring (window) 0.5 * cx_survey_response_ratio{LAST_MONTH}",
        f"cx_survey_response_ratio{LAST_DAY}",
        -1,
    ),
}
