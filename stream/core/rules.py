"""What of the configuration changes figures, as the core sees it."""

from functools import cached_property

import msgspec

from stream.core.buckets import DAY, HOUR, HOURS, SHORTEST_LONG, Window
from stream.core.calendars import Calendar, Hours, hours_of
from stream.core.targets import Target, Targets

NAMED = ("channel", "touchpoint", "team", "priority")
"""Dimensions that are fields of their own; the others come from an event's `labels`."""
OTHER = "__other__"
"""The value under which what exceeds a cap is counted."""

Values = tuple[str | None, ...]


class Rules(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Windows, dimensions and views in force, and the identity of all settings that change figures."""

    windows: tuple[Window, ...]
    labels: tuple[str, ...]
    views: dict[str, tuple[str, ...]]
    max_values: int = 200
    top: int = 50
    margin_rate: float = 1.0
    target: int = HOUR
    """How soon a first response is due, in ms, where none of `targets` holds."""
    targets: dict[str, Target] = {}
    calendars: tuple[Calendar, ...] = ()
    identity: str = ""

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """Every dimension an event may carry, in the order in which facts keep their values."""
        return (*NAMED, *self.labels)

    @cached_property
    def shown(self) -> tuple[int, ...]:
        """Positions in `dimensions` that some view needs: contributions carry these only."""
        used = {label for view in self.views.values() for label in view}
        return tuple(i for i, name in enumerate(self.dimensions) if name in used)

    @cached_property
    def projected(self) -> dict[Values, Values]:
        """What `book.project` has answered so far."""
        return {}

    @cached_property
    def picks(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """For each view its name and where its labels are in a contribution's values."""
        at = {self.dimensions[i]: n for n, i in enumerate(self.shown)}
        return tuple((name, tuple(at[label] for label in view)) for name, view in self.views.items())

    @cached_property
    def due(self) -> Targets:
        """When a first response is due."""
        return Targets(self.target, self.targets)

    @cached_property
    def _hours(self) -> tuple[tuple[Calendar, Hours], ...]:
        return hours_of(self.calendars)

    def hours(self, channel: str | None, team: str | None) -> Hours | None:
        """The business hours of the first calendar that holds for a channel and team; None: there is none."""
        return next((hours for calendar, hours in self._hours if calendar.holds(channel, team)), None)

    @cached_property
    def longest(self) -> int:
        """The longest window, in milliseconds."""
        return max(window.span for window in self.windows)

    @cached_property
    def lateness(self) -> int:
        """How much older than its record's hour the hour of a feedback or interaction event may be."""
        return self.longest + DAY

    @cached_property
    def kept(self) -> int:
        """How long hour panes are held behind the watermark; blocks go before the answers that feed them."""
        return self.lateness - HOURS.span + HOUR

    @cached_property
    def memory(self) -> int:
        """How long a closed ticket or finished life is remembered after its last record."""
        return max(self.longest, SHORTEST_LONG) + 8 * DAY

    @cached_property
    def kept_remembered(self) -> int:
        """The same for what tickets and customers feed: enough for windows moved back by 7 d and one bucket."""
        return self.memory - HOURS.span - HOUR
