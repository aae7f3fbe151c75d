"""Memory is reserved until Kafka's client has let a record go."""

import asyncio

import pytest

from stream.intake.memory import REQUEST_BYTES, MemoryBudget
from stream.intake.problem import ProblemError


async def test_memory_is_given_back_with_the_last_record() -> None:
    budget = MemoryBudget(limit=100_000)
    futures = [asyncio.get_running_loop().create_future() for _ in range(3)]
    with budget.reserve(50_000) as reservation:
        reservation.shrink(1_000)
        for future in futures:
            reservation.hold(future)
    assert budget.reserved == 1_000 + REQUEST_BYTES
    futures[0].set_result(None)
    futures[1].set_exception(OSError())
    futures[2].cancel()
    await asyncio.sleep(0)
    assert budget.reserved == 0


def test_more_than_the_limit_is_refused() -> None:
    budget = MemoryBudget(limit=2 * REQUEST_BYTES)
    with budget.reserve(0), budget.reserve(0), pytest.raises(ProblemError) as caught:
        budget.reserve(0)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "2")
    assert budget.reserved == 0
