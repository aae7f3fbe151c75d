"""Tickets: their facts, what happened in them, what that contributes, and what an event changes."""

from stream.core.aggregation.tickets.domain import Tickets

__all__ = ["Tickets"]
