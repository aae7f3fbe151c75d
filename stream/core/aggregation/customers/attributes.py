"""Present margin and dimension values of a customer.

The last activation sets them whole. A later update changes only those that it names. Of each dimension, and of the margin,
the last update that names it decides. Whatever else is dropped, the present values stay exact.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stream.core.aggregation.customers.entity import Activated, LifeEvent, Updated
from stream.core.aggregation.entity_store import merge_values
from stream.core.model.aggregation_config import DimensionValues


class Attributes(NamedTuple):
    """Dimension values, positional and capped, and the margin in 1/10,000, None if it is the configured one."""

    values: DimensionValues
    margin: int | None


_MARGIN = -1
"""Stands for the margin among the positions of dimensions."""


def latest_activation(events: Sequence[LifeEvent]) -> Activated | None:
    """Return the last activation, None if there is none."""
    for event in reversed(events):
        if isinstance(event, Activated):
            return event
    return None


def _updates(events: Sequence[LifeEvent]) -> Iterator[Updated]:
    """Yield the updates after the last activation, the newest first."""
    for event in reversed(events):
        if isinstance(event, Activated):
            return
        if isinstance(event, Updated):
            yield event


def _named_by(update: Updated) -> set[int]:
    """Return the positions of the values that an update names."""
    named = {i for i, value in enumerate(update.values) if value is not None}
    return named if update.margin is None else named | {_MARGIN}


def deciding_updates(events: Sequence[LifeEvent]) -> Iterator[Updated]:
    """Yield the updates that a present value is from: at most as many as there are values."""
    named: set[int] = set()
    for update in _updates(events):
        positions = _named_by(update)
        if not positions <= named:
            named |= positions
            yield update


def present_attributes(events: Sequence[LifeEvent]) -> Attributes:
    """Return the present attributes of a customer with these sorted events."""
    last, updates = latest_activation(events), list(_updates(events))
    values, margin = ((), None) if last is None else (last.values, last.margin)
    for update in reversed(updates):
        values = merge_values(values, update.values)
        margin = margin if update.margin is None else update.margin
    return Attributes(values, margin)
