from collections.abc import Callable
from pathlib import Path

import pytest

from tests.monitoring.alerts.engine import Engine


@pytest.fixture
def engine(require: Callable[[str], Path], tmp_path: Path, request: pytest.FixtureRequest) -> Engine:
    """The rule engine with the rules of the module's `DOMAIN` and one complete exporter."""
    return Engine(require("promtool"), tmp_path, request.module.DOMAIN)
