from collections.abc import Callable
from pathlib import Path

import pytest

from tests.monitoring.alerts.engine import Engine


@pytest.fixture
def engine(require: Callable[[str], Path], tmp_path: Path, request: pytest.FixtureRequest) -> Engine:
    """Prometheus' rule engine with the rules of the module's `DOMAIN` and one exporter whose figures are complete."""
    return Engine(require("promtool"), tmp_path, request.module.DOMAIN)
