"""First response and resolution in business hours, beside the figures in calendar time."""

from collections.abc import Iterator

from stream.core.metrics.durations import duration_samples, quantile_family, spread
from stream.core.metrics.first_response import COUNT as ALL_RESPONSES
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.metrics.resolution import LAST, RESOLVED, STAGES
from stream.core.model.aggregates.tickets import BUSINESS, BusinessLayout
from stream.core.model.histogram import merge
from stream.core.model.time_buckets import Window

RESPONSE = quantile_family("cx_first_response_business_seconds", "First response time in business hours")
RESPONSE_MEAN = Family(
    "cx_first_response_business_mean_seconds", "Mean first response time in business hours", unit="seconds"
)
RATIO = Family(
    "cx_first_response_business_within_target_ratio",
    "Share of first responses whose time in business hours is within their target, 0 to 1",
    unit="ratio",
)
RESOLUTION = quantile_family("cx_resolution_business_seconds", "Resolution time in business hours", "stage")
RESOLUTION_MEAN = Family(
    "cx_resolution_business_mean_seconds",
    "Mean resolution time in business hours",
    ("stage",),
    unit="seconds",
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """What there is, while a calendar is configured."""
    have = context.flow(BUSINESS).get((), {}) if context.config.calendars else {}
    if n := have.get(BusinessLayout.RESPONSES, 0):
        yield from duration_samples(RESPONSE, RESPONSE_MEAN, have, BusinessLayout.RESPONSES)
        yield Sample(RATIO, (), (n - have.get(BusinessLayout.LATE, 0)) / n)
    for stage, base in STAGES.items():
        solves = merge(have, BusinessLayout.ONCE, base)
        if solves:
            yield from duration_samples(RESOLUTION, RESOLUTION_MEAN, solves, 0, stage)


METRIC = Metric(
    name="business_hours",
    title="Business hours",
    definition=(
        "First response and resolution as business time: of the first calendar that holds for the ticket's channel and "
        "team, of tickets that one holds for. A shift belongs to the day it begins on; none begins on a holiday; a later "
        "version of a calendar replaces it from its day on."
    ),
    formula="business time between the same two moments",
    excluded="Tickets for which no calendar holds. Without a configured calendar there are no series.",
    source="business-hours variants as in Zendesk's metric definitions",
    example='cx_first_response_business_mean_seconds{view="total", window="7d"}',
    aggregates=(BUSINESS,),
    families=(RESPONSE, RESPONSE_MEAN, RATIO, RESOLUTION, RESOLUTION_MEAN),
    panels=(
        Panel(
            title="First response, business hours",
            lines=spread(RESPONSE, RESPONSE_MEAN),
            samples=(Line(ALL_RESPONSES, "all responses"),),
            min=0,
        ),
        Panel(
            title="Within target, business hours",
            lines=(Line(RATIO),),
            samples=(Line(ALL_RESPONSES, "all responses"),),
            min=0,
            max=1,
        ),
        Panel(
            title="Resolution, business hours",
            lines=spread(RESOLUTION, RESOLUTION_MEAN, LAST),
            samples=(Line(RESOLVED, "all resolved", where=LAST),),
            min=0,
        ),
    ),
    read_flows=read_flows,
    headlines=(
        Headline(
            "FRT p90, business hours",
            RESPONSE,
            "lower",
            ("0.9",),
            timeline_family=RESPONSE,
        ),
    ),
)
