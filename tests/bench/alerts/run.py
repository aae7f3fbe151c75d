"""False alarms a week and seconds to alert, of our rules and of what people write instead: `make bench-alerts`."""

import os
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from stream.monitoring.alerts.prometheus_files import alerts
from tests.bench.alerts.alarms import Alarm, alarms
from tests.bench.alerts.exposed import drive
from tests.bench.alerts.prometheus import Span, backfill, evaluate, record, serving
from tests.bench.alerts.rivals import RIVALS
from tests.bench.alerts.traffic import BEGIN, NEAR, Spike, Traffic, grid, rota
from tests.support import DAY, HOUR, MINUTE

SEEDS = int(os.environ.get("CX_BENCH_SEEDS", "2"))
WEEKS = int(os.environ.get("CX_BENCH_WEEKS", "2"))
EACH = int(os.environ.get("CX_BENCH_SPIKES", "3"))
QUIET = BEGIN + 31 * DAY
"""By then the longest window is full."""
TROUBLED = QUIET + WEEKS * 7 * DAY
"""From then on spikes come."""
TOLD_BY = {
    "churn": "CxChurnSpike",
    "notice": "CxCancelScheduledSpike",
    "late": "CxFirstResponseSlow",
    "nps": "CxNpsDrop",
}
KINDS = ("ours", "plain", "z-score")
PATIENCE = 13 * HOUR
Counts = dict[tuple[str, str], list[float]]


def drive_one(seed: int, folder: Path) -> Path:
    """What the exporter shows of the traffic of a seed."""
    spikes = rota(TROUBLED, EACH)
    end = spikes[-1].at + PATIENCE
    samples = folder / f"{seed}"
    drive(Traffic(seed, (end - BEGIN) // DAY + 1, spikes), grid(QUIET, end, spikes), samples)
    return samples


def judge(samples: Path, false: Counts, took: Counts) -> None:
    """What all rules make of it, in Prometheus."""
    spikes, data = rota(TROUBLED, EACH), samples.with_suffix(".data")
    long = Span(QUIET // 1000, (spikes[-1].at + PATIENCE) // 1000, 5 * MINUTE // 1000)
    near = [Span(spike.at // 1000, (spike.at + NEAR) // 1000, 15) for spike in spikes]
    backfill(samples, data)
    record(data, [long, *near])
    with serving(data) as port:
        for alert in (alert for each in alerts().values() for alert in each if alert.name in RIVALS):
            rivals = RIVALS[alert.name]
            for kind, expr in zip(KINDS, (alert.expr, rivals.plain, rivals.z_score), strict=True):
                timing = (alert.for_, alert.keep_firing_for)
                begun = alarms(evaluate(port, expr, long), long, *timing)
                # the first day is the z-score's to learn from
                quiet = [each for each in begun if QUIET + DAY + HOUR <= each.at * 1000 < TROUBLED]
                false[alert.name, kind].append(len(quiet) / (WEEKS - 25 / 168))
                for spike, span in zip(spikes, near, strict=True):
                    if TOLD_BY[spike.kind] == alert.name:
                        close = alarms(evaluate(port, expr, span), span, *timing)
                        took[alert.name, kind].append(delay(spike, [*close, *begun]))


def delay(spike: Spike, begun: list[Alarm]) -> float:
    """Seconds from a spike to the first alarm, in total or of the app; infinite when none came."""
    return min(
        (
            alarm.at - spike.at / 1000
            for alarm in begun
            if 0 < alarm.at - spike.at / 1000 < PATIENCE / 1000
            and dict(alarm.labels).get("channel", "app") == "app"
            and dict(alarm.labels)["view"] != "touchpoint"
        ),
        default=float("inf"),
    )


def main() -> None:
    """Print the table."""
    false: Counts = defaultdict(list)
    took: Counts = defaultdict(list)
    with TemporaryDirectory(prefix="cxgauge-bench-") as folder:
        with ProcessPoolExecutor() as pool:
            driven = list(pool.map(drive_one, range(1, SEEDS + 1), repeat(Path(folder))))
        for samples in driven:
            judge(samples, false, took)
    print(
        f"{SEEDS} x {WEEKS} quiet weeks, {SEEDS * EACH} spikes of each kind; false alarms a week / seconds to alert\n"
    )
    print(f"| alert | {' | '.join(KINDS)} | seconds: {' | '.join(KINDS)} |")
    print("|---|" + "---|" * 6)
    for name in RIVALS:
        weekly = [f"{sum(false[name, kind]) / SEEDS:.1f}" for kind in KINDS]
        print(f"| `{name}` | {' | '.join(weekly)} | {' | '.join(told(took[name, kind]) for kind in KINDS)} |")


def told(delays: list[float]) -> str:
    """The median of those that came, and how many came."""
    came = [each for each in delays if each != float("inf")]
    if not delays:
        return "-"
    return f"{median(came):.0f} ({len(came)} of {len(delays)})" if came else f"never ({len(delays)})"


if __name__ == "__main__":
    main()
