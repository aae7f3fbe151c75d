"""The reference page of the metrics and the README's table of them, written from their declarations."""

import re
from collections.abc import Iterable, Iterator
from typing import get_args

from schemas.tickets import Party
from schemas.topics import TOPICS
from stream.core.metrics import (
    BY_DOMAIN,
    REGISTRY,
    aht,
    cohorts,
    contact_cycles,
    durations,
    nps,
    referral,
    resolution,
    response_rate,
)
from stream.core.metrics.headlines import HEADLINES
from stream.core.metrics.metric import Family, Metric, previous
from stream.core.model.aggregates.joined import CLASSES, FATES, NO_CLASS
from stream.exporter.reference_lines import figure_names

PAGE = "deploy/docs/metrics.md"
INTRODUCTION = """\
`cxgauge explain METRIC` prints the same for one metric. [series.md](series.md) lists the series about the pipeline and the worker.
When a series is absent: [Exposition](../../schemas/README.md#exposition). Which time a window covers:
[Windows and panes](../../schemas/README.md#windows-and-panes).

Every series has the label `view` and the labels of that view, then those in its row. A series with *yes* under *window* has
the label `window`. The others show the present. *n* is the series with the sample size. *95 % bounds* are the series with the
lower and upper confidence bound.

Below a table are the series of the window before each window: of the same length, ending where the window begins. The live page and `cxgauge top`
show the change from it. A share with a sample size is *better* or *worse* if p is below 0.05 (two proportions, with few answers Fisher's exact test), NPS likewise
by the variance of its answers, from 30 answers in both windows on (fewer are *too few to tell*). Else there is *no clear change*. Other
figures, such as the mean of ease and those of durations, have a difference only. The change of a share or mean with a sample size is
[split by label value](figures.md#what-moved-a-figure) into mix and rate. `/api/v1/figures` has [all series as JSON and CSV](figures.md#json).

No metric counts a record whose [outcome](../../schemas/README.md#outcomes-of-a-record) is not `accepted`. *Not counted* names the
rest.
"""
OPEN, SENT = "values as sent, at most `metrics.top` of them, the rest as `__other__`", "values as sent"
FIGURES = """\
A figure with a tile on the live page has a name, for [targets and benchmarks](targets-and-notes.md) and for the address of the page. It is
the series and the values of its labels, where `<survey>` and others stand for one of the [values](#labels).
"""
LABEL_VALUES: dict[str, Iterable[str] | str] = {
    "category": nps.CATEGORIES,
    "satisfied": ("true", "false"),
    "easy": ("true", "false"),
    "scale": "`min-max` as sent, at most 1,000 of each direction",
    "direction": ("ease", "effort"),
    "survey": response_rate.SURVEYS,
    "reason": OPEN,
    "quantile": durations.QUANTILES,
    "stage": resolution.STAGES,
    "basis": ("provisional", "confirmed"),
    "result": ("first_contact", "other"),
    "by": ("bot", "timeout"),
    "opened_by": get_args(Party),
    "part": aht.PARTS,
    "method": ("cohort", "seed"),
    "voluntary": ("true", "false"),
    "cohort": cohorts.COHORTS,
    "currency": SENT,
    "state": referral.STATES,
    "class": (*CLASSES["nps"], *CLASSES["csat"], NO_CLASS),
    "first_response": FATES,
    "fate": tuple(contact_cycles.FATES),
}
"""The values of each label that series have beside those of their view. A text describes values that are not fixed."""


def page() -> Iterator[str]:
    """Yield the parts of the page below its heading."""
    yield f"{INTRODUCTION}\n## Labels\n\n| label | values |\n|---|---|\n"
    for label, values in LABEL_VALUES.items():
        shown = values if isinstance(values, str) else ", ".join(f"`{value}`" for value in values)
        yield f"| `{label}` | {shown} |\n"
    for domain, metrics in BY_DOMAIN.items():
        for metric in metrics:
            yield from _section(metric, TOPICS[domain].name)
    yield f"\n## Names of figures\n\n{FIGURES}\n| figure | tile | unit | better |\n|---|---|---|---|\n"
    for name, (_, _, headline) in zip(figure_names(), HEADLINES, strict=True):
        yield f"| `{name}` | {headline.title} | {headline.unit} | {headline.better} |\n"


def _section(metric: Metric, topic: str) -> Iterator[str]:
    yield f"\n## {metric.title}\n\n`{metric.name}`, version {metric.version}, from `{topic}`. {_marked(metric.definition)}\n\n"
    yield f"- Formula: `{metric.formula}`\n- Not counted: {_marked(metric.excluded)}\n- Source: {metric.source}\n"
    yield f"- PromQL: `{metric.example}`\n\n"
    yield "| series | type | labels | window | n | 95 % bounds | meaning |\n|---|---|---|---|---|---|---|\n"
    for family in metric.families:
        cells = (
            f"`{family.name}`",
            family.type,
            _codes(family.labels),
            "yes" if family.windowed else "",
            _codes(each.name for each in sample_sizes(metric, family)),
            _codes(each.name for each in bounds(metric, family)),
            family.help,
        )
        yield f"| {' | '.join(cells)} |\n"
    if metric.compared:
        names = ", ".join(f"`{previous(family).name}`" for family in metric.compared)
        yield f"\nIn the window before each window: {names}.\n"


def _marked(text: str) -> str:
    """Return a text with names of series and values as code: Markdown would print underscores as emphasis."""
    return re.sub(r"\b(cx_\w+|__other__|feedback_id|ticket_id|in_time)\b", r"`\1`", text)


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def sample_sizes(metric: Metric, family: Family) -> list[Family]:
    """Return the families with the sample size of a family, as headlines and panels declare them. Empty for a count.

    A sample line with a name of its own is shown beside a figure without being its sample size.
    """
    sizes = [each.sample_size for each in metric.headlines if each.family is family]
    for panel in metric.panels:
        if any(line.family is family for line in panel.lines):
            sizes += [line.family for line in panel.samples if not line.name]
    return list(dict.fromkeys(size for size in sizes if size is not None))


def bounds(metric: Metric, family: Family) -> tuple[Family, ...]:
    """Return the families with the lower and the upper bound of a family, empty if it has none."""
    for panel in metric.panels:
        if panel.bounds is not None and any(line.family is family for line in panel.lines):
            return panel.bounds
    return ()


def table() -> str:
    """Return the README's table: title, name, formula and main series of each metric."""
    rows = "".join(map(_row, REGISTRY.values()))
    return f"| metric | name | formula | main series |\n|---|---|---|---|\n{rows}"


def _row(metric: Metric) -> str:
    main = list(dict.fromkeys(each.family.name for each in metric.headlines)) or [metric.families[0].name]
    link = f"[{metric.title}]({PAGE}#{_anchor(metric.title)})"
    cells = (link, f"`{metric.name}`", f"`{metric.formula}`", _codes(main))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _anchor(title: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
