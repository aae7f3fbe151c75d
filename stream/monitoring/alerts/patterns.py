"""Recorded series that rules of a kind have in common: value, sample size, bound and baseline.

`cx:RULE:value`, `cx:RULE:sample_size`, `cx:RULE:bound` and `cx:RULE:baseline` have the labels of the view and can be drawn.
"""

from collections.abc import Callable, Mapping

from stream.monitoring.alerts.promql import INSTALLATION_LABELS, complete, poisson_high, poisson_low
from stream.monitoring.alerts.rule import RecordingRule

WindowExpression = Callable[[str], str]
"""An expression for a window."""


def rise(
    rule: str, window: str, *, count: WindowExpression, base: WindowExpression, exposures: Mapping[str, str]
) -> tuple[RecordingRule, ...]:
    """Return the recording rules for a count of a window, compared with the past that the longer windows hold.

    The baseline is the highest rate that the past of any longer window makes likely. Without exposure it is infinite.

    Args:
        rule: prefix of the recorded series
        window: label of the window
        count: the count, by window
        base: the number of customers or cases that the count is out of, by window
        exposures: by longer window, how many times the past of that window exposed `base`
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
    """The longest window holds something from before the other one: this is not the first day, and that one is full."""
    total = '{view="total", longer="%s"}'
    return f"on ({INSTALLATION_LABELS}) ({rule}:past{total % longest} > ignoring (longer) {rule}:past{total % longer})"
