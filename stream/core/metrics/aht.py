"""Average handle time of calls, chats and the like."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stream.core.buckets import Window
from stream.core.metric import Family, Metric, Sample, Sight
from stream.core.metrics.durations import quantile_family, shown
from stream.core.money import joined, split
from stream.core.sketch import SPAN, SUM, enter
from stream.core.tally import Tally, Vector

if TYPE_CHECKING:
    from stream.core.interactions import Interaction

ABANDONED, LEGS = 0, 1
"""Components; legs have two, see `money`."""
HANDLED = SPAN
"""Where the distribution begins."""

SECONDS = quantile_family("cx_handle_seconds", "Talk, hold and wrap-up time of a handled interaction")
MEAN = Family("cx_handle_mean_seconds", "Mean talk, hold and wrap-up time of a handled interaction")
LEG_MEAN = Family("cx_handle_leg_mean_seconds", "The same time per leg: each agent's part of an interaction")
COUNT = Family("cx_handled_interactions", "Interactions handled by people in the window")
LEFT = Family("cx_abandoned_interactions", "Interactions that the customer left before anyone took them")


def vector(interaction: "Interaction") -> Vector:
    """What an interaction adds: one handled by a bot nothing."""
    if interaction.outcome == "abandoned":
        return {ABANDONED: 1}
    made: Vector = {}
    if interaction.outcome == "handled":
        enter(made, HANDLED, interaction.elapsed)
        made |= split(interaction.legs, LEGS)
    return made


def read(sight: Sight, _: Window) -> Iterator[Sample]:
    """Quantiles and means when anything was handled; the counts always."""
    have = sight.flow("handle").get((), {})
    n = have.get(HANDLED, 0)
    if n:
        yield from shown(SECONDS, MEAN, have, HANDLED)
        yield Sample(LEG_MEAN, (), joined(have, HANDLED + SUM) / joined(have, LEGS) / 1000)
    yield Sample(COUNT, (), n)
    yield Sample(LEFT, (), have.get(ABANDONED, 0))


METRIC = Metric(
    name="aht",
    title="AHT",
    definition=(
        "Talk, hold and wrap-up of an interaction that people handled, each in whole milliseconds, at the end of wrap-up. "
        "Waiting in the queue is not in it. Abandoned interactions are counted apart, those of a bot are not counted. Per "
        "leg: the same sum over the legs."
    ),
    formula="(talk + hold + wrap-up) / handled interactions",
    source="average handle time as in Genesys Cloud's metric definitions",
    example='cx_handle_mean_seconds{view="channel", window="24h"}',
    tallies=(Tally("handle", counts=(ABANDONED, HANDLED)),),
    families=(SECONDS, MEAN, LEG_MEAN, COUNT, LEFT),
    read=read,
)
