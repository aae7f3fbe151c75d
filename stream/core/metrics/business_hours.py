"""First response and resolution time in business hours."""

from collections.abc import Iterator

from stream.core.metrics.durations import duration_samples, quantile_family, spread
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.metrics.resolution import LAST, STAGES
from stream.core.model.aggregates.tickets import BUSINESS, BusinessLayout
from stream.core.model.histogram import COUNT, merge
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
RESPONSES = Family("cx_first_responses_business", "First responses with a time in business hours")
RESOLUTION = quantile_family("cx_resolution_business_seconds", "Resolution time in business hours", "stage")
RESOLUTION_MEAN = Family(
    "cx_resolution_business_mean_seconds",
    "Mean resolution time in business hours",
    ("stage",),
    unit="seconds",
)
SOLVED = Family(
    "cx_resolved_business_tickets", "Tickets with a resolution time in business hours", ("stage",)
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield quantiles and means of first responses and solves, if there are any, and the counts.

    Without a configured calendar there is nothing.
    """
    if not context.config.calendars:
        return
    vector = context.flow(BUSINESS).get((), {})
    if n := vector.get(BusinessLayout.RESPONSES, 0):
        yield from duration_samples(RESPONSE, RESPONSE_MEAN, vector, BusinessLayout.RESPONSES)
        yield Sample(RATIO, (), (n - vector.get(BusinessLayout.LATE, 0)) / n)
    yield Sample(RESPONSES, (), n)
    for stage, base in STAGES.items():
        solves = merge(vector, BusinessLayout.ONCE, base)
        if solves:
            yield from duration_samples(RESOLUTION, RESOLUTION_MEAN, solves, 0, stage)
        yield Sample(SOLVED, (stage,), solves.get(COUNT, 0))


METRIC = Metric(
    name="business_hours",
    version=2,
    title="Business hours",
    definition=(
        "First response and resolution in business time, by the first calendar that applies to the ticket's "
        "channel and team at that moment. Tickets without such a calendar do not count. A shift belongs to "
        "the day on which it begins, and no shift begins on a holiday. A later version of a calendar replaces "
        "it from its first day on. The ratio compares business time with the target, whatever its hours."
    ),
    formula="business time between the same two moments",
    excluded="Tickets for which no calendar holds. Without a configured calendar there are no series.",
    source="business-hours variants as in Zendesk's metric definitions",
    example='cx_first_response_business_mean_seconds{view="total", window="7d"}',
    aggregates=(BUSINESS,),
    families=(RESPONSE, RESPONSE_MEAN, RATIO, RESPONSES, RESOLUTION, RESOLUTION_MEAN, SOLVED),
    panels=(
        Panel(
            title="First response, business hours",
            lines=spread(RESPONSE, RESPONSE_MEAN),
            samples=(Line(RESPONSES),),
            min=0,
        ),
        Panel(
            title="Within target, business hours",
            lines=(Line(RATIO),),
            samples=(Line(RESPONSES),),
            min=0,
            max=1,
        ),
        Panel(
            title="Resolution, business hours",
            lines=spread(RESOLUTION, RESOLUTION_MEAN, LAST),
            samples=(Line(SOLVED, where=LAST),),
            min=0,
        ),
    ),
    read_flows=read_flows,
    compared=(RESPONSE_MEAN, RATIO, RESPONSES, RESOLUTION_MEAN, SOLVED),
    headlines=(
        Headline(
            "FRT p90, business hours",
            RESPONSE,
            "lower",
            ("0.9",),
            sample_size=RESPONSES,
            timeline_family=RESPONSE,
        ),
    ),
)
