"""The domain of `cx.tickets`: tickets and interactions."""

from stream.core.aggregation.tickets.domain import Tickets

__all__ = ["Tickets"]
