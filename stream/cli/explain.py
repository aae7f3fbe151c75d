"""`cxgauge explain`: what a metric means, from its definition in the code."""

from difflib import get_close_matches
from textwrap import fill

import click

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.clock import wall_ms
from stream.core.metrics import REGISTRY
from stream.core.metrics.metric import Family, Metric
from stream.errors import CxgaugeError
from stream.exporter.pipeline_metrics import FAMILIES

WINDOWS = (
    "Rolling over event time, in buckets of 1 minute (windows up to 1 h), 15 minutes (up to 24 h) or 1 hour. The last "
    "bucket is the one that now is in, so a window is up to one bucket short. Late events correct the past."
)
STOCKS = "The families without `window` hold what is known now."
STOCK_ONLY = "None: what is known now."


@click.command()
@click.argument("metric", required=False)
@click.option("--customer", help="Instead: what is kept of this customer, and what it contributes.")
@click.pass_obj
def explain(configuration: Configuration, metric: str | None, customer: str | None) -> None:
    """Say what METRIC means: a metric's name (nps) or a series' (cx_nps_score). Without one, list them all."""
    if customer is not None:
        if metric is not None:
            raise click.UsageError("METRIC and --customer are two questions")
        from stream.config.aggregation import aggregation_config  # noqa: PLC0415 - likewise
        from stream.operations.inspection import customer as person  # noqa: PLC0415 - needs Kafka's client, which metrics do not

        settings = configuration.load()
        entities = run(settings.kafka, person.read_entities(settings, customer))
        click.echo(
            "\n".join(person.format_customer(customer, entities, aggregation_config(settings), wall_ms()))
        )
    elif metric is None:
        width = max(map(len, REGISTRY))
        for name, each in REGISTRY.items():
            click.echo(f"{name:{width}}  {each.title}: {each.formula}")
    elif metric in FAMILIES:
        kind, text = FAMILIES[metric]
        click.echo(f"{metric} ({kind}), a series of the pipeline: no view, no window\n\n  {text}")
    else:
        click.echo(format_metric(find(metric)))


def find(name: str) -> Metric:
    """The metric by its name, its title or one of its series. Raises CxgaugeError naming the nearest one."""
    known = {
        alias.lower(): metric
        for metric in REGISTRY.values()
        for alias in (
            metric.name,
            *metric.title.replace(" ", "_").split("_/_"),
            *(family.name for family in metric.families),
        )
    }
    wanted = name.lower().replace("-", "_").replace(" ", "_")
    if wanted in known:
        return known[wanted]
    nearest = known[get_close_matches(wanted, known, n=1, cutoff=0.0)[0]]
    raise CxgaugeError(
        f"metric: got {name!r}, did you mean {nearest.name!r}; known are {', '.join(REGISTRY)}"
    )


def format_metric(metric: Metric) -> str:
    """Everything about a metric, for a terminal."""
    series = [f"  {signature(family)}  ({family.type})\n      {family.help}" for family in metric.families]
    parts = {
        "Definition": metric.definition,
        "Formula": metric.formula,
        "Not counted": metric.excluded,
        "Source": metric.source,
        "Window": window(metric),
    }
    return "\n\n".join(
        [
            f"{metric.title} ({metric.name}), version {metric.version}",
            *(
                f"{name}\n{fill(text, 100, initial_indent='  ', subsequent_indent='  ')}"
                for name, text in parts.items()
            ),
            "\n".join(["Series (all with `view` and its labels)", *series]),
            f"PromQL\n  {metric.example}",
        ]
    )


def window(metric: Metric) -> str:
    """By which rule the families of a metric go: rolling, as of now, or some of each."""
    windowed = {family.windowed for family in metric.families}
    if windowed == {True, False}:
        return f"{WINDOWS} {STOCKS}"
    return WINDOWS if True in windowed else STOCK_ONLY


def signature(family: Family) -> str:
    """Name and labels of a family, without the view's."""
    labels = (*family.labels, *(["window"] if family.windowed else []))
    return f"{family.name}{{{', '.join(labels)}}}" if labels else family.name
