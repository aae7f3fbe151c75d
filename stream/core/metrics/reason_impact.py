"""The impact of a reason on a score: the score, less the score without the answers that name the reason."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import NamedTuple

from stream.core.model.confidence import adjusted_wald, wilson


class Impact(NamedTuple):
    """An impact in the unit of the score with its 95 % interval. It is negative if the reason lowers the score."""

    value: float
    low: float
    high: float


class _Estimate(NamedTuple):
    """A score of some answers and its 95 % bounds."""

    value: float
    low: float
    high: float


def shares(naming: Sequence[int], everyone: Sequence[int]) -> tuple[float | None, ...]:
    """Return the share of the answers of each class that name a reason, None for a class without answers.

    Both have the answers by class, such as promoters, passives and detractors.
    """
    return tuple(some / n if n else None for some, n in zip(naming, everyone, strict=True))


def impact_on_nps(naming: Sequence[int], everyone: Sequence[int]) -> Impact | None:
    """Return the impact on the Net Promoter Score in points, None if no answer names the reason, or all do.

    Both have promoters, passives and detractors.
    """
    return _impact(naming, everyone, _nps)


def impact_on_csat(naming: Sequence[int], everyone: Sequence[int]) -> Impact | None:
    """Return the impact on the share of satisfied answers, None if no answer names the reason, or all do.

    Both have satisfied and other answers.
    """
    return _impact(naming, everyone, _csat)


def _impact(
    naming: Sequence[int], everyone: Sequence[int], estimate: Callable[[Sequence[int]], _Estimate]
) -> Impact | None:
    """Return the impact by the share of answers that name the reason, w, and the difference of two independent scores.

    The score is w * (score of those that name it) + (1 - w) * (score of the others). Less the score of the others, w times the
    difference remains. Interval of a difference from those of both: G. Y. Zou and A. Donner, Statistics in Medicine 27, 2008.
    """
    others = [n - some for some, n in zip(naming, everyone, strict=True)]
    if not sum(naming) or not sum(others):
        return None
    share = sum(naming) / sum(everyone)
    of_naming, of_others = estimate(naming), estimate(others)
    difference = of_naming.value - of_others.value
    down = sqrt((of_naming.value - of_naming.low) ** 2 + (of_others.high - of_others.value) ** 2)
    up = sqrt((of_naming.high - of_naming.value) ** 2 + (of_others.value - of_others.low) ** 2)
    return Impact(share * difference, share * (difference - down), share * (difference + up))


def _nps(answers: Sequence[int]) -> _Estimate:
    promoters, _passives, detractors = answers
    n = sum(answers)
    return _Estimate(100 * (promoters - detractors) / n, *adjusted_wald(promoters, detractors, n))


def _csat(answers: Sequence[int]) -> _Estimate:
    satisfied, n = answers[0], sum(answers)
    return _Estimate(satisfied / n, *wilson(satisfied, n))
