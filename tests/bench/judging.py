"""What the detectors of unusual figures cost an exporter: `python -m tests.bench.judging`.

Two exporters in one process read the same five weeks of answers, tickets and churns. One of them judges, the other does not. They
refresh in turn while their panes change, so that other work on the machine slows down both. All times are CPU time of the
process. A stall is the time between two turns of the event loop, which `run_in_slices` gives it.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from random import Random
from unittest.mock import patch

from schemas.customers import CancelScheduled, CustomerActivated
from schemas.feedback import FeedbackSubmitted
from schemas.tickets import InteractionHandled, TicketCreated, TicketMessage, TicketStatus
from schemas.times import from_ms
from stream.core.windows.rolling import CooperativeSteps
from stream.exporter.coverage import PartitionId
from stream.exporter.http.pages import SLICE_SECONDS
from stream.exporter.service import tune_gc
from stream.exporter.state import ExporterState, PaneBatch
from tests.exporter.in_memory import Worker, exporter
from tests.support import DAY, HOUR, MINUTE, NOW, SECOND, Event, FakeRecord

VALUES, CSAT_VALUES = 200, 20
"""Touchpoints with NPS answers, and those of them with CSAT answers, too."""
CHANNELS = ("app", "web", "phone", "chat")
HISTORY_DAYS = 36
ANSWERS_A_DAY = 6
"""NPS answers a day of a touchpoint, and half as many CSAT answers."""
OTHERS_A_DAY = 240
"""Tickets, interactions and leavers a day of all channels."""
FIRST = NOW // HOUR * HOUR + HOUR - 4 * MINUTE
"""The first refresh, some minutes before the end of an hour."""
REFRESHES_AN_HOUR = 7200
"""By the default of `exporter.refresh_interval`."""
Written = dict[str, list[FakeRecord]]


def answer(random: Random, number: int, at: int, survey: str) -> Event:
    """Return an answer of a touchpoint."""
    score = random.choice((9, 10, 10, 8, 7, 3)) if survey == "nps" else random.choice((5, 5, 4, 2))
    name = f"{survey}-{number}-{at}-{random.randrange(1 << 30)}"
    touchpoint = f"t{number}"
    return Event(
        FeedbackSubmitted(feedback_id=name, survey=survey, score=score, touchpoint=touchpoint), at, at, name
    )


def other(random: Random, at: int) -> Iterator[Event]:
    """Yield the events of a ticket, of an interaction and of a customer who gives notice."""
    channel, name = random.choice(CHANNELS), f"o{at}-{random.randrange(1 << 30)}"
    replied, solved = at + random.randrange(40 * MINUTE), at + HOUR
    end = from_ms(at + 9 * DAY)
    for data, when in (
        (TicketCreated(ticket_id=name, channel=channel), at),
        (TicketMessage(ticket_id=name, message_id="a", author="agent"), replied),
        (TicketStatus(ticket_id=name, status="solved", by="agent"), solved),
        (
            InteractionHandled(
                interaction_id=name, talk_s=random.randrange(90, 900), hold_s=0, wrap_s=20, channel=channel
            ),
            at,
        ),
        (CustomerActivated(customer_id=name, channel=channel), at),
        (CancelScheduled(customer_id=name, effective_at=end), at + SECOND),
    ):
        yield Event(data, when, when, f"{name}-{type(data).__name__}")


def history(random: Random) -> list[Event]:
    """Return the events of five weeks, in the order of their times."""
    begin, span = FIRST - HISTORY_DAYS * DAY, HISTORY_DAYS * DAY
    events: list[Event] = []
    for number in range(VALUES):
        surveys = ["nps"] * (HISTORY_DAYS * ANSWERS_A_DAY)
        surveys += ["csat"] * (HISTORY_DAYS * ANSWERS_A_DAY // 2 if number < CSAT_VALUES else 0)
        events += [answer(random, number, begin + random.randrange(span), survey) for survey in surveys]
    for _ in range(OTHERS_A_DAY * HISTORY_DAYS):
        events += other(random, begin + random.randrange(span - 2 * HOUR))
    return sorted(events, key=lambda event: event.stamp)


class Measured:
    """An exporter and the cost of its refreshes, by kind: their CPU seconds, and the seconds of every slice."""

    def __init__(self, *, judges: bool) -> None:
        if judges:
            self.state: ExporterState = exporter(CXGAUGE_METRICS_MAX_VALUES="1000")
        else:
            with patch("stream.exporter.domain_view.STREAMS", ()):
                self.state = exporter(CXGAUGE_METRICS_MAX_VALUES="1000")
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.stalls: list[float] = []

    def refresh(self, kind: str, written: Written, now: int) -> None:
        """Apply records and refresh the exposition, as the service does."""
        began = time.process_time()
        for domain, rows in written.items():
            batch = PaneBatch(PartitionId(domain, 0), rows)
            self._in_slices(self.state.apply(batch, monotonic_ms=0, wall_ms=now))
        self._in_slices(self.state.refresh(0, now))
        self.seconds[kind].append(time.process_time() - began)

    def _in_slices(self, steps: CooperativeSteps) -> None:
        began = time.process_time()
        for _ in steps:
            passed = time.process_time() - began
            if passed > SLICE_SECONDS:
                self.stalls.append(passed)
                began = time.process_time()
        self.stalls.append(time.process_time() - began)

    @property
    def series(self) -> int:
        """The number of series served."""
        return sum(view.exposition.series for view in self.state.domain_views.values())

    def hour(self) -> float:
        """Return the CPU seconds of an hour of refreshes."""
        mean = {kind: statistics.mean(seconds) for kind, seconds in self.seconds.items()}
        return mean["refresh"] * (REFRESHES_AN_HOUR - 60) + mean["minute"] * 59 + mean["hour"]


def measure(changed: int, rounds: int) -> tuple[Measured, Measured]:
    """Return the costs without and with detectors, of refreshes after answers of so many touchpoints."""
    random = Random(1)
    both = Measured(judges=False), Measured(judges=True)
    worker = Worker(both[0].state)
    begin = worker(history(random), FIRST - MINUTE)
    for measured in both:
        measured.refresh("start", begin, FIRST - MINUTE)
    tune_gc()
    for measured in both:
        measured.stalls.clear()
    for number in range(rounds):
        minute, position = divmod(number, 20)
        now = FIRST + minute * MINUTE + position * 500
        events = [answer(random, n, now, "nps") for n in random.sample(range(VALUES), changed)]
        kind = "refresh" if position else "minute" if now % HOUR >= MINUTE else "hour"
        written = worker(events, now)
        for measured in both if number % 2 else reversed(both):
            measured.refresh(kind, written, now)
    return both


def described(measured: Measured) -> str:
    """Return the costs in a line."""
    kinds = (
        f"{kind} {1000 * statistics.median(measured.seconds[kind]):.1f} ms"
        for kind in ("refresh", "minute", "hour")
    )
    stalls = sorted(1000 * stall for stall in measured.stalls)
    p50, p99 = (stalls[int(share * (len(stalls) - 1))] for share in (0.5, 0.99))
    return f"{', '.join(kinds)}; stalls p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {stalls[-1]:.1f} ms"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with few and with many changes, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.judging", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=200, help="refreshes of each exporter, 20 of them a minute"
    )
    parser.add_argument(
        "--changed", default="5,20,200", help="touchpoints with an answer between two refreshes"
    )
    options = parser.parse_args(arguments)
    for changed in map(int, options.changed.split(",")):
        without, with_detectors = measure(changed, options.rounds)
        print(f"{without.series:,} series, {VALUES} label values, {changed} of them change with each refresh")
        print(f"  without detectors  {described(without)}")
        print(f"  with detectors     {described(with_detectors)}")
        print(f"  CPU of an hour     {with_detectors.hour() / without.hour():.2f} times as much", flush=True)


if __name__ == "__main__":
    main()
