"""Recording rules shared by alerts: value, sample size, bound and baseline.

`cx:RULE:value`, `cx:RULE:sample_size`, `cx:RULE:bound` and `cx:RULE:baseline` keep the labels of the view.
"""

from collections.abc import Callable, Mapping

from stream.monitoring.alerts.promql import INSTALLATION_LABELS, complete, poisson_high, poisson_low
from stream.monitoring.alerts.rule import RecordingRule

WindowExpression = Callable[[str], str]
"""Returns an expression for the label of a window."""


def rise(
    rule: str, window: str, *, count: WindowExpression, base: WindowExpression, exposures: Mapping[str, str]
) -> tuple[RecordingRule, ...]:
    """Return the recording rules for a count of a window, compared with the past in longer windows.

    The baseline is the upper bound of the rate in the past, the highest of all longer windows, times the sample size.
    Without exposure it is infinite.

    Args:
        rule: prefix of the recorded series
        window: label of the window
        count: returns the expression of the count
        base: returns the expression of the number of customers or cases that could be counted
        exposures: by the label of a longer window, the expression of the exposure of its past: `base` times periods
    """
    past = [
        RecordingRule(
            f"{rule}:past",
            complete(f"({count(longer)} - ignoring (window) {count(window)})"),
            (("longer", longer),),
        )
        for longer in exposures
    ]
    exposed = [
        RecordingRule(f"{rule}:exposure", complete(expr), (("longer", longer),))
        for longer, expr in exposures.items()
    ]
    rate = f"max without (longer) (\n  {poisson_high(f'{rule}:past')}\n  / {rule}:exposure\n)"
    return (
        RecordingRule(f"{rule}:value", complete(count(window))),
        RecordingRule(f"{rule}:sample_size", complete(base(window))),
        RecordingRule(f"{rule}:bound", poisson_low(f"{rule}:value")),
        *past,
        *exposed,
        RecordingRule(f"{rule}:baseline", f"{rate} * {rule}:sample_size"),
    )


def has_history(rule: str, longest: str, longer: str) -> str:
    """Return a condition that the longest window has older counts than the other one, so that the other one is full."""
    total = '{view="total", longer="%s"}'
    return f"on ({INSTALLATION_LABELS}) ({rule}:past{total % longest} > ignoring (longer) {rule}:past{total % longer})"
