"""The change of a mean from the window before, split by label set into mix and rate."""

from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
Number = TypeVar("Number", float, Fraction)


class Group(NamedTuple, Generic[Number]):
    """The answers of one label set in one window: their number and their mean."""

    n: Number
    mean: Number


class Effect(NamedTuple, Generic[Number]):
    """The part of a change that a label set explains, in the unit of the figure.

    Attributes:
        mix: because its share of all answers changed
        rate: because its own mean changed
    """

    mix: Number
    rate: Number


def decompose(
    now: Mapping[Key, Group[Number]], before: Mapping[Key, Group[Number]]
) -> dict[Key, Effect[Number]]:
    """Return the effect of each group. Mix and rate of all groups add up to the change of the overall mean.

    With the share w and the mean s of a group, and the overall mean S:

        mix = (w_now - w_before) * (average of s - average of S)
        rate = (s_now - s_before) * average of w

    Averages are those of both windows. A group that is absent in one window has its mean of the other, so that its effect
    is mix only. Source: E. M. Kitagawa, Journal of the American Statistical Association 50, 1955. The mix of a group is
    taken relative to the overall mean, which changes no sum: a growing group lowers the figure if its mean is low.

    Both mappings must contain answers (n > 0 in each group).
    """
    n_now, mean_now = _overall(now)
    n_before, mean_before = _overall(before)
    average = (mean_now + mean_before) / 2
    effects = {}
    for key in {**before, **now}:
        group, group_before = now.get(key) or before[key], before.get(key) or now[key]
        share = group.n / n_now if key in now else 0
        share_before = group_before.n / n_before if key in before else 0
        own_average = (group.mean + group_before.mean) / 2
        effects[key] = Effect(
            mix=(share - share_before) * (own_average - average),
            rate=(group.mean - group_before.mean) * (share + share_before) / 2,
        )
    return effects


def remainder(overall: Group[Number], groups: Mapping[Key, Group[Number]]) -> Group[Number] | None:
    """Return the answers of `overall` that are in none of its groups, None if there are none."""
    n = overall.n - sum(group.n for group in groups.values())
    if n <= 0:
        return None
    return Group(n, (overall.n * overall.mean - sum(group.n * group.mean for group in groups.values())) / n)


def _overall(groups: Mapping[Key, Group[Number]]) -> tuple[Number, Number]:
    """Return the number of all answers and their mean."""
    sizes = [group.n for group in groups.values()]
    n = sum(sizes[1:], sizes[0])
    sums = [group.n * group.mean for group in groups.values()]
    return n, sum(sums[1:], sums[0]) / n
