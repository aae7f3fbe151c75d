"""The domain of `cx.tickets`: tickets, the repeat contacts among them, and interactions."""

from stream.core.aggregation.tickets.domain import Tickets

__all__ = ["Tickets"]
