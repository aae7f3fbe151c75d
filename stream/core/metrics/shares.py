"""How a share is shown: with its 95 % bounds."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, Sample
from stream.core.model.confidence import wilson


def bounds_of(share: Family, what: str) -> tuple[Family, Family]:
    """The families of the bounds of a share without labels of its own; `what` it is a share of."""
    low, high = (
        Family(
            f"{share.name}_{end}",
            f"{side} 95 % confidence bound of the share of {what} (Wilson)",
            unit=share.unit,
        )
        for end, side in (("low", "Lower"), ("high", "Upper"))
    )
    return low, high


def share_samples(share: Family, bounds: tuple[Family, Family], successes: int, n: int) -> Iterator[Sample]:
    """A share of n >= 1, and its bounds."""
    yield Sample(share, (), successes / n)
    for family, bound in zip(bounds, wilson(successes, n), strict=True):
        yield Sample(family, (), bound)
