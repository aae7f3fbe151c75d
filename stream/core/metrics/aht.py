"""Average handle time of calls, chats and other interactions."""

from collections.abc import Iterator

from stream.core.metrics.durations import duration_samples, quantile_family, spread
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.tickets import HANDLE, HandleLayout
from stream.core.model.histogram import SUM
from stream.core.model.money import join
from stream.core.model.time_buckets import Window

SECONDS = quantile_family("cx_handle_seconds", "Talk, hold and wrap-up time of a handled interaction")
MEAN = Family(
    "cx_handle_mean_seconds", "Mean talk, hold and wrap-up time of a handled interaction", unit="seconds"
)
LEG_MEAN = Family(
    "cx_handle_leg_mean_seconds",
    "Mean handle time per leg, the part of an interaction that one agent handled",
    unit="seconds",
)
PART_MEAN = Family(
    "cx_handle_part_mean_seconds",
    "Mean talk, hold or wrap-up time of a handled interaction",
    ("part",),
    unit="seconds",
)
PARTS = {"talk": HandleLayout.TALK, "hold": HandleLayout.HOLD, "wrap": HandleLayout.WRAP}
COUNT = Family("cx_handled_interactions", "Interactions handled by people in the window")
ABANDONED = Family(
    "cx_abandoned_interactions", "Interactions abandoned by the customer before an agent took them"
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield quantiles and means if any interaction was handled, and always the counts."""
    vector = context.flow(HANDLE).get((), {})
    n = vector.get(HandleLayout.HANDLED, 0)
    if n:
        yield from duration_samples(SECONDS, MEAN, vector, HandleLayout.HANDLED)
        yield Sample(
            LEG_MEAN, (), join(vector, HandleLayout.HANDLED + SUM) / join(vector, HandleLayout.LEGS) / 1000
        )
        for part, base in PARTS.items():
            yield Sample(PART_MEAN, (part,), join(vector, base) / n / 1000)
    yield Sample(COUNT, (), n)
    yield Sample(ABANDONED, (), vector.get(HandleLayout.ABANDONED, 0))


METRIC = Metric(
    name="aht",
    version=2,
    title="AHT",
    definition=(
        "Talk, hold and wrap-up time of an interaction that people handled, each in whole milliseconds, "
        "counted at the end of wrap-up (the earliest of its revisions). Time in the queue is not included. "
        "Abandoned interactions are counted separately, those of bots are not counted. The mean per leg is "
        "the same sum divided by the number of legs. The three parts add up to the mean."
    ),
    formula="(talk + hold + wrap-up) / handled interactions",
    excluded=(
        "Interactions of bots. Abandoned ones are in cx_abandoned_interactions only. All revisions "
        "but the highest, of equal ones all but the newest."
    ),
    source="average handle time as in Genesys Cloud's metric definitions",
    example='cx_handle_mean_seconds{view="channel", window="24h"}',
    aggregates=(HANDLE,),
    families=(SECONDS, MEAN, LEG_MEAN, PART_MEAN, COUNT, ABANDONED),
    panels=(
        Panel(
            title="Handle time",
            lines=(*spread(SECONDS, MEAN), Line(LEG_MEAN, "mean per leg")),
            samples=(Line(COUNT),),
            min=0,
        ),
        Panel(
            title="Parts of handle time",
            lines=(Line(PART_MEAN, by=("part",)),),
            samples=(Line(COUNT),),
            min=0,
        ),
        Panel(title="Interactions", lines=(Line(COUNT, "handled"), Line(ABANDONED, "abandoned")), min=0),
    ),
    read_flows=read_flows,
    compared=(MEAN, LEG_MEAN, PART_MEAN, COUNT),
    headlines=(Headline("AHT", MEAN, "lower", sample_size=COUNT, timeline_family=MEAN),),
)
