"""Series of a share: its value and 95 % bounds."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, Sample
from stream.core.model.confidence import wilson


def bounds_of(share: Family, subject: str) -> tuple[Family, Family]:
    """Return the families of the lower and upper bound of a share of `subject`, with the share's own labels."""
    low, high = (
        Family(
            f"{share.name}_{end}",
            f"{side} 95 % confidence bound of the share of {subject} (Wilson)",
            share.labels,
            unit=share.unit,
        )
        for end, side in (("low", "Lower"), ("high", "Upper"))
    )
    return low, high


def share_samples(
    share: Family, bounds: tuple[Family, Family], successes: int, n: int, labels: tuple[str, ...] = ()
) -> Iterator[Sample]:
    """Yield a share of `n` (1 or more) and its bounds, with the values of its own labels."""
    yield Sample(share, labels, successes / n)
    for family, bound in zip(bounds, wilson(successes, n), strict=True):
        yield Sample(family, labels, bound)
