"""An intake without tokens."""

from collections.abc import Iterator

import pytest

from tests.intake.running import RunningIntake, running_intake


@pytest.fixture
def intake() -> Iterator[RunningIntake]:
    """An intake on loopback, open to everybody there."""
    with running_intake() as running:
        yield running
