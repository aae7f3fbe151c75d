"""The README's comparison with SQL."""

from pathlib import Path

import pytest

from tests.sql.compare import LOGS, QUERY, compare
from tests.support import NOW

README = Path(__file__).parents[2] / "README.md"

DIFFERENT: dict[str, set[str]] = {
    "demo": set(),
    "troubled": {
        "cx_survey_response_ratio",
        "cx_first_response_mean_seconds",
        "cx_waiting_tickets",
        "cx_handle_mean_seconds",
        "cx_active_customers",
        "cx_revenue",
    },
}


@pytest.mark.parametrize("name", LOGS)
def test_the_query_agrees_on_the_demo_only(name: str) -> None:
    """The README says how many figures agree on each log."""
    figures = compare(LOGS[name](NOW))
    assert {figure.name for figure in figures if not figure.agrees} == DIFFERENT[name]
    readme = " ".join(README.read_text(encoding="utf-8").split())
    assert f"{len(figures) - len(DIFFERENT[name])} of {len(figures)}" in readme


def test_the_query_has_thirty_lines() -> None:
    lines = QUERY.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if not line.startswith("--")]) == 30
