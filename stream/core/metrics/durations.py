"""How a distribution of durations is shown: quantiles and mean, in seconds."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from stream.core.metrics.metric import Family, Line, Sample
from stream.core.model.histogram import mean, quantiles

QUANTILES = {"0.5": 50, "0.9": 90, "0.99": 99}


def quantile_family(name: str, help_text: str, *labels: str) -> Family:
    """The family of a distribution's quantiles."""
    return Family(
        name,
        f"{help_text}, quantiles within 1 % of the nearest rank",
        (*labels, "quantile"),
        "summary",
        unit="seconds",
    )


def duration_samples(
    quantile: Family, average: Family, vector: Mapping[int, int], base: int, *labels: str
) -> Iterator[Sample]:
    """The quantiles and the mean of a distribution that is not empty."""
    values = quantiles(vector, base, tuple(QUANTILES.values()))
    for label, ms in zip(QUANTILES, values, strict=True):
        yield Sample(quantile, (*labels, label), ms / 1000)
    yield Sample(average, labels, mean(vector, base) / 1000)


def spread(
    quantile: Family, average: Family, only: Mapping[str, str] = MappingProxyType({})
) -> tuple[Line, ...]:
    """What panels show of a distribution: median, 90th percentile, mean."""
    of = dict(only)
    return (
        Line(quantile, "p50", where=of | {"quantile": "0.5"}),
        Line(quantile, "p90", where=of | {"quantile": "0.9"}),
        Line(average, "mean", where=of),
    )
