"""Average handle time of calls, chats and the like."""

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
    "cx_handle_leg_mean_seconds", "The same time per leg: each agent's part of an interaction", unit="seconds"
)
COUNT = Family("cx_handled_interactions", "Interactions handled by people in the window")
LEFT = Family("cx_abandoned_interactions", "Interactions that the customer left before anyone took them")


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Quantiles and means when anything was handled; the counts always."""
    have = context.flow(HANDLE).get((), {})
    n = have.get(HandleLayout.HANDLED, 0)
    if n:
        yield from duration_samples(SECONDS, MEAN, have, HandleLayout.HANDLED)
        yield Sample(
            LEG_MEAN, (), join(have, HandleLayout.HANDLED + SUM) / join(have, HandleLayout.LEGS) / 1000
        )
    yield Sample(COUNT, (), n)
    yield Sample(LEFT, (), have.get(HandleLayout.ABANDONED, 0))


METRIC = Metric(
    name="aht",
    title="AHT",
    definition=(
        "Talk, hold and wrap-up of an interaction that people handled, each in whole milliseconds, at the end of wrap-up. "
        "Waiting in the queue is not in it. Abandoned interactions are counted apart, those of a bot are not counted. Per "
        "leg: the same sum over the legs."
    ),
    formula="(talk + hold + wrap-up) / handled interactions",
    excluded=(
        "Interactions of bots. Abandoned ones are in cx_abandoned_interactions only. All revisions "
        "but the highest."
    ),
    source="average handle time as in Genesys Cloud's metric definitions",
    example='cx_handle_mean_seconds{view="channel", window="24h"}',
    aggregates=(HANDLE,),
    families=(SECONDS, MEAN, LEG_MEAN, COUNT, LEFT),
    panels=(
        Panel(
            title="Handle time",
            lines=(*spread(SECONDS, MEAN), Line(LEG_MEAN, "mean per leg")),
            samples=(Line(COUNT),),
            min=0,
        ),
        Panel(title="Interactions", lines=(Line(COUNT, "handled"), Line(LEFT, "abandoned")), min=0),
    ),
    read_flows=read_flows,
    headlines=(Headline("AHT", MEAN, "lower", sample_size=COUNT, timeline_family=MEAN),),
)
