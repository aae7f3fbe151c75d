"""False alarms a week and seconds to alert, of our rules and of common alternatives: `make bench-alerts`."""

import os
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from stream.monitoring.alerts.prometheus_files import alerts
from tests.bench.alerts.alarms import Alarm, alarms
from tests.bench.alerts.alternatives import ALTERNATIVES
from tests.bench.alerts.prometheus import Span, backfill, evaluate, record, serving
from tests.bench.alerts.samples import write_samples
from tests.bench.alerts.traffic import BEGIN, NEAR, Spike, Traffic, read_times, spike_schedule
from tests.support import DAY, HOUR, MINUTE

SEEDS = int(os.environ.get("CX_BENCH_SEEDS", "2"))
WEEKS = int(os.environ.get("CX_BENCH_WEEKS", "2"))
SPIKES_PER_KIND = int(os.environ.get("CX_BENCH_SPIKES", "3"))
QUIET_START = BEGIN + 31 * DAY
"""From then the longest window is full."""
SPIKES_START = QUIET_START + WEEKS * 7 * DAY
"""From then there are spikes."""
ALERT_OF_SPIKE = {
    "churn": "CxChurnSpike",
    "notice": "CxCancelScheduledSpike",
    "late": "CxFirstResponseSlow",
    "nps": "CxNpsDrop",
}
KINDS = ("ours", "plain", "z-score")
MAX_DELAY = 13 * HOUR
Counts = dict[tuple[str, str], list[float]]


def write_samples_of_seed(seed: int, folder: Path) -> Path:
    """Write the samples of the traffic of a seed and return their folder."""
    spikes = spike_schedule(SPIKES_START, SPIKES_PER_KIND)
    end = spikes[-1].at + MAX_DELAY
    samples = folder / f"{seed}"
    write_samples(
        Traffic(seed, (end - BEGIN) // DAY + 1, spikes), read_times(QUIET_START, end, spikes), samples
    )
    return samples


def count_alarms(samples: Path, false_alarms: Counts, delays: Counts) -> None:
    """Evaluate all rules in Prometheus and count false alarms and delays."""
    spikes, data = spike_schedule(SPIKES_START, SPIKES_PER_KIND), samples.with_suffix(".data")
    whole_span = Span(QUIET_START // 1000, (spikes[-1].at + MAX_DELAY) // 1000, 5 * MINUTE // 1000)
    spike_spans = [Span(spike.at // 1000, (spike.at + NEAR) // 1000, 15) for spike in spikes]
    backfill(samples, data)
    record(data, [whole_span, *spike_spans])
    with serving(data) as port:
        for alert in (alert for rules in alerts().values() for alert in rules if alert.name in ALTERNATIVES):
            alternatives = ALTERNATIVES[alert.name]
            for kind, expr in zip(KINDS, (alert.expr, alternatives.plain, alternatives.z_score), strict=True):
                timing = (alert.for_, alert.keep_firing_for)
                alarms_found = alarms(evaluate(port, expr, whole_span), whole_span, *timing)
                # the first day is the z-score's to learn from
                quiet_alarms = [
                    alarm
                    for alarm in alarms_found
                    if QUIET_START + DAY + HOUR <= alarm.started_at * 1000 < SPIKES_START
                ]
                false_alarms[alert.name, kind].append(len(quiet_alarms) / (WEEKS - 25 / 168))
                for spike, span in zip(spikes, spike_spans, strict=True):
                    if ALERT_OF_SPIKE[spike.kind] == alert.name:
                        close_alarms = alarms(evaluate(port, expr, span), span, *timing)
                        delays[alert.name, kind].append(delay(spike, [*close_alarms, *alarms_found]))


def delay(spike: Spike, alarms_found: list[Alarm]) -> float:
    """Return the seconds from a spike to the first alarm in total or of the app, infinite without one."""
    return min(
        (
            alarm.started_at - spike.at / 1000
            for alarm in alarms_found
            if 0 < alarm.started_at - spike.at / 1000 < MAX_DELAY / 1000
            and dict(alarm.labels).get("channel", "app") == "app"
            and dict(alarm.labels)["view"] != "touchpoint"
        ),
        default=float("inf"),
    )


def main() -> None:
    """Print the table."""
    false_alarms: Counts = defaultdict(list)
    delays: Counts = defaultdict(list)
    with TemporaryDirectory(prefix="cxgauge-bench-") as folder:
        with ProcessPoolExecutor() as pool:
            samples_by_seed = list(pool.map(write_samples_of_seed, range(1, SEEDS + 1), repeat(Path(folder))))
        for samples in samples_by_seed:
            count_alarms(samples, false_alarms, delays)
    print(
        f"{SEEDS} x {WEEKS} quiet weeks, {SEEDS * SPIKES_PER_KIND} spikes of each kind; false alarms a week / seconds to alert\n"
    )
    print(f"| alert | {' | '.join(KINDS)} | seconds: {' | '.join(KINDS)} |")
    print("|---|" + "---|" * 6)
    for name in ALTERNATIVES:
        weekly = [f"{sum(false_alarms[name, kind]) / SEEDS:.1f}" for kind in KINDS]
        print(
            f"| `{name}` | {' | '.join(weekly)} | {' | '.join(format_delays(delays[name, kind]) for kind in KINDS)} |"
        )


def format_delays(delays: list[float]) -> str:
    """Return the median of the finite delays, and their number."""
    finite = [delay for delay in delays if delay != float("inf")]
    if not delays:
        return "-"
    return f"{median(finite):.0f} ({len(finite)} of {len(delays)})" if finite else f"never ({len(delays)})"


if __name__ == "__main__":
    main()
