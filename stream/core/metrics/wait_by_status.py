"""Who waited in resolved tickets: the requester or the agent, by the ticket's statuses."""

from collections.abc import Iterator

from stream.core.metrics.durations import duration_samples, quantile_family
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.metrics.resolution import LAST, RESOLVED
from stream.core.model.aggregates.tickets import STATUS_WAIT, StatusWaitLayout
from stream.core.model.money import join
from stream.core.model.time_buckets import Window

REQUESTER = quantile_family(
    "cx_requester_wait_seconds", "Time that a resolved ticket was new, open or on hold until its last solve"
)
REQUESTER_MEAN = Family(
    "cx_requester_wait_mean_seconds",
    "Mean time that a resolved ticket was new, open or on hold",
    unit="seconds",
)
AGENT_MEAN = Family(
    "cx_agent_wait_mean_seconds", "Mean time that a resolved ticket was pending", unit="seconds"
)
ON_HOLD_MEAN = Family(
    "cx_on_hold_mean_seconds", "Mean time that a resolved ticket was on hold", unit="seconds"
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield quantiles and means if any ticket was resolved."""
    vector = context.flow(STATUS_WAIT).get((), {})
    if n := vector.get(StatusWaitLayout.REQUESTER, 0):
        yield from duration_samples(REQUESTER, REQUESTER_MEAN, vector, StatusWaitLayout.REQUESTER)
        yield Sample(AGENT_MEAN, (), join(vector, StatusWaitLayout.AGENT) / n / 1000)
        yield Sample(ON_HOLD_MEAN, (), join(vector, StatusWaitLayout.ON_HOLD) / n / 1000)


METRIC = Metric(
    name="wait_by_status",
    version=2,
    title="Wait by status",
    definition=(
        "Of a resolved ticket, from its creation to its last solve, counted at that solve with the dimensions "
        "then. Requester wait is the time in new, open and on_hold, agent wait the time in pending, on hold "
        "the time in on_hold. Before its first status a ticket is new. Time between a solve and a reopening is "
        "none of them. Calendar time. Means are over all resolved tickets, zeros included."
    ),
    formula="requester wait + agent wait + time solved in between = full resolution time",
    excluded="Unresolved, merged and deleted tickets, and tickets without a creation.",
    source="requester and agent wait time as in Zendesk's metric definitions",
    example='cx_requester_wait_mean_seconds{view="team", window="7d"} / 3600',
    aggregates=(STATUS_WAIT,),
    families=(REQUESTER, REQUESTER_MEAN, AGENT_MEAN, ON_HOLD_MEAN),
    panels=(
        Panel(
            title="Who waits",
            lines=(
                Line(REQUESTER_MEAN, "requester"),
                Line(AGENT_MEAN, "agent"),
                Line(ON_HOLD_MEAN, "on hold"),
            ),
            samples=(Line(RESOLVED, where=LAST),),
            min=0,
        ),
    ),
    read_flows=read_flows,
    compared=(REQUESTER_MEAN, AGENT_MEAN, ON_HOLD_MEAN),
    headlines=(
        Headline(
            "Requester wait",
            REQUESTER_MEAN,
            "lower",
            sample_size=RESOLVED,
            timeline_family=REQUESTER_MEAN,
            sample_labels=LAST,
        ),
    ),
)
