"""What all tests share: one broker, the programs and data sets that a machine may lack."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from stream.cli import process
from stream.cli.kafka import Broker
from stream.cli.tools import find

# how long an example takes says more about the machine's other tenants than about us
hypothesis.settings.register_profile("cxgauge", deadline=None)
hypothesis.settings.load_profile("cxgauge")

DATA_BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers of the broker that all tests share: started by the first that asks, use topics of your own."""
    with Broker() as broker:
        yield broker.bootstrap


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 where nothing listens."""
    return process.free_port()


@pytest.fixture(scope="session")
def require() -> Callable[[str], Path]:
    """`require("promtool")`: the program's path; unless it starts here, the test is skipped with the reason.

    With CX_TEST_REQUIRE_TOOLS=1, as in CI, such a test fails.
    """

    def path_of(tool: str) -> Path:
        found = find(tool)
        if isinstance(found, Path):
            return found
        if os.environ.get("CX_TEST_REQUIRE_TOOLS") == "1":
            pytest.fail(f"{found} (CX_TEST_REQUIRE_TOOLS=1)")
        pytest.skip(str(found))

    return path_of


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the real data sets: CX_TEST_DATA, else beside the checkout; without it the test is skipped."""
    folder = Path(os.environ.get("CX_TEST_DATA") or DATA_BESIDE_THE_CHECKOUT)
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not there: {folder} (or set CX_TEST_DATA)")
    return folder
