"""A limit on the bytes of all requests that are being read or wait for Kafka."""

import asyncio
from types import TracebackType
from typing import Any, Self

from stream.intake.problem import unavailable

MAX_HELD_BYTES = 32 << 20
"""Maximum sum of the reservations. The process needs some times more, because events are decoded and encoded."""
MAX_HELD_BY_HOOKS = 16 << 20
"""The same of webhooks. They have a budget of their own: a signature is over the body, which strangers may therefore send."""
REQUEST_BYTES = 8 << 10
"""Charged for a request besides its body."""


class MemoryBudget:
    """The bytes that are reserved, and their limit."""

    def __init__(self, limit: int = MAX_HELD_BYTES) -> None:
        self.limit = limit
        self.reserved = 0

    def reserve(self, body_bytes: int) -> "Reservation":
        """Reserve memory for a request. Raises ProblemError (503) if there is not enough."""
        size = body_bytes + REQUEST_BYTES
        if self.reserved + size > self.limit:
            raise unavailable("Too much data waits to be stored")
        self.reserved += size
        return Reservation(self, size)


class Reservation:
    """The memory of a request, as a context.

    It stays reserved after the context as long as a future that holds it is not done: Kafka's client keeps a record
    until it is acknowledged, also after the request was answered.
    """

    def __init__(self, budget: MemoryBudget, size: int) -> None:
        self._budget = budget
        self._size = size
        self._holders = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def shrink(self, body_bytes: int) -> None:
        """Give back the memory that the body did not need."""
        surplus = self._size - body_bytes - REQUEST_BYTES
        if surplus > 0:
            self._size -= surplus
            self._budget.reserved -= surplus

    def hold(self, future: "asyncio.Future[Any]") -> None:
        """Keep the memory reserved until a future is done."""
        self._holders += 1
        future.add_done_callback(self._done)

    def _done(self, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled():
            future.exception()  # retrieved, because the request may be answered already
        self._release()

    def _release(self) -> None:
        self._holders -= 1
        if not self._holders:
            self._budget.reserved -= self._size
            self._size = 0
