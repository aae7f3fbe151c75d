"""The settings that change figures, as the core sees them."""

from functools import cached_property

import msgspec

from stream.core.model.aggregate import Aggregate
from stream.core.model.business_hours import BusinessHours, Calendar, business_hours_of
from stream.core.model.response_targets import ResponseTarget, ResponseTargets
from stream.core.model.time_buckets import DAY, HOUR, HOURS, MIN_HOUR_RETENTION, Window

NAMED_DIMENSIONS = ("channel", "touchpoint", "team", "priority", "program", "ticket_topic", "plan")
"""Dimensions that are fields of events: `program` of feedback, `ticket_topic` of tickets, `plan` of customers. The others
come from an event's `labels`."""
OTHER_VALUE = "__other__"
"""The label value under which all values beyond a cardinality limit are counted."""

DimensionValues = tuple[str | None, ...]
"""Values by position of the dimension. Those at the end that are None may be left out."""


class AggregationConfig(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Windows, dimensions, views and targets in force, and a hash of all settings that change figures.

    Attributes:
        labels: keys of an event's `labels` that are dimensions
        views: the dimensions of each view, by its name
        max_values: the number of values of a dimension that exporters show. Partitions keep ten times as many
        top: the number of reason codes shown
        margin_rate: share of revenue that is margin, for customers without a rate of their own
    """

    windows: tuple[Window, ...]
    labels: tuple[str, ...]
    views: dict[str, tuple[str, ...]]
    max_values: int = 200
    top: int = 50
    margin_rate: float = 1.0
    response_target: int = HOUR
    """Time in ms within which a first response is due if no entry of `response_targets` matches the ticket."""
    response_targets: dict[str, ResponseTarget] = {}
    queue_target: int = 20_000
    """Wait in ms up to which a handled interaction is within the service level."""
    calendars: tuple[Calendar, ...] = ()
    erasure_retention: int | None = 75 * DAY
    """Time in ms for which erasures are remembered after their record, None for ever."""
    keep_comments: bool = False
    """Whether comments go to the comments topic. Not part of the hash, because no figure reads them."""
    config_hash: str = ""
    installation: str = ""
    """Name in the source of derived events, empty for the default `topics.state_prefix`."""

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """Every dimension that an event may carry, in the order of the values in stored entities."""
        return (*NAMED_DIMENSIONS, *self.labels)

    @cached_property
    def projected_dimensions(self) -> tuple[int, ...]:
        """Positions in `dimensions` that any view uses. Contributions carry only the values of these."""
        used = {label for view in self.views.values() for label in view}
        return tuple(i for i, name in enumerate(self.dimensions) if name in used)

    @cached_property
    def projection_cache(self) -> dict[DimensionValues, DimensionValues]:
        """Results of `entity_store.project_dimensions`, by dimension values."""
        return {}

    @cached_property
    def target_cache(self) -> dict[DimensionValues, tuple[ResponseTarget, BusinessHours | None]]:
        """Results of `tickets.response.target_of`, by dimension values."""
        return {}

    @cached_property
    def view_indexes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The name of each view, with the positions of its labels in a contribution's values."""
        positions = {self.dimensions[i]: n for n, i in enumerate(self.projected_dimensions)}
        return tuple((name, tuple(positions[label] for label in view)) for name, view in self.views.items())

    @cached_property
    def target_table(self) -> ResponseTargets:
        """The response targets by channel and priority."""
        return ResponseTargets(self.response_target, self.response_targets)

    @cached_property
    def _business_hours(self) -> tuple[tuple[Calendar, BusinessHours], ...]:
        return business_hours_of(self.calendars)

    def business_hours(self, channel: str | None, team: str | None) -> BusinessHours | None:
        """Return the hours of the first calendar that applies to a channel and team, None if none does."""
        return next(
            (hours for calendar, hours in self._business_hours if calendar.holds(channel, team)), None
        )

    @cached_property
    def longest_window(self) -> int:
        """The length of the longest window, in ms."""
        return max(window.span for window in self.windows)

    @cached_property
    def allowed_lateness(self) -> int:
        """Time in ms by which the hour of a feedback or interaction event may precede the hour of its record."""
        return self.longest_window + DAY

    @cached_property
    def pane_retention(self) -> int:
        """Time in ms for which hour panes are kept behind the watermark.

        Twice the longest window, so that each can be compared with the one before, also if both are moved back by seven
        days.
        """
        return max(2 * self.longest_window + 7 * DAY, MIN_HOUR_RETENTION)

    @cached_property
    def entity_retention(self) -> int:
        """Time in ms for which closed tickets, orders and referrals are kept after their last record."""
        return max(self.longest_window, MIN_HOUR_RETENTION) + 8 * DAY

    @cached_property
    def customer_retention(self) -> int:
        """Time in ms for which a customer's contributions are kept. A block expires before what contributes to it."""
        return self.pane_retention + HOURS.span + HOUR

    def derivable_retention(self, aggregate: Aggregate) -> int:
        """Return for how long behind the watermark panes follow from the entities that are still kept, in ms.

        Older panes are finished sums. They cannot be rebuilt, nor compared with entities.
        """
        match aggregate.entities_kept:
            case "in_time":
                return self.allowed_lateness - HOURS.span + HOUR
            case "closed":
                return self.entity_retention - HOURS.span - HOUR
            case "always":
                return self.pane_retention
