"""PromQL of panels: the complete twin's series, of one view, as the dashboard's variables choose them."""

from collections.abc import Iterable

from stream.core.metrics.metric import Family, Line, Panel

CHOSEN = ("channel", "touchpoint", "brand")
"""Labels of views that a dashboard lets one choose values of. All of them, chosen or not there, is `.*`."""
TOLD_LABELS = (*CHOSEN, "team", "priority", "product", "region", "segment")
"""Labels of views that a legend shows; what a series has not is left out."""
JOB = 'job="$job"'
COMPLETE = f"(cx_partitions_covered{{{JOB}}} == cx_partitions_expected{{{JOB}}})"
"""Exporters that have everything: what another says may be half of it."""


def selector(family: Family, only: Iterable[tuple[str, str]] = ()) -> str:
    """A family's series under the dashboard's variables."""
    matchers = [JOB, 'view="$view"']
    if family.windowed:
        matchers.append('window="$window"')
    matchers += [f'{label}="{value}"' for label, value in only]
    matchers += [f'{label}=~"$' + label + '"' for label in CHOSEN]
    return f"{family.name}{{{', '.join(matchers)}}}"


def expression(line: Line) -> str:
    """What a line shows: twins are one, pinned labels are gone, the rest is added up unless it is told apart."""
    gone = ", ".join(("instance", "pod", *line.where))
    deduplicated = (
        f"max without ({gone}) ({selector(line.family, line.where.items())} and on (instance) {COMPLETE})"
    )
    return f"sum without ({', '.join(line.summed)}) ({deduplicated})" if line.summed else deduplicated


def largest(line: Line) -> str:
    """The five largest counts of many."""
    return f"topk(5, {expression(line)})"


def bound(family: Family, score: Line) -> str:
    """A bound, while there is one score to draw a band around."""
    return f"{expression(Line(family))} and on () (count({expression(score)}) == 1)"


def legend(line: Line, panel: Panel) -> str:
    """What tells a series from the others: the line's name or what it is told apart by, then its label set."""
    name = line.name or ("" if line.by else panel.title)
    return " ".join(filter(None, (name, *(f"{{{{{label}}}}}" for label in (*line.by, *TOLD_LABELS)))))
