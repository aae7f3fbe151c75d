"""When a part that has ended is started once more."""

import pytest

from stream.standalone.restarts import MAX_ENDS, WITHIN, Restarts


def test_a_part_that_ends_now_and_then_is_started_each_time() -> None:
    """Also after many ends, and after each kind of end."""
    restarts = Restarts()
    assert all(restarts.helps("worker", code, at * WITHIN) for at, code in enumerate([0, 1, 3, -9, -15] * 4))


@pytest.mark.parametrize("exit_code", [2, 4])
def test_a_refusal_is_final(exit_code: int) -> None:
    """Configuration and stored state are the same at the next start."""
    assert not Restarts().helps("worker", exit_code, 0)


def test_a_part_that_ends_too_often_is_given_up() -> None:
    """Each part is counted on its own."""
    restarts = Restarts()
    helped = [restarts.helps("worker", 1, at) for at in range(MAX_ENDS)]
    assert helped == [True] * (MAX_ENDS - 1) + [False]
    assert restarts.helps("exporter", 1, MAX_ENDS)
