"""First response time, by contact cycle."""

from collections.abc import Iterator

from stream.core.metrics import shares
from stream.core.metrics.durations import duration_samples, quantile_family, spread
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.tickets import FIRST_RESPONSE, ResponseTimeLayout
from stream.core.model.time_buckets import Window

SECONDS = quantile_family(
    "cx_first_response_seconds", "Time from the opening of a contact cycle to the agent's first contact"
)
MEAN = Family("cx_first_response_mean_seconds", "Mean time to the first response", unit="seconds")
COUNT = Family("cx_first_responses", "First responses in the window")
WITHIN_TARGET = Family(
    "cx_first_responses_within_target",
    "First responses within the target of channel and priority at the reply",
)
RATIO = Family(
    "cx_first_response_within_target_ratio",
    "Share of first responses within their target, 0 to 1",
    unit="ratio",
)
LOW, HIGH = BOUNDS = shares.bounds_of(RATIO, "first responses within their target")
UNANSWERED = Family("cx_resolved_unanswered_tickets", "Solves without an agent's contact before them")


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield quantiles, mean and share if there are responses, and always the counts."""
    vector = context.flow(FIRST_RESPONSE).get((), {})
    n = vector.get(ResponseTimeLayout.RESPONSES, 0)
    within = n - vector.get(ResponseTimeLayout.LATE, 0)
    if n:
        yield from duration_samples(SECONDS, MEAN, vector, ResponseTimeLayout.RESPONSES)
        yield from shares.share_samples(RATIO, BOUNDS, within, n)
    yield Sample(COUNT, (), n)
    yield Sample(WITHIN_TARGET, (), within)
    yield Sample(UNANSWERED, (), vector.get(ResponseTimeLayout.UNANSWERED, 0))


METRIC = Metric(
    name="first_response",
    version=2,
    title="FRT",
    definition=(
        "A contact cycle opens when the customer, a bot or a system creates the ticket, at the customer's "
        "first public message in a ticket that an agent opened, and when a ticket is reopened, which discards "
        "a cycle without an end. It ends at the agent's first contact, even after the solve: a public message, "
        "or a handled interaction at its start. A cycle that opens during an interaction ends at once. Bots, "
        "internal notes and statuses do not end it. It counts at the time of the contact, with the dimensions, "
        "target and calendar that held then. At one moment a reply comes before a solve."
    ),
    formula="first contact of an agent - opening of the contact cycle",
    excluded=(
        "Tickets without a creation, merged and deleted tickets. Internal notes, messages of bots and "
        "systems, abandoned interactions. What is dated before the creation."
    ),
    source="first reply time as in Zendesk's metric definitions, by contact cycle",
    example='cx_first_response_seconds{view="channel", window="24h", quantile="0.9"}',
    aggregates=(FIRST_RESPONSE,),
    families=(SECONDS, MEAN, COUNT, WITHIN_TARGET, RATIO, LOW, HIGH, UNANSWERED),
    panels=(
        Panel(
            title="First response time",
            lines=spread(SECONDS, MEAN),
            samples=(Line(COUNT),),
            min=0,
        ),
        Panel(
            title="First response within target",
            lines=(Line(RATIO),),
            bounds=(LOW, HIGH),
            samples=(Line(COUNT),),
            min=0,
            max=1,
        ),
        Panel(title="Solved without an answer", lines=(Line(UNANSWERED),), min=0),
    ),
    read_flows=read_flows,
    compared=(MEAN, COUNT, WITHIN_TARGET, RATIO),
    headlines=(
        Headline("FRT p90", SECONDS, "lower", ("0.9",), sample_size=COUNT, timeline_family=SECONDS),
        Headline("FRT within target", RATIO, "higher", (), LOW, HIGH, COUNT, RATIO),
    ),
)
