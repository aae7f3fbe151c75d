"""How long people take over from a bot."""

from collections.abc import Iterator

from stream.core.metrics.durations import duration_samples, quantile_family, spread
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.tickets import HANDOFF, HandoffLayout
from stream.core.model.time_buckets import Window

SECONDS = quantile_family(
    "cx_handoff_response_seconds", "Time from a bot's handoff to the next public agent message"
)
MEAN = Family(
    "cx_handoff_response_mean_seconds",
    "Mean time from a bot's handoff to the next public agent message",
    unit="seconds",
)
COUNT = Family("cx_handoff_responses", "Handoffs that a public agent message followed, at its time")


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Quantiles and mean when there are any; the count always."""
    have = context.flow(HANDOFF).get((), {})
    n = have.get(HandoffLayout.RESPONSES, 0)
    if n:
        yield from duration_samples(SECONDS, MEAN, have, HandoffLayout.RESPONSES)
    yield Sample(COUNT, (), n)


METRIC = Metric(
    name="handoff",
    title="Handoff",
    definition=(
        "From each handoff by a bot to the next public agent message, if one comes, at that message's time. It ends and "
        "opens no contact cycle."
    ),
    formula="next public agent message - handoff",
    excluded=(
        "Handoffs that no public agent message follows. Tickets without a creation, merged and "
        "deleted tickets."
    ),
    source="agent response after a bot's handoff, kept apart from the first response as Chatwoot's issue 8477 asks",
    example='cx_handoff_response_seconds{view="total", window="24h", quantile="0.9"}',
    aggregates=(HANDOFF,),
    families=(SECONDS, MEAN, COUNT),
    panels=(
        Panel(
            title="Response after a bot's handoff",
            lines=spread(SECONDS, MEAN),
            samples=(Line(COUNT),),
            min=0,
        ),
    ),
    read_flows=read_flows,
    headlines=(
        Headline("Handoff p90", SECONDS, "lower", ("0.9",), sample_size=COUNT, timeline_family=SECONDS),
    ),
)
