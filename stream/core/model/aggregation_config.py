"""What of the configuration changes figures, as the core sees it."""

from functools import cached_property

import msgspec

from stream.core.model.business_hours import BusinessHours, Calendar, business_hours_of
from stream.core.model.response_targets import ResponseTarget, ResponseTargets
from stream.core.model.time_buckets import DAY, HOUR, HOURS, MIN_HOUR_RETENTION, Window

NAMED_DIMENSIONS = ("channel", "touchpoint", "team", "priority")
"""Dimensions that are fields of their own; the others come from an event's `labels`."""
OTHER_VALUE = "__other__"
"""The value under which what exceeds a cap is counted."""

DimensionValues = tuple[str | None, ...]


class AggregationConfig(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Windows, dimensions and views in force, and the identity of all settings that change figures."""

    windows: tuple[Window, ...]
    labels: tuple[str, ...]
    views: dict[str, tuple[str, ...]]
    max_values: int = 200
    top: int = 50
    margin_rate: float = 1.0
    response_target: int = HOUR
    """How soon a first response is due, in ms, where none of `targets` holds."""
    response_targets: dict[str, ResponseTarget] = {}
    calendars: tuple[Calendar, ...] = ()
    config_hash: str = ""

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """Every dimension an event may carry, in the order in which facts keep their values."""
        return (*NAMED_DIMENSIONS, *self.labels)

    @cached_property
    def projected_dimensions(self) -> tuple[int, ...]:
        """Positions in `dimensions` that some view needs: contributions carry these only."""
        used = {label for view in self.views.values() for label in view}
        return tuple(i for i, name in enumerate(self.dimensions) if name in used)

    @cached_property
    def projection_cache(self) -> dict[DimensionValues, DimensionValues]:
        """What `book.project` has answered so far."""
        return {}

    @cached_property
    def view_indexes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """For each view its name and where its labels are in a contribution's values."""
        at = {self.dimensions[i]: n for n, i in enumerate(self.projected_dimensions)}
        return tuple((name, tuple(at[label] for label in view)) for name, view in self.views.items())

    @cached_property
    def target_table(self) -> ResponseTargets:
        """When a first response is due."""
        return ResponseTargets(self.response_target, self.response_targets)

    @cached_property
    def _business_hours(self) -> tuple[tuple[Calendar, BusinessHours], ...]:
        return business_hours_of(self.calendars)

    def business_hours(self, channel: str | None, team: str | None) -> BusinessHours | None:
        """The business hours of the first calendar that holds for a channel and team; None: there is none."""
        return next(
            (hours for calendar, hours in self._business_hours if calendar.holds(channel, team)), None
        )

    @cached_property
    def longest_window(self) -> int:
        """The longest window, in milliseconds."""
        return max(window.span for window in self.windows)

    @cached_property
    def allowed_lateness(self) -> int:
        """How much older than its record's hour the hour of a feedback or interaction event may be."""
        return self.longest_window + DAY

    @cached_property
    def pane_retention(self) -> int:
        """How long hour panes are held behind the watermark; blocks go before the answers that feed them."""
        return self.allowed_lateness - HOURS.span + HOUR

    @cached_property
    def entity_retention(self) -> int:
        """How long a closed ticket or finished life is remembered after its last record."""
        return max(self.longest_window, MIN_HOUR_RETENTION) + 8 * DAY

    @cached_property
    def long_pane_retention(self) -> int:
        """The same for what tickets and customers feed: enough for windows moved back by 7 d and one bucket."""
        return self.entity_retention - HOURS.span - HOUR
