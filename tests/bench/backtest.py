"""Events a second of `cxgauge backtest`: `python -m tests.bench.backtest`.

CSV files of generated answers and tickets go through the command in a process of its own. The rates are those that it
prints, of CPU time, so that other programs matter little.
"""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.backtest.histories import ANSWERS_MAPPING

EVENTS = int(os.environ.get("CX_BENCH_EVENTS", "200000"))
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
ANSWERS_A_MINUTE, TICKET_EVENTS_A_MINUTE = 2_000, 1_400
STEPS = (0, 12, 25, 47, 190)
"""Minutes after the creation at which a ticket has its five events."""

Row = Sequence[object]

ANSWERS = ANSWERS_MAPPING + 'touchpoint = "{touchpoint}"\n'
OF_CUSTOMERS = 'customer_id = "{customer}"\n'
TICKETS = """
source = "/desk"
[[event]]
type = "cx.ticket.created.v1"
id = "{ticket}/{step}"
time = "{at}"
when = { kind = "created" }
data = { ticket_id = "{ticket}", customer_id = "{customer}", topic = "pay", channel = "{channel}", touchpoint = "{touchpoint}" }
[[event]]
type = "cx.ticket.message.v1"
id = "{ticket}/{step}"
time = "{at}"
when = { kind = ["agent", "customer"] }
data = { ticket_id = "{ticket}", message_id = "{step}", author = "{kind}" }
[[event]]
type = "cx.ticket.status.v1"
id = "{ticket}/{step}"
time = "{at}"
when = { kind = "solved" }
data = { ticket_id = "{ticket}", status = "solved", by = "agent" }
"""


def answers(n: int) -> Iterator[Row]:
    """Yield answers of 20,000 customers about 100 pairs of channel and touchpoint."""
    yield "id", "at", "score", "channel", "touchpoint", "customer"
    for i in range(n):
        at = MONDAY + timedelta(minutes=i / ANSWERS_A_MINUTE)
        pair = f"ch{i % 4}", f"touchpoint-{i // 4 % 25:04d}"
        yield f"8f1c-{i:027d}", at.isoformat(), i * 31 % 11, *pair, f"c-{i * 7919 % 20_000:06d}"


def tickets(n: int) -> Iterator[Row]:
    """Yield tickets with five events, of 20,000 customers."""
    yield "ticket", "step", "kind", "at", "channel", "touchpoint", "customer"
    kinds = "created", "agent", "customer", "agent", "solved"
    for i in range(n):
        number, step = divmod(i, len(STEPS))
        created = MONDAY + timedelta(minutes=number * len(STEPS) / TICKET_EVENTS_A_MINUTE)
        at = created + timedelta(minutes=STEPS[step])
        pair = f"ch{number % 4}", f"touchpoint-{number // 4 % 25:04d}"
        yield (
            f"t-{number:08d}",
            step,
            kinds[step],
            at.isoformat(),
            *pair,
            f"c-{number * 7919 % 20_000:06d}",
        )


def measure(folder: Path, name: str, mapping: str, rows: Iterable[Row]) -> None:
    """Print the rates of a backtest of these rows."""
    export, mapping_file = folder / "export.csv", folder / "mapping.toml"
    with export.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    mapping_file.write_text(mapping)
    command = [sys.executable, "-m", "stream.cli", "backtest", export, "--mapping", mapping_file]
    ran = subprocess.run([*command, "--format", "json"], check=True, capture_output=True, text=True)
    report = json.loads(ran.stdout)
    events, by_part = sum(report["events"].values()), report["speed"]["cpu_seconds"]
    total = sum(by_part.values())
    parts = ", ".join(f"{part} {seconds / events * 1e6:.1f}" for part, seconds in by_part.items())
    without_reading = events / (total - by_part["reading"])
    print(
        f"{name:22} {events / total:9,.0f} events/s, without reading {without_reading:9,.0f}; µs an event: {parts}"
    )


def main() -> None:
    with TemporaryDirectory() as folder:
        measure(Path(folder), "answers of nobody", ANSWERS, answers(EVENTS))
        measure(Path(folder), "answers of customers", ANSWERS + OF_CUSTOMERS, answers(EVENTS))
        measure(Path(folder), "tickets", TICKETS, tickets(EVENTS))


if __name__ == "__main__":
    main()
