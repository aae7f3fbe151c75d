"""Statistics as PromQL, with functions that Prometheus 2.42 and 3 both have.

Rules are evaluated for every label set of every view, every 5 s, over overlapping windows: hundreds of thousands of tests a
week. Bounds are therefore 4.5 standard deviations away instead of the customary 2.
"""

from stream.monitoring.alerts.rule import Threshold

Z = Threshold(
    "z",
    4.5,
    "Distance of a bound from its value in standard deviations. Less alerts earlier and causes more false alarms",
)
INSTALLATION_LABELS = "job, cluster, namespace"
"""Labels that distinguish installations. A series may lack some of them."""


def complete(expr: str) -> str:
    """Return an expression for the series of a complete replica. It is empty while no replica is complete."""
    return (
        f"max without (instance, pod, window) (\n"
        f"  {expr}\n"
        f"  and on (instance, job) (cx_partitions_covered == cx_partitions_expected)\n"
        f")"
    )


def target_of(figure: str, rule: str) -> str:
    """Return an expression for the target of a figure, for each label set of `RULE:value`. It is empty without a target.

    Targets are settings of the exporters, which may differ between installations.
    """
    complete_replica = "and on (instance, job) (cx_partitions_covered == cx_partitions_expected)"
    return (
        f"0 * {rule}:value + on ({INSTALLATION_LABELS}) group_left ()\n"
        f'max by ({INSTALLATION_LABELS}) (cx_target{{figure="{figure}"}} {complete_replica})'
    )


def poisson_low(count: str) -> str:
    """Return the lower bound of the mean that a Poisson count was drawn from (Byar's approximation)."""
    return f"{count} * clamp_min(1 - 1 / (9 * {count}) - {Z} / (3 * sqrt({count})), 0) ^ 3"


def wilson_high(share: str, n: str) -> str:
    """Return the upper Wilson bound of a share of n, `z` standard deviations away."""
    z = str(Z)
    spread = f"{z} * sqrt({share} * (1 - {share}) / {n} + {z} ^ 2 / (4 * {n} ^ 2))"
    return f"({share} + {z} ^ 2 / (2 * {n}) + {spread}) / (1 + {z} ^ 2 / {n})"


def larger(left: str, right: str) -> str:
    """Return the larger of two vectors with the same labels."""
    return f"({left} > {right}) or {right}"


def all_of(*conditions: str) -> str:
    """Return the conjunction of conditions. Its value is that of the first condition."""
    return "\nand ".join(conditions)
