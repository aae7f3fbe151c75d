"""`cxgauge explain`: print the definition of a metric, or the stored state of a customer."""

from textwrap import fill

import click

from stream.cli.aio import run
from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.clock import wall_ms
from stream.core.metrics import REGISTRY
from stream.core.metrics.headlines import HEADLINES
from stream.core.metrics.metric import Family, Metric, previous
from stream.errors import CxgaugeError
from stream.exporter import incidents, unusual
from stream.exporter.pipeline_metrics import FAMILIES
from stream.resources import series as resources
from stream.suggestions import did_you_mean
from stream.text import printable

WINDOWS = (
    "Rolling over event time, in buckets of 1 minute (windows up to 1 h), 15 minutes (up to 24 h) or 1 hour. The last "
    "bucket is the current one, so a window is up to one bucket short. Late events correct the past."
)
AS_OF_NOW = "Series without `window` are as of now."
SPLIT = (
    "The live page and `cxgauge top --view` split the change from it by label value into mix (its share changed) and rate "
    "(its value changed), which add up to the change."
)
ONLY_AS_OF_NOW = "None: the value is as of now."


@click.command()
@click.argument("metric", required=False)
@click.option(
    "--customer", help="Show the stored state of the customer with this ID, and its contributions to metrics."
)
@click.pass_obj
def explain(configuration: Configuration, metric: str | None, customer: str | None) -> None:
    """Explain METRIC, the name of a metric (nps) or of a series (cx_nps_score).

    Without METRIC, list all metrics.
    """
    if customer is not None:
        if metric is not None:
            raise click.UsageError("METRIC and --customer cannot be used together")
        from stream.config.aggregation import aggregation_config  # noqa: PLC0415 - only this branch needs it

        # imported here, because explaining a metric does not need Kafka's client
        from stream.operations.inspection import customer as stored_customer  # noqa: PLC0415

        settings = configuration.load()
        entities = run(settings.kafka, stored_customer.read_entities(settings, customer))
        config = aggregation_config(settings)
        for line in stored_customer.format_customer(customer, entities, config, wall_ms()):
            echo(printable(line))  # a line end in a value begins no line
    elif metric is None:
        width = max(map(len, REGISTRY))
        for name, listed in REGISTRY.items():
            echo(f"{name:{width}}  {listed.title}: {listed.formula}")
    else:
        echo(_series_text(metric) or format_metric(find_metric(metric)))


def _series_text(name: str) -> str:
    """Return the text about a series that is of no metric, empty for others."""
    if name in FAMILIES:
        kind, text = FAMILIES[name]
        return f"{name} ({kind}), a series of the pipeline, without view and window\n\n  {text}"
    if name in unusual.FAMILIES:
        return f"{name} (gauge), a series about unusual figures, without window\n\n  {unusual.FAMILIES[name]}"
    if name in incidents.FAMILIES:
        return f"{name} (gauge), a series about incidents, without window\n\n  {incidents.FAMILIES[name][1]}"
    if name in resources.FAMILIES:
        return f"{name} (gauge), a series of worker, exporter and intake\n\n  {resources.FAMILIES[name][0]}"
    return _operational_text(name) if name.startswith("cxgauge_") else ""


def _operational_text(name: str) -> str:
    # imported here, because it imports all services
    from stream.cli.references import operational_series  # noqa: PLC0415

    return next(
        (
            f"{name} ({series.kind}), a series of the {service}\n\n  {series.text}"
            for service, served in operational_series().items()
            for series in served
            if series.name == name
        ),
        "",
    )


def find_metric(name: str) -> Metric:
    """Return the metric with this name, title or series. Raises CxgaugeError with the nearest name."""
    by_alias = {
        alias.lower(): metric
        for metric in REGISTRY.values()
        for alias in (
            metric.name,
            *metric.title.replace(" ", "_").split("_/_"),
            *(family.name for family in metric.all_families),
        )
    }
    wanted = name.lower().replace("-", "_").replace(" ", "_")
    if wanted in by_alias:
        return by_alias[wanted]
    nearest = did_you_mean(wanted, by_alias)
    raise CxgaugeError(f"metric: got {name!r}{nearest}; allowed are {', '.join(REGISTRY)}, and their series")


def format_metric(metric: Metric) -> str:
    """Format a metric for a terminal: definition, formula, source, window, series and example."""
    series = [f"  {signature(family)}  ({family.type})\n      {family.help}" for family in metric.families]
    parts = {
        "Definition": metric.definition,
        "Formula": metric.formula,
        "Not counted": metric.excluded,
        "Source": metric.source,
        "Window": window_text(metric),
    }
    return "\n\n".join(
        [
            f"{metric.title} ({metric.name}), version {metric.version}",
            *(
                f"{name}\n{fill(text, 100, initial_indent='  ', subsequent_indent='  ')}"
                for name, text in parts.items()
            ),
            "\n".join(["Series (all with `view` and its labels)", *series, *_previous(metric)]),
            f"PromQL\n  {metric.example}",
        ]
    )


def _previous(metric: Metric) -> list[str]:
    """Return the lines about the window before each window, none if nothing is compared with it."""
    names = ", ".join(previous(family).name for family in metric.compared)
    texts = [f"In the window before: {names}"] if names else []
    if any(shown.is_compared_mean for shown in HEADLINES if shown.metric is metric):
        texts.append(SPLIT)
    return [fill(text, 100, initial_indent="  ", subsequent_indent="      ") for text in texts]


def window_text(metric: Metric) -> str:
    """Return the text about windows: rolling, as of now, or both."""
    windowed = {family.windowed for family in metric.families}
    if windowed == {True, False}:
        return f"{WINDOWS} {AS_OF_NOW}"
    return WINDOWS if True in windowed else ONLY_AS_OF_NOW


def signature(family: Family) -> str:
    """Return name and labels of a family, without the labels of views."""
    labels = (*family.labels, *(["window"] if family.windowed else []))
    return f"{family.name}{{{', '.join(labels)}}}" if labels else family.name
