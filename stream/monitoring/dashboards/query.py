"""PromQL of panels: the series of a complete replica that match the variables of the dashboard."""

from collections.abc import Iterable

from stream.core.metrics.metric import Family, Line, previous

FILTER_LABELS = ("channel", "touchpoint", "brand")
"""Labels of views that have a variable. "All" is `.*`, which also matches series without the label."""
LEGEND_LABELS = (*FILTER_LABELS, "team", "priority", "product", "region", "segment")
"""Labels of views that a legend shows. Grafana leaves out those that a series lacks."""
JOB = 'job="$job"'
COMPLETE = f"(cx_partitions_covered{{{JOB}}} == cx_partitions_expected{{{JOB}}})"
"""The exporters that cover all partitions. Values of the others may be partial."""


def selector(family: Family, where: Iterable[tuple[str, str]] = ()) -> str:
    """Return the selector of a family under the variables of the dashboard, with these label values."""
    matchers = [JOB, 'view="$view"']
    if family.windowed:
        matchers.append('window="$window"')
    matchers += [f'{label}="{value}"' for label, value in where]
    matchers += [f'{label}=~"$' + label + '"' for label in FILTER_LABELS]
    return f"{family.name}{{{', '.join(matchers)}}}"


def expression(line: Line) -> str:
    """Return the expression of a line.

    Replicas are merged, labels with a fixed value are removed, and labels that the line is not split by are summed.
    """
    removed = ", ".join(("instance", "pod", *line.where))
    deduplicated = (
        f"max without ({removed}) ({selector(line.family, line.where.items())} and on (instance) {COMPLETE})"
    )
    return f"sum without ({', '.join(line.summed)}) ({deduplicated})" if line.summed else deduplicated


def before(line: Line, *, compared: bool) -> str:
    """Return the expression of a line in the window before.

    Families of the window before exist from the first scrape on. Of others Prometheus knows the value of then, once it has
    been running for a window.
    """
    if compared:
        return expression(line._replace(family=previous(line.family)))
    return f"last_over_time(({expression(line)})[5m:1m] offset $window)"


def largest(line: Line) -> str:
    """Return the expression of the five largest values of a line."""
    return f"topk(5, {expression(line)})"


def bound(family: Family, score: Line) -> str:
    """Return the expression of a bound. It is empty unless the score has exactly one series to draw a band around."""
    return f"{expression(score._replace(family=family))} and on () (count({expression(score)}) == 1)"


def legend(line: Line, title: str) -> str:
    """Return the legend of a line of a panel: its name or the labels it is split by, then the labels of the view."""
    name = line.name or ("" if line.by else title)
    return " ".join(filter(None, (name, *(f"{{{{{label}}}}}" for label in (*line.by, *LEGEND_LABELS)))))
