"""Why customers left, as their exit answers say."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.metrics.top import largest_counts
from stream.core.model.aggregates.joined import CHURN_EXIT, CHURN_EXIT_REASONS, ChurnExitLayout
from stream.core.model.time_buckets import Window

ANSWERED = Family("cx_churn_exit_answered", "Churns in the window whose customer gave an exit answer")
REASONS = Family(
    "cx_churn_exit_reasons", "Churns in the window, by reason of the customer's exit answer", ("reason",)
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the churns with an exit answer, and those by its most frequent reasons."""
    yield Sample(ANSWERED, (), context.flow(CHURN_EXIT).get((), {}).get(ChurnExitLayout.CHURNS, 0))
    counts = {
        reason: vector.get(ChurnExitLayout.CHURNS, 0)
        for (reason,), vector in context.flow(CHURN_EXIT_REASONS).items()
    }
    for reason, n in largest_counts(counts, context.config.top):
        yield Sample(REASONS, (reason,), n)


METRIC = Metric(
    name="exit_reasons",
    version=2,
    title="Exit reasons",
    definition=(
        "Churns whose customer gave an exit answer from 30 days before to 7 days after, at the churn's time, by each reason "
        "of the newest of these answers. A churn counts under every reason of it. The most frequent reasons of the window are "
        "shown, the others together as __other__. Given reasons are associations, not causes. An answer that names a ticket "
        "but no customer is not joined."
    ),
    formula="count of churns",
    excluded="Dismissed and deleted answers. The reason of a churn event itself is in cx_churned_customers.",
    source="the codes are the publisher's",
    example='topk(5, cx_churn_exit_reasons{view="total", window="30d"})',
    aggregates=(CHURN_EXIT, CHURN_EXIT_REASONS),
    families=(ANSWERED, REASONS),
    panels=(
        Panel(
            title="Churns by exit reason",
            lines=(Line(REASONS, by=("reason",)), Line(ANSWERED, "answered")),
            min=0,
        ),
    ),
    read_flows=read_flows,
    headlines=(Headline("Churns with exit answer", ANSWERED, "higher", timeline_family=ANSWERED),),
)
