"""What rules of a kind have in common: the figure, its sample size, its bound and what is usual, as recorded series.

`cx:RULE:value`, `cx:RULE:n`, `cx:RULE:bound` and `cx:RULE:usual` have the labels of the view and can be drawn.
"""

from collections.abc import Callable, Mapping

from stream.monitoring.alerts.promql import INSTALLATION_LABELS, complete, poisson_high, poisson_low
from stream.monitoring.alerts.rule import RecordingRule

WindowExpression = Callable[[str], str]
"""An expression for a window."""


def rise(
    rule: str, window: str, *, count: WindowExpression, base: WindowExpression, exposures: Mapping[str, str]
) -> tuple[RecordingRule, ...]:
    """A count of a window out of `base`, against what the longer windows held before it.

    `exposures`: of each longer window, how often its past could have happened when once is `base` of the window. Usual
    is the most that any of them makes likely. Without an exposure everything is usual.
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
        RecordingRule(f"{rule}:n", complete(base(window))),
        RecordingRule(f"{rule}:bound", poisson_low(f"{rule}:value")),
        *past,
        *exposed,
        RecordingRule(f"{rule}:usual", f"{rate} * {rule}:n"),
    )


def has_history(rule: str, longest: str, longer: str) -> str:
    """The longest window holds something from before the other one: this is not the first day, and that one is full."""
    total = '{view="total", longer="%s"}'
    return f"on ({INSTALLATION_LABELS}) ({rule}:past{total % longest} > ignoring (longer) {rule}:past{total % longer})"
