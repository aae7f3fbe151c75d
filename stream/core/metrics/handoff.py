"""Response time of people after a bot's handoff."""

from collections.abc import Iterator

from stream.core.metrics.durations import duration_samples, quantile_family, spread
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.tickets import HANDOFF, HandoffLayout
from stream.core.model.time_buckets import Window

SECONDS = quantile_family(
    "cx_handoff_response_seconds", "Time from a bot's handoff to the agent's next contact"
)
MEAN = Family(
    "cx_handoff_response_mean_seconds",
    "Mean time from a bot's handoff to the agent's next contact",
    unit="seconds",
)
COUNT = Family(
    "cx_handoff_responses", "Handoffs followed by a contact of an agent, at the time of that contact"
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield quantiles and mean if there are responses, and always the count."""
    vector = context.flow(HANDOFF).get((), {})
    n = vector.get(HandoffLayout.RESPONSES, 0)
    if n:
        yield from duration_samples(SECONDS, MEAN, vector, HandoffLayout.RESPONSES)
    yield Sample(COUNT, (), n)


METRIC = Metric(
    name="handoff",
    version=2,
    title="Handoff",
    definition=(
        "Time from each handoff by a bot to the agent's next contact (public message or handled interaction), "
        "if there is one, counted at its time, with the dimensions then. A handoff neither opens nor ends a "
        "contact cycle. Two handoffs before one contact are two responses."
    ),
    formula="next contact of an agent - handoff",
    excluded=("Handoffs that no contact follows. Tickets without a creation, merged and deleted tickets."),
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
    compared=(MEAN, COUNT),
    headlines=(
        Headline("Handoff p90", SECONDS, "lower", ("0.9",), sample_size=COUNT, timeline_family=SECONDS),
    ),
)
