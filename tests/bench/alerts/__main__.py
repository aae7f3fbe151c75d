"""Measure alert rules on simulated traffic: `python -m tests.bench.alerts --seeds 1-14 --weeks 26 --rules PATH`.

Prints the false alarms of each seed and alert and the delays of incidents. The last line sums them up.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from stream.deployment import FOLDER
from tests.bench.alerts.detection import SimulatedDetections
from tests.bench.alerts.families import SimulatedExporter
from tests.bench.alerts.incidents import INCIDENTS, LEAVERS_30, moments
from tests.bench.alerts.limit import limits
from tests.bench.alerts.measure import detection_delay, false_alarms
from tests.bench.alerts.rivals import RIVALS, design
from tests.bench.alerts.rules import Episode, RuleSet, read_rules, rule_set
from tests.bench.alerts.special_days import WARM_UP_DAYS
from tests.bench.alerts.traffic import Traffic, generate

MONTH_DAYS = 30
SAME_INCIDENT = 120
"""Ticks within which alerts of a rule arrive in one notification: ten minutes."""
Delays = Sequence[float | None]


def main() -> None:
    """Parse the arguments, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.alerts", description=__doc__)
    parser.add_argument("--seeds", default="1", help="seeds of the traffic, such as 1-14 or 1,3")
    parser.add_argument("--weeks", type=float, default=26, help="weeks after the warm-up of 39 days")
    parser.add_argument("--rules", default=str(FOLDER / "prometheus" / "rules"), help=RULES_HELP)
    parser.add_argument(
        "--moments", type=int, default=24, help="moments of each seed at which an incident begins"
    )
    parser.add_argument(
        "--incidents", default=LEAVERS_30, help="all, or a part of the names of incidents to measure"
    )
    parser.add_argument(
        "--staff", choices=("always", "office", "business"), default="always", help="who answers"
    )
    parser.add_argument(
        "--feed",
        choices=("marked", "unmarked"),
        default="marked",
        help="unmarked: neither notices nor `voluntary`",
    )
    parser.add_argument("--scale", type=float, default=1.0, help="size of the company, 1 is 20,000 customers")
    arguments = parser.parse_args()
    names = [name for name in INCIDENTS if arguments.incidents == "all" or arguments.incidents in name]
    total = Summary()
    for seed in parse_seeds(arguments.seeds):
        traffic = generate(seed, arguments.weeks, arguments.scale, arguments.staff, arguments.feed)
        at = moments(seed, arguments.moments, last_day=min(200, traffic.days - 14))
        if arguments.rules == "limit":
            for name, delays in limits(traffic, at):
                total.add_delays(name, delays)
            continue
        rules = load_rules(arguments.rules, traffic)
        total.add_alarms(seed, traffic, rules, false_alarms(traffic, rules))
        for name in names:
            total.add_delays(name, [detection_delay(traffic, rules, name, moment) for moment in at])
    total.print_delays()
    print(total.last_line())


RULES_HELP = f"a file or folder of rules, or one of: design, {', '.join(RIVALS)}, limit"


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of a list of numbers and ranges."""
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def load_rules(name: str, traffic: Traffic) -> RuleSet:
    """Return the rules of a path or a name. Ends the program if there are none."""
    source = SimulatedExporter(traffic, SimulatedDetections(traffic, 0, 1))
    named: dict[str, Callable[[], list[dict[str, object]]]] = {"design": design, **RIVALS}
    if name in named:
        return rule_set(named[name](), source)
    if not Path(name).exists():
        sys.exit(f"{name} is no file or folder, and none of design, {', '.join(RIVALS)}, limit")
    return read_rules(Path(name), source)


class Summary:
    """The results of all seeds."""

    def __init__(self) -> None:
        self._months = 0.0
        self._alarms = self._pages = 0
        self._delays: dict[str, list[float | None]] = {}

    def add_alarms(self, seed: int, traffic: Traffic, rules: RuleSet, episodes: list[Episode]) -> None:
        """Add the false alarms of a seed and print them by alert: of label sets, and of notifications."""
        months = (traffic.days - WARM_UP_DAYS) / MONTH_DAYS
        pages = {alert.name for alert in rules.alerts if alert.is_page}
        if not self._months and rules.not_judged:
            print("not judged:", ", ".join(rules.not_judged))
        self._months += months
        self._alarms += len(episodes)
        self._pages += sum(episode.alert in pages for episode in episodes)
        print(f"seed {seed}: {len(episodes) / months:.2f} false alarms a month", flush=True)
        for alert, n in sorted(Counter(episode.alert for episode in episodes).items()):
            starts = sorted(episode.start for episode in episodes if episode.alert == alert)
            notified = 1 + int((np.diff(starts) > SAME_INCIDENT).sum())
            print(
                f"  {alert:26} {n / months:8.2f} a month in {notified / months:.2f} notifications", flush=True
            )

    def add_delays(self, incident: str, delays: Delays) -> None:
        """Add the delays of an incident."""
        self._delays.setdefault(incident, []).extend(delays)
        print(f"  {incident:26} {described(delays)}", flush=True)

    def print_delays(self) -> None:
        """Print the delays of all seeds."""
        print("delays of all seeds:")
        for incident, delays in self._delays.items():
            print(f"  {incident:26} {described(delays)}")

    def last_line(self) -> str:
        """Return false alarms a month and the delays of 30 leavers in one line."""
        months = self._months or 1
        median, p90 = (quantile(self._delays.get(LEAVERS_30, []), share) for share in (0.5, 0.9))
        alarms = f"{self._alarms / months:.2f} false alarms a month, pages {self._pages / months:.2f}"
        return f"{alarms}; 30 leavers told after {seconds(median)} (median), {seconds(p90)} (p90)"


def described(delays: Delays) -> str:
    """Return how many incidents were detected, and the 10th, 50th and 90th percentile of the delays of all."""
    detected = sum(delay is not None for delay in delays)
    parts = " / ".join(seconds(quantile(delays, share)) for share in (0.1, 0.5, 0.9))
    return f"{detected}/{len(delays)} {parts}"


def quantile(delays: Delays, share: float) -> float:
    """Return a quantile of delays, infinite if that many were not detected."""
    ordered = sorted(np.inf if delay is None else delay for delay in delays)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else np.inf


def seconds(value: float) -> str:
    """Return a delay as text."""
    return "never" if np.isinf(value) else f"{value:.0f} s"


if __name__ == "__main__":
    main()
