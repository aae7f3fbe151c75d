"""From when to when an alert fires, and for which label sets."""

from collections.abc import Collection

from stream.monitoring.evaluation.instant import Labels, Vector

Intervals = list[tuple[int, int]]
"""Beginnings and ends in whole units of time. The end is the first moment that is not included."""


def firing(active: Intervals, end: int, for_: int, keep_firing_for: int) -> Intervals:
    """Return from when to when an alert fires whose expression is true in these intervals.

    An alert is pending when its expression turns true, and fires at the first evaluation at which `for` has passed. It
    resolves at the first evaluation at which the expression has been false for `keep_firing_for`.

    Args:
        active: the intervals in which the expression is true, in their order
        end: the last moment, at which an interval ends at the latest
        for_: `for` of the rule
        keep_firing_for: `keep_firing_for` of the rule
    """
    intervals: Intervals = []
    is_firing, last = False, 0
    for start, stop in active:
        if is_firing and start - last >= keep_firing_for:
            intervals[-1] = (intervals[-1][0], last + keep_firing_for)
            is_firing = False
        if not is_firing:
            if stop - 1 - start < for_:
                continue
            intervals.append((start + for_, end))
            is_firing = True
        last = stop
    if is_firing:
        intervals[-1] = (intervals[-1][0], min(last + keep_firing_for, end))
    return intervals


def admitted(values: Vector, firing_now: Collection[Labels], shown: int) -> Vector:
    """Return the label sets whose alert fires because of their condition: of a rule for a few label sets not all.

    Those that fire keep their places, because each new one is a notification. When no place is free, only a label set that has
    become the most certain of all joins them. The rules say the same with `bottomk` and `ALERTS` (`prometheus_files`).

    Args:
        values: the values of the label sets whose condition holds
        firing_now: the label sets that fire, those that are only kept firing included
        shown: the number of places, 0 if there is no limit
    """
    if not shown:
        return values
    certain = sorted(values, key=lambda labels: values[labels])
    starting = certain[:shown] if len(firing_now) < shown else certain[:1]
    return {labels: values[labels] for labels in certain if labels in firing_now or labels in starting}
