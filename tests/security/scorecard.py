"""The scorecard of the attacks, printed after the tests of this folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
COLUMNS = ("tried", "crashes", "lost", "leaked", "skipped")
"""`tried` counts attempts, the others count tests."""


@dataclass
class Scorecard:
    """The counts by kind of attack. A failed test counts in the column that its mark names."""

    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    attempts: int = 0
    """Attempts that the running test reported."""

    def count(self, kind: str, column: str, n: int = 1) -> None:
        row = self.rows.setdefault(kind, dict.fromkeys(COLUMNS, 0))
        row[column] += n

    def lines(self) -> Iterator[str]:
        width = max(map(len, self.rows))
        yield f"{'':{width}}" + "".join(f"{name:>10}" for name in COLUMNS)
        for kind, row in sorted(self.rows.items()):
            yield f"{kind:{width}}" + "".join(f"{row[name]:>10,}" for name in COLUMNS)


SCORECARD = Scorecard()


@pytest.fixture(scope="session")
def tried() -> Callable[[int], None]:
    """`tried(n)` reports attempts of the running test, as they are made. A test that reports none counts as one."""

    def report(n: int) -> None:
        SCORECARD.attempts += n

    return report


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark. Without it, the kind of attack is the name of the module, and a failure is a crash."""
    config.addinivalue_line(
        "markers", "attack(kind, fails): kind of attack, and what a failure is: crashes, lost or leaked"
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Count the attempts and the failure of a test, with those of its fixtures."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if FOLDER not in item.path.parents:
        return
    mark = item.get_closest_marker("attack")
    default = item.path.stem.removeprefix("test_").replace("_", " ")
    kind = mark.args[0] if mark else default
    if report.failed:
        SCORECARD.count(kind, mark.kwargs.get("fails", "crashes") if mark else "crashes")
    if report.skipped:
        SCORECARD.count(kind, "skipped")
    if call.when == "call" and not report.skipped:
        SCORECARD.count(kind, "tried", SCORECARD.attempts or 1)
    if call.when != "setup":
        SCORECARD.attempts = 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the scorecard."""
    if SCORECARD.rows:
        terminalreporter.section("attacks")
        for line in SCORECARD.lines():
            terminalreporter.write_line(line)
