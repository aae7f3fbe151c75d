"""The impact of a reason on a score: the score, less the score without the answers that name the reason."""

from collections.abc import Callable, Sequence

from stream.core.model.confidence import Estimate, adjusted_wald, difference, wilson

Impact = Estimate
"""An impact in the unit of the score with its 95 % bounds. It is negative if the reason lowers the score."""


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
    naming: Sequence[int], everyone: Sequence[int], estimate: Callable[[Sequence[int]], Estimate]
) -> Impact | None:
    """Return the impact by the share of answers that name the reason, w, and the difference of two independent scores.

    The score is w * (score of those that name it) + (1 - w) * (score of the others). Less the score of the others, w times the
    difference remains.
    """
    others = [n - some for some, n in zip(naming, everyone, strict=True)]
    if not sum(naming) or not sum(others):
        return None
    share = sum(naming) / sum(everyone)
    return Impact(*(share * part for part in difference(estimate(naming), estimate(others))))


def _nps(answers: Sequence[int]) -> Estimate:
    promoters, _passives, detractors = answers
    n = sum(answers)
    return Estimate(100 * (promoters - detractors) / n, *adjusted_wald(promoters, detractors, n))


def _csat(answers: Sequence[int]) -> Estimate:
    satisfied, n = answers[0], sum(answers)
    return Estimate(satisfied / n, *wilson(satisfied, n))
