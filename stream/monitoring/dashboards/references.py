"""Queries for the targets and benchmarks of figures, which are settings of the exporters."""

from collections.abc import Sequence

from stream.core.metrics.headlines import label_pattern
from stream.core.metrics.metric import Headline
from stream.monitoring.dashboards.query import JOB
from stream.monitoring.dashboards.widgets import Query

TARGET = "target"


def target_and_benchmark(headlines: Sequence[Headline]) -> list[Query]:
    """Return the queries of the targets and benchmarks of headlines, none without headlines.

    Legends name the figure if there may be several.
    """
    if not headlines:
        return []
    figure = "" if len(headlines) == 1 and None not in label_pattern(headlines[0]) else " {{figure}}"
    return [
        Query(_expression("cx_target", headlines), f"{TARGET}{figure}"),
        Query(_expression("cx_benchmark", headlines), f"{{{{source}}}}, {{{{year}}}}{figure}"),
    ]


def _expression(series: str, headlines: Sequence[Headline]) -> str:
    patterns = "|".join(map(_name_pattern, headlines))
    return f'max without (instance, pod) ({series}{{{JOB}, figure=~"{patterns}"}})'


def _name_pattern(headline: Headline) -> str:
    """Return a regular expression of the names of a headline's figures (see `headlines.encode`)."""
    values = ("[^/]+" if value is None else value.replace(".", "[.]") for value in label_pattern(headline))
    return "/".join([headline.family.name, *values])
