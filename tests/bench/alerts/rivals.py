"""What people write instead: a plain threshold on the same figure, and a z-score against the day before."""

from typing import NamedTuple


class Rivals(NamedTuple):
    """Of one of our alerts."""

    plain: str
    figure: str
    """What the z-score is of."""
    sign: int = 1
    """1 when high is bad."""

    @property
    def z_score(self) -> str:
        """Three standard deviations from the mean of the day before the last hour."""
        x = self.figure
        past = f"({x})[1d:5m] offset 1h"
        score = f"(({x}) - avg_over_time({past})) / (stddev_over_time({past}) > 0)"
        return f"{score} > 3" if self.sign > 0 else f"{score} < -3"


_AHT = "cx_handle_mean_seconds"
_CHURN = 'cx_churn_ratio{method="seed",window="%s"}'
_DAY, _MONTH = '{window="24h"}', '{window="30d"}'
_REOPEN = 'cx_reopenings{window="%s"} / ignoring (stage) cx_resolved_tickets{stage="first",window="%s"}'

RIVALS = {
    "CxChurnSpike": Rivals(f"{_CHURN % '1h'} > ignoring (window) 3 * {_CHURN % '7d'} / 168", _CHURN % "1h"),
    "CxChurnRise": Rivals(f"{_CHURN % '24h'} > ignoring (window) 2 * {_CHURN % '30d'} / 30", _CHURN % "24h"),
    "CxCancelScheduledSpike": Rivals(
        "delta(cx_cancel_scheduled_customers[1h]) > 5", "cx_cancel_scheduled_customers"
    ),
    "CxFirstResponseSlow": Rivals(
        'cx_first_response_seconds{quantile="0.9",window="1h"} > 3600',
        'cx_first_response_seconds{quantile="0.9",window="1h"}',
    ),
    "CxWaitingOverTarget": Rivals("cx_waiting_over_target_tickets >= 5", "cx_waiting_over_target_tickets"),
    "CxReopenRise": Rivals(
        f"({_REOPEN % ('24h', '24h')}) > ignoring (window) 1.5 * ({_REOPEN % ('30d', '30d')})",
        _REOPEN % ("24h", "24h"),
    ),
    "CxHandleTimeRise": Rivals(f"{_AHT}{_DAY} > ignoring (window) 1.2 * {_AHT}{_MONTH}", f"{_AHT}{_DAY}"),
    "CxNpsDrop": Rivals(
        f"cx_nps_score{_DAY} < ignoring (window) cx_nps_score{_MONTH} - 10", f"cx_nps_score{_DAY}", -1
    ),
    "CxNpsBelowTarget": Rivals('cx_nps_score{window="7d"} < 0', 'cx_nps_score{window="7d"}', -1),
    "CxCsatDrop": Rivals(
        f"cx_csat_ratio{_DAY} < ignoring (window) cx_csat_ratio{_MONTH} - 0.05", f"cx_csat_ratio{_DAY}", -1
    ),
    "CxCsatBelowTarget": Rivals('cx_csat_ratio{window="7d"} < 0.5', 'cx_csat_ratio{window="7d"}', -1),
    "CxResponseRateFall": Rivals(
        f"cx_survey_response_ratio{_DAY} < ignoring (window) 0.5 * cx_survey_response_ratio{_MONTH}",
        f"cx_survey_response_ratio{_DAY}",
        -1,
    ),
}
