"""Statistics as PromQL, of functions that Prometheus 2.42 and 3 both have.

Rules look at every label set of every view, every 5 s, over windows that overlap: hundreds of thousands of looks a week.
Hence bounds at 4.5 standard deviations instead of the customary 2.
"""

from stream.monitoring.alerts.rule import Threshold

Z = Threshold(
    "z", 4.5, "Standard deviations that a bound is away from its figure: less is faster, and false more often"
)
INSTALLATION_LABELS = "job, cluster, namespace"
"""The labels that tell one installation from another, where there are any."""
BASELINE_Z = 1.645
"""Baselines are taken at their one-sided 95 % bound, so that a baseline of few events does not cause alerts."""


def complete(expr: str) -> str:
    """Return an expression for the series of a complete replica. It is empty while no replica is complete."""
    return (
        f"max without (instance, pod, window) (\n"
        f"  {expr}\n"
        f"  and on (instance, job) (cx_partitions_covered == cx_partitions_expected)\n"
        f")"
    )


def poisson_low(count: str) -> str:
    """Lower bound of what a count was drawn from (Byar's approximation)."""
    return f"{count} * clamp_min(1 - 1 / (9 * {count}) - {Z} / (3 * sqrt({count})), 0) ^ 3"


def poisson_high(count: str) -> str:
    """Upper 95 % bound of what a count was drawn from: 3 of a count of 0."""
    return f"({count} + 1) * (1 - 1 / (9 * ({count} + 1)) + {BASELINE_Z} / (3 * sqrt({count} + 1))) ^ 3"


def wilson_high(share: str, n: str, z: str = str(Z)) -> str:
    """Upper bound of a share of n (Wilson)."""
    return _wilson(share, n, "+", z)


def wilson_low(share: str, n: str, z: str = str(BASELINE_Z)) -> str:
    """Lower bound of a share of n (Wilson)."""
    return _wilson(share, n, "-", z)


def _wilson(share: str, n: str, sign: str, z: str) -> str:
    spread = f"{z} * sqrt({share} * (1 - {share}) / {n} + {z} ^ 2 / (4 * {n} ^ 2))"
    return f"({share} + {z} ^ 2 / (2 * {n}) {sign} {spread}) / (1 + {z} ^ 2 / {n})"


def larger(left: str, right: str) -> str:
    """The larger of two vectors with the same labels."""
    return f"({left} > {right}) or {right}"


def all_of(*conditions: str) -> str:
    """All of the conditions; the value is that of the first."""
    return "\nand ".join(conditions)
