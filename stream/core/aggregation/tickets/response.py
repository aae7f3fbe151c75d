"""How a response is judged: by the target and the calendar that hold for the ticket's dimensions at the response."""

from msgspec import Struct

from stream.core.aggregation.tickets.history import Interval
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.business_hours import BusinessHours
from stream.core.model.response_targets import ResponseTarget

MAX_CACHED_TARGETS = 50_000
"""Value tuples whose target is cached."""


class Judgement(Struct, gc=False, frozen=True):
    """A response time in ms, and whether it is over the target. `worked` is business time, None without a calendar."""

    elapsed: int
    worked: int | None
    late: bool
    late_in_business: bool


def target_of(
    values: DimensionValues, config: AggregationConfig
) -> tuple[ResponseTarget, BusinessHours | None]:
    """Return the response target and the business hours for a ticket with these values."""
    known = config.target_cache.get(values)
    if known is None:
        if len(config.target_cache) >= MAX_CACHED_TARGETS:
            config.target_cache.clear()
        channel, _, team, priority = (*values, None, None, None, None)[:4]
        hours = config.business_hours(channel, team) if config.calendars else None
        known = config.target_cache[values] = config.target_table.of(channel, priority), hours
    return known


def judge(response: Interval, values: DimensionValues, config: AggregationConfig) -> Judgement:
    """Judge a response by the dimension values at its moment. A target in business hours needs a calendar, too."""
    opened, replied = response
    target, hours = target_of(values, config)
    elapsed = replied - opened
    worked = None if hours is None else hours.between(opened, replied)
    counted = worked if worked is not None and target.hours == "business" else elapsed
    return Judgement(
        elapsed, worked, counted > target.duration, worked is not None and worked > target.duration
    )


def overdue_from(opened: int, values: DimensionValues, config: AggregationConfig) -> int | None:
    """Return the first moment at which a wait since `opened` (ms) is over the target, as `judge` does for a response.

    None if that takes more than twenty years of business hours.
    """
    target, hours = target_of(values, config)
    if hours is None or target.hours != "business":
        return opened + target.duration + 1
    return hours.after(opened, target.duration + 1)
