"""A short run of the fuzz with a fixed seed. `python -m tests.security.fuzz --minutes 60` is the long one."""

from collections.abc import Callable
from random import Random

import pytest

from tests.security.fuzz.http import servers
from tests.security.fuzz.run import Report, TooSlow, run_input
from tests.security.fuzz.targets import TARGETS, Target

SEED = 2026
INPUTS = {
    "events": 5_000,
    "events in binary mode": 5_000,
    "answers of Alertmanager": 5_000,
    "metrics for top": 3_000,
    "environment": 1_000,
    "web_config": 1_000,
    "panes": 500,
}
"""Inputs by target, 300 by default."""
REQUESTS = 1_500


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.attack(f"fuzz: {target.kind}"))
        for name, target in TARGETS.items()
    ],
)
def test_readers(name: str, tried: Callable[[int], None]) -> None:
    report = Report(SEED)
    for number in range(INPUTS.get(name, 300)):
        run_input(name, number, report)
        tried(1)
    assert not report.findings, "\n".join(report.lines())


@pytest.mark.attack("fuzz: HTTP requests")
def test_requests(tried: Callable[[int], None]) -> None:
    with servers() as running:
        for number in range(REQUESTS):
            running.attack(Random(f"{SEED}/{number}"))
            tried(1)
            if number % 100 == 0:
                running.check()
        running.check()


def test_findings_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception, and an input that takes too long. The same error at the same line is one finding."""
    monkeypatch.setattr("tests.security.fuzz.run.CPU_SECONDS", 0.05)

    def divide(random: Random) -> None:
        random.random() / 0

    def spin(_: Random) -> None:
        while True:
            pass

    monkeypatch.setitem(TARGETS, "divides", Target("x", divide))
    monkeypatch.setitem(TARGETS, "spins", Target("x", spin))
    report = Report(1)
    for name in ("divides", "divides", "spins"):
        run_input(name, 0, report)
    first, second = report.findings
    assert first.startswith("divides: ZeroDivisionError at ")
    assert second.startswith(f"spins: {TooSlow.__name__} at ")
    assert report.repeated[first] == 2
    assert "3 inputs, 2 findings, seed 1" in "\n".join(report.lines())
