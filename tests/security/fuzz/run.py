"""Runs targets and collects what they raised. An input is reproduced by its seed, target and number."""

import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from tests.security.fuzz.targets import TARGETS

CPU_SECONDS = 5.0
"""CPU time that an input may take."""


class TooSlow(BaseException):  # no reader may catch it as an error
    """An input took too much CPU time."""


@dataclass
class Report:
    """How many inputs were tried by target, and the first input of each finding."""

    seed: int
    tried: Counter[str] = field(default_factory=Counter)
    findings: dict[str, str] = field(default_factory=dict)
    repeated: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, number: int, error: BaseException) -> None:
        """Add a finding. Findings of one target with the same error at the same line are one."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        key = f"{name}: {type(error).__name__} at {frame.filename}:{frame.lineno}"
        self.repeated[key] += 1
        if key not in self.findings:
            text = "".join(traceback.format_exception(error))
            self.findings[key] = f"seed {self.seed}, number {number}\n{text[-3_000:]}"

    def lines(self) -> Iterator[str]:
        """Yield the report."""
        for name, n in sorted(self.tried.items()):
            yield f"{name:30}{n:>12,} tried"
        for key, text in self.findings.items():
            yield f"\nFOUND {self.repeated[key]:,} times: {key}\n{text}"
        yield f"\n{self.tried.total():,} inputs, {len(self.findings)} findings, seed {self.seed}"


@contextmanager
def limited() -> Iterator[None]:
    """Raise TooSlow after CPU_SECONDS. Only in the main thread."""

    def stop(*_: object) -> None:
        raise TooSlow

    previous = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)


def run_input(name: str, number: int, report: Report) -> None:
    """Run one input of a target."""
    random = Random(f"{report.seed}/{name}/{number}")
    report.tried[name] += 1
    try:
        with limited():
            TARGETS[name].run(random)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
        report.add(name, number, error)


def run_for(seconds: float, report: Report, also: Callable[[int], None] | None = None) -> None:
    """Run inputs of all targets in turn. `also` is called with the number of each turn."""
    deadline, number = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        for name in TARGETS:
            run_input(name, number, report)
        if also is not None:
            also(number)
        number += 1
        if number % 5_000 == 0:
            print(
                f"{report.tried.total():,} inputs, {len(report.findings)} findings",
                file=sys.stderr,
                flush=True,
            )
