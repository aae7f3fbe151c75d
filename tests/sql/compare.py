"""Figures of cxgauge beside those of thirty lines of SQL in DuckDB: `python -m tests.sql.compare`."""

import json
import math
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from schemas.times import to_ms
from tests.core.aggregation.pipeline import Pipeline
from tests.sql.logs import quiet, troubled
from tests.support import DAY, NOW, Event

QUERY = Path(__file__).with_name("thirty_lines.sql")
LOGS: dict[str, Callable[[int], list[Event]]] = {"demo": quiet, "troubled": troubled}
OWN_LABELS = {
    "cx_survey_response_ratio": {"survey": "nps"},
    "cx_resolution_mean_seconds": {"stage": "first"},
    "cx_churn_ratio": {"method": "cohort"},
    "cx_revenue": {"currency": "EUR"},
}
"""Labels of the series of a figure beside view and window."""


class Figure(NamedTuple):
    """A figure by both, None where it is absent."""

    name: str
    cxgauge: float | None
    sql: float | None

    @property
    def agrees(self) -> bool:
        """True if both are the same but for the last digits of a float."""
        if self.cxgauge is None or self.sql is None:
            return self.cxgauge is self.sql
        return math.isclose(self.cxgauge, self.sql, rel_tol=1e-9)


def compare(log: Iterable[Event], now: int = NOW) -> list[Figure]:
    """Return the figures of the 30 days up to `now` (ms) and of the present, in total."""
    events = [(json.loads(event.value()), event.stamp) for event in log]
    pipeline = Pipeline()
    for event, timestamp in events:
        pipeline.publish(event, timestamp)
    pipeline.run()
    series = pipeline.series(now)
    return [
        Figure(name, _figure(series.get(name, {}), OWN_LABELS.get(name, {})), value)
        for name, value in by_sql((event for event, _ in events), now).items()
    ]


def by_sql(events: Iterable[dict[str, Any]], now: int) -> dict[str, float | None]:
    """Return the figures of the query over a table of the events."""
    rows = [
        (event["id"], to_ms(datetime.fromisoformat(event["time"])), event["type"], json.dumps(event["data"]))
        for event in events
    ]
    with duckdb.connect() as database:
        database.execute("CREATE TABLE events (id TEXT, time BIGINT, type TEXT, data JSON)")
        database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        database.execute(f"CREATE MACRO since() AS {now - 30 * DAY}::BIGINT")
        database.execute(QUERY.read_text(encoding="utf-8"))
        return dict(database.execute("SELECT name, value FROM figures").fetchall())


def _figure(values: dict[tuple[tuple[str, str], ...], float], own_labels: dict[str, str]) -> float | None:
    """Return the sum of the series in total, of 30 days if they have a window, that have these labels."""
    wanted = {"view": "total", **own_labels}
    matching = [
        value
        for labels, value in values.items()
        if {"window": "30d", **dict(labels)} == {"window": "30d", **dict(labels), **wanted}
        and dict(labels).get("window", "30d") == "30d"
    ]
    return sum(matching) if matching else None


def main() -> None:
    """Print both figures of each log."""
    write = sys.stdout.write
    for name, log in LOGS.items():
        figures = compare(log(NOW))
        write(f"{name}: {sum(figure.agrees for figure in figures)} of {len(figures)} figures agree\n")
        for figure in figures:
            mark = " " if figure.agrees else "*"
            write(f"  {mark} {figure.name:40} {figure.cxgauge!s:>24} {figure.sql!s:>24}\n")


if __name__ == "__main__":
    main()
