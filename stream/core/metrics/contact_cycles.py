"""Contact cycles by fate: answered in time, or overdue as soon as the target passes."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.tickets import CYCLES_DUE, CyclesDueLayout
from stream.core.model.time_buckets import Window

FATES = {"in_time": CyclesDueLayout.IN_TIME, "overdue": CyclesDueLayout.OVERDUE}
DUE = Family(
    "cx_contact_cycles_due",
    "Contact cycles in the window: answered in time, at the reply; overdue, when their target passed",
    ("fate",),
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield the numbers of contact cycles."""
    vector = context.flow(CYCLES_DUE).get((), {})
    for name, component in FATES.items():
        yield Sample(DUE, (name,), vector.get(component, 0))


METRIC = Metric(
    name="contact_cycles",
    version=2,
    title="Contact cycles",
    definition=(
        "Contact cycles (see first_response) as soon as their fate is known. In time: the agent's first contact, "
        "at its moment. Overdue: the first moment at which a ticket has waited longer than its target, in business "
        "hours if the target says so. Every window counts it from that minute on, whether a reply follows or not. "
        "Dimensions, target and calendar are those of that moment. A later transfer does not move an overdue cycle, "
        "and an update to a target that has already passed makes a cycle overdue at once. A solve ends the wait. A "
        "contact after it is in time, or overdue at the contact."
    ),
    formula="count of contact cycles; overdue when now - opening > target",
    excluded=(
        "Cycles that a solve ended before the target, if no contact follows. Reply cycles (see next_response), "
        "which have no targets. Merged and deleted tickets, tickets without a creation. Erased ones that were "
        "not resolved."
    ),
    source="first reply time in SLA policies, as of Zendesk: breached when the target passes, not at the reply",
    example='cx_contact_cycles_due{view="channel", window="1h", fate="overdue"}',
    aggregates=(CYCLES_DUE,),
    families=(DUE,),
    panels=(Panel(title="Contact cycles due", lines=(Line(DUE, by=("fate",)),), min=0),),
    read_flows=read_flows,
    headlines=(Headline("Overdue first responses", DUE, "lower", ("overdue",), timeline_family=DUE),),
)
