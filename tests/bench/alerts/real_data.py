"""The detectors over real data sets: `python -m tests.bench.alerts.real_data FOLDER` prints every alarm.

The sets are those of `deploy/examples`. Alarms go by the rules of the design. What is not of the kind that a detector watches
stands in for it: purchases for answers that may stay away, repeated resolutions for reopenings.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from stream.importing import xes
from stream.monitoring.evaluation.firing import firing
from stream.monitoring.evaluation.promql import seconds_of
from tests.bench.alerts.detection import DETECTORS, FLOOR, REMARKABLE, Context, Stream
from tests.bench.alerts.mean_detectors import logarithms
from tests.bench.alerts.points import points
from tests.bench.alerts.promql import STEP
from tests.bench.alerts.rivals import DESIGN_RULES
from tests.bench.alerts.special_days import HOUR

MONDAY_BEFORE = timedelta(days=7)
WAKING = timedelta(hours=15)
HELPDESK_TARGET = timedelta(days=7)
"""The target of a first reply, which the company's median of 16 hours keeps."""


class Reading(NamedTuple):
    """An event: its time, the label value that it belongs to, and its value for the detector."""

    time: datetime
    label: str
    value: float = 0.0


class DataSet(NamedTuple):
    """A stream of a data set. The label is empty if it has only a total."""

    name: str
    of: str
    readings: list[Reading]


class Alarm(NamedTuple):
    """An alarm, with the most certain finding of its time."""

    data_set: str
    of: str
    label: str
    start: datetime
    end: datetime
    by_chance: float
    events: float
    baseline_events: float
    window: timedelta

    def __str__(self) -> str:
        """Return a line for a table."""
        when = f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M}"
        figures = f"{self.events:.4g} in {self.window}, baseline {self.baseline_events:.4g}"
        return (
            f"{self.data_set} | {self.of} | {self.label} | {when} | {figures} | {self.by_chance:.1e} a month"
        )


def bank_calls(folder: Path) -> Iterator[DataSet]:
    """Yield the handle times of the bank's calls by agent."""
    zone = ZoneInfo("Asia/Jerusalem")
    with (folder / "bank_call_center_1999" / "december_sample.csv").open(newline="") as file:
        calls = [
            Reading(
                _time(f"{row['date']} {row['ser_exit']}", "%y%m%d %H:%M:%S", zone),
                row["server"],
                float(row["ser_time"]),
            )
            for row in csv.DictReader(file)
        ]
    yield DataSet("bank calls", "handle_time", calls)


