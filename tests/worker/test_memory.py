"""The recommendation to keep entities on disk."""

from pathlib import Path

import pytest

from stream.worker.memory import advice, resident


def test_this_process_has_memory() -> None:
    """The value is plausible. Without such a file it is unknown."""
    assert 10 << 20 < (resident() or 0) < 100 << 30
    assert resident(Path("/missing")) is None


@pytest.mark.parametrize(
    ("used", "total", "recommends"),
    [(50, 100, False), (51, 100, True), (None, 100, False), (51, None, False)],
)
def test_more_than_half_of_the_memory(used: int | None, total: int | None, *, recommends: bool) -> None:
    """The text names the setting and both sizes."""
    text = advice(used and used << 20, total and total << 20)
    assert bool(text) == recommends
    assert not recommends or text.startswith(
        "the worker uses 51 MiB of 100 MiB of memory. With worker.state_dir"
    )
