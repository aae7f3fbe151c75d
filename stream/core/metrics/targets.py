"""Verdicts about the targets of figures."""

from typing import Literal

from stream.core.metrics.metric import Headline

TargetVerdict = Literal["met", "missed", "met, within bounds", "missed, within bounds", ""]
"""`within bounds`: the target is within the 95 % bounds of the figure, so that chance can decide. Empty without a value."""


def target_verdict(
    headline: Headline, target: float, value: float | None, low: float | None, high: float | None
) -> TargetVerdict:
    """Return whether a headline's figure meets a target in its unit. `low` and `high` are None without bounds."""
    if value is None:
        return ""
    is_met = value >= target if headline.better == "higher" else value <= target
    if low is not None and high is not None and low <= target <= high:
        return "met, within bounds" if is_met else "missed, within bounds"
    return "met" if is_met else "missed"