def airport_survey(folder: Path) -> Iterator[DataSet]:
    """Yield the NPS and CSAT answers of the airport's passengers by boarding area."""
    zone = ZoneInfo("America/Los_Angeles")
    with (folder / "sfo_survey_2017" / "survey.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for of, column, best, value_of in (("nps", "NETPRO", 10, nps_value), ("csat", "Q7ALL", 5, csat_value)):
        answers = [
            Reading(
                _time(f"2017-05-{row['INTDATE']} 12", "%Y-%m-%d %H", zone),
                row["BAREA"],
                value_of(int(row[column])),
            )
            for row in rows
            if row[column].isdigit() and (of == "nps" or int(row[column]) > 0) and int(row[column]) <= best
        ]
        yield DataSet("airport survey", of, answers)


def nps_value(score: int) -> float:
    """Return 1 for a promoter, 0 for a passive, -1 for a detractor."""
    return float((score >= 9) - (score <= 6))


def csat_value(score: int) -> float:
    """Return 1 for a satisfied answer, -1 for another."""
    return 1.0 if score >= 4 else -1.0


def help_desk(folder: Path) -> Iterator[DataSet]:
    """Yield first replies and repeated resolutions of the help desk by product."""
    cases: dict[str, list[tuple[datetime, str, str]]] = {}
    for record in xes.read(folder / "helpdesk_italian" / "helpdesk.xes.gz"):
        row = record.value
        event = (datetime.fromisoformat(row["time:timestamp"]), row["concept:name"], row["product"])
        cases.setdefault(row["case:concept:name"], []).append(event)
    outcomes, repeated = [], []
    for events in cases.values():
        due = events[0][0] + HELPDESK_TARGET
        reply = min((time for time, name, _ in events if name == "Take in charge ticket"), default=None)
        late = reply is None or reply > due
        outcomes.append(Reading(due if late or reply is None else reply, events[0][2], float(late)))
        resolved = sorted((time, product) for time, name, product in events if name == "Resolve ticket")
        repeated += [Reading(time, product) for time, product in resolved[1:]]
    yield DataSet("help desk", "answers_late", outcomes)
    yield DataSet("help desk", "reopenings", repeated)


def purchases(folder: Path) -> Iterator[DataSet]:
    """Yield CDNOW's purchases. Only their days are known, so those of a day are spread over its waking hours."""
    zone = ZoneInfo("America/New_York")
    lines = (folder / "cdnow" / "CDNOW_sample.txt").read_text().splitlines()
    numbers = Counter(line.split()[2] for line in lines if line.strip())
    events = [
        Reading(_time(f"{day} 08", "%Y%m%d %H", zone) + WAKING * (number + 0.5) / n, "")
        for day, n in numbers.items()
        for number in range(n)
    ]
    yield DataSet("CDNOW purchases", "answers_missing", events)
    yield DataSet("CDNOW purchases", "payment_churn", events)


READERS: tuple[Callable[[Path], Iterator[DataSet]], ...] = (bank_calls, airport_survey, help_desk, purchases)


def _time(text: str, layout: str, zone: ZoneInfo) -> datetime:
    return datetime.strptime(text, layout).replace(tzinfo=zone).astimezone(UTC)


def alarms(data_set: DataSet) -> list[Alarm]:
    """Return the alarms of a data set, of its total and of its label values."""
    readings = sorted(data_set.readings)
    first = readings[0].time
    origin = (
        datetime(first.year, first.month, first.day, tzinfo=UTC)
        - timedelta(days=first.weekday())
        - MONDAY_BEFORE
    )
    days = (readings[-1].time - origin).days + 3
    labels = {reading.label for reading in readings} - {""}
    total = _stream(data_set.of, readings, origin)
    result = _alarms(data_set, "total", Context(total, total, days * 24), origin, 0.5)
    least = FLOOR * days / 35
    streams = {
        label: _stream(data_set.of, [r for r in readings if r.label == label], origin)
        for label in sorted(labels)
    }
    judged = {label: stream for label, stream in streams.items() if len(stream.times) >= least}
    for label, stream in judged.items():
        result += _alarms(data_set, label, Context(stream, total, days * 24), origin, 0.5 / len(judged))
    return result


def _stream(of: str, readings: list[Reading], origin: datetime) -> Stream:
    times = np.array([(reading.time - origin).total_seconds() for reading in readings])
    values = np.array([reading.value for reading in readings])
    match of:
        case "handle_time":
            values = logarithms(values)
        case "answers_late":
            values = values > 0
        case _:
            values = values.astype(int)
    return Stream(times, values, times)


def _alarms(data_set: DataSet, label: str, context: Context, origin: datetime, weight: float) -> list[Alarm]:
    rule = DESIGN_RULES[data_set.of]
    end = context.hours * HOUR // STEP
    at = points(context.stream.times, (context.first + 168) * HOUR // STEP, end)
    findings = DETECTORS[data_set.of].detect(context, at, weight)
    by_chance = np.where(findings.by_chance <= REMARKABLE * weight, findings.by_chance / weight, np.inf)
    active = by_chance <= rule.share
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(int)))
    bounds = np.append(at.ticks, end)[edges].tolist()
    kept = round(seconds_of(rule.keep_firing_for) / STEP)
    result = []
    for start, stop in firing(list(zip(bounds[::2], bounds[1::2], strict=True)), end, 0, kept):
        during = np.flatnonzero((at.ticks >= start) & (at.ticks < stop))
        best = during[np.argmin(by_chance[during])]
        result.append(
            Alarm(
                data_set.name,
                data_set.of,
                label,
                origin + timedelta(seconds=start * STEP),
                origin + timedelta(seconds=stop * STEP),
                float(by_chance[best]),
                float(findings.events[best]),
                float(findings.baseline_events[best]),
                timedelta(seconds=float(findings.window_seconds[best])),
            )
        )
    return result


def main() -> None:
    """Print the alarms of all sets of a folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.alerts.real_data", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of the data sets")
    folder = parser.parse_args().folder
    for reader in READERS:
        for data_set in reader(folder):
            alarms_of_set = alarms(data_set)
            span = max(r.time for r in data_set.readings) - min(r.time for r in data_set.readings)
            n = len(data_set.readings)
            print(
                f"{data_set.name}, {data_set.of}: {n} events in {span.days} days, {len(alarms_of_set)} alarms"
            )
            for alarm in alarms_of_set:
                print(f"  {alarm}")


if __name__ == "__main__":
    main()
