"""Wall clocks that jump, in each process: figures, coverage and records stay right, and the wrong clock is named."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.clock import HOLD, JUMP, SHOWN, SteadyClock, describe
from stream.core.model.clock_record import ClockRecord
from stream.exporter.coverage import PartitionId
from stream.exporter.live.payloads import Payloads
from stream.exporter.state import ExporterState
from stream.kafka.admin import create, existing_topics
from stream.kafka.topics import topics
from stream.worker.clock import WorkerClock
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import load
from tests.exporter.in_memory import NPS_SERIES, Worker, answers, apply_records, exporter, refresh
from tests.support import DAY, HOUR, MINUTE, NOW, SECOND

JUMPS = [HOUR, 40 * DAY, 2 * HOUR, -20 * MINUTE, -40 * DAY]


def read(clock: SteadyClock, seconds: int, ahead: int = 0, others: int | None = None) -> int:
    """Return by how much a clock is ahead, `seconds` after NOW, when the wall clock is `ahead` ms and `others` are."""
    true = NOW + seconds * SECOND
    return clock.read(seconds * SECOND, true + ahead, None if others is None else true + others) - true


@pytest.mark.parametrize("jump", JUMPS)
def test_a_short_jump_is_not_followed(jump: int) -> None:
    """It is reported while it lasts."""
    clock = SteadyClock()
    assert [read(clock, s, jump if 10 <= s < 18 else 0) for s in range(40)] == [0] * 40
    read(clock, 40, jump)
    assert clock.report(40 * SECOND).startswith("the wall clock jumped ")
    assert clock.report(40 * SECOND).endswith(" and is not followed")
    read(clock, 41)
    assert clock.report(41 * SECOND) == ""


@pytest.mark.parametrize("jump", JUMPS)
def test_a_long_jump_is_followed_and_so_is_the_way_back(jump: int) -> None:
    """After HOLD, which begins again if the wall clock jumps again. It is reported for ten minutes."""
    clock, hold = SteadyClock(), HOLD // SECOND
    readings = [read(clock, s, jump if 10 <= s < 100 else 0) for s in range(200)]
    assert readings == [0] * (10 + hold) + [jump] * 90 + [0] * (100 - hold)
    moment = (100 + hold) * SECOND
    assert clock.report(moment) == f"the wall clock jumped {describe(-jump).split(' behind')[0]}" + (
        " back and was followed" if jump > 0 else " and was followed"
    )
    assert clock.report(moment + SHOWN) == ""


def test_other_clocks_confirm_or_contradict_a_jump() -> None:
    """A confirmed jump is followed at once, a contradicted one never, and others that know neither do not count."""
    for others, followed_after in ((HOUR, 0), (0, None), (-DAY, HOLD // SECOND), (None, HOLD // SECOND)):
        clock = SteadyClock()
        readings = [read(clock, s, HOUR if s >= 10 else 0, others) for s in range(100)]
        first = next((s for s, ahead in enumerate(readings) if ahead), None)
        assert first == (None if followed_after is None else 10 + followed_after)


def test_small_corrections_are_followed_without_going_back() -> None:
    """A clock that is set back by less than a minute waits until the present comes."""
    clock = SteadyClock()
    aheads = itertools.chain([0, JUMP, JUMP], [0] * 60, [-5_000] * 20)
    present = [NOW + s * SECOND + read(clock, s, ahead) for s, ahead in enumerate(aheads)]
    assert present == sorted(present)
    assert present[-1] == NOW + 82 * SECOND - 5_000


def test_a_suspension_is_no_jump() -> None:
    """Both clocks go on during it."""
    clock = SteadyClock()
    assert [read(clock, s) for s in (0, 1, 100_000)] == [0, 0, 0]
    assert clock.report(100_000 * SECOND) == ""


class FakedExporter:
    """An exporter in memory with one worker, whose clocks are set by the test. Time passes with `after`."""

    def __init__(self) -> None:
        self.state: ExporterState = exporter()
        self.worker = Worker(self.state)
        self.ahead = 0
        self.worker_ahead = 0
        self.seconds = 0
        self._after_checkpoint()

    def after(self, seconds: int) -> dict[str, float]:
        """Let time pass, with a checkpoint of each partition every 5 s, and return the series."""
        series: dict[str, float] = {}
        for _ in range(seconds):
            self.seconds += 1
            if self.seconds % 5 == 0:
                self._after_checkpoint()
            series = refresh(self.state, self.monotonic, self.present())
        return series

    @property
    def monotonic(self) -> int:
        return self.seconds * SECOND

    def present(self) -> int:
        return self.state.clock.read(self.monotonic, NOW + self.monotonic + self.ahead)

    def _after_checkpoint(self) -> None:
        clock = NOW + self.monotonic + self.worker_ahead
        events = answers(3) if self.seconds == 0 else []
        apply_records(self.state, self.worker(events, clock=clock), self.monotonic)

    def notes(self) -> str:
        return self.state.notes(self.monotonic)


def counts(series: dict[str, float]) -> dict[str, float]:
    """Return the promoters of each window, and the covered partitions."""
    names = [
        f'cx_nps_responses{{view="total",window="{w}",category="promoter"}}' for w in ("5m", "1h", "30d")
    ]
    return {name: series[name] for name in (*names, "cx_partitions_covered")}


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_of_the_exporters_clock_changes_no_figure(jump: int) -> None:
    """The worker's clock contradicts it, however long it lasts. /readyz says so."""
    faked = FakedExporter()
    before = counts(faked.after(10))
    assert set(before.values()) == {3}
    for seconds in (8, 60):
        faked.ahead = jump
        assert counts(faked.after(seconds)) == before
        assert "the wall clock jumped" in faked.notes()
        assert "this exporter" in faked.notes()
        assert Payloads(faked.state).status(faked.monotonic, "")["note"] == faked.notes()
        assert faked.state.unready_reason(faked.monotonic) == ""
        faked.ahead = 0
        assert counts(faked.after(10)) == before
        assert faked.notes() == ""


@pytest.mark.parametrize("jump", JUMPS)
def test_an_exporter_that_starts_with_a_wrong_clock_follows_its_correction(jump: int) -> None:
    """At once, because the worker's clock confirms it. Windows move back, too, and nothing is repaired."""
    faked = FakedExporter()
    faked.ahead = jump
    series = faked.after(10)
    assert NPS_SERIES not in series or abs(jump) < HOUR
    assert "clocks differ" in faked.notes()
    faked.ahead = 0
    right = counts(faked.after(2))
    assert set(right.values()) == {3}
    assert "and was followed" in faked.notes()
    assert faked.after(3_600)["cx_window_repairs_total"] == 0
    assert faked.notes() == ""


@pytest.mark.parametrize("jump", JUMPS)
def test_the_clock_of_a_worker_changes_no_figure(jump: int) -> None:
    """It is named when it differs, and its partitions stay covered."""
    faked = FakedExporter()
    faked.state.clock.record_worker(ClockRecord(worker="w-1", written_at=NOW, partitions={"feedback": [0]}))
    before = counts(faked.after(10))
    faked.worker_ahead = jump
    faked.state.clock.record_broker(NOW + faked.monotonic, faked.monotonic)
    assert counts(faked.after(10)) == before
    assert f"worker w-1 {describe(jump)}" in faked.notes()
    assert "this exporter" not in faked.notes()
    faked.worker_ahead = 0
    assert counts(faked.after(10)) == before
    assert faked.notes() == ""


@pytest.mark.parametrize("jump", JUMPS)
def test_the_clock_of_a_publisher_changes_its_own_events_only(jump: int) -> None:
    """Those ahead are dead letters, those behind count at their time. Windows and later events stay as they are."""
    faked = FakedExporter()
    before = counts(faked.after(10))
    now = NOW + faked.monotonic
    apply_records(faked.state, faked.worker(answers(2, at=now + jump), clock=now), faked.monotonic)
    series = faked.after(10)
    inside = {'window="1h"', 'window="30d"'} if -HOUR < jump < 0 else set()
    assert counts(series) == {
        name: n + 2 * any(window in name for window in inside) for name, n in before.items()
    }
    outcome = "future" if jump > 0 else "accepted"
    assert series[f'cx_events_total{{topic="cx.feedback",outcome="{outcome}"}}'] == (2 if jump > 0 else 5)
    now = NOW + faked.monotonic
    apply_records(faked.state, faked.worker(answers(1, at=now), clock=now), faked.monotonic)
    later = counts(faked.after(1))
    assert all(n == counts(series)[name] + ("window" in name) for name, n in later.items())


def test_the_clock_of_the_broker_is_named() -> None:
    """Its last known time counts for three minutes."""
    faked = FakedExporter()
    faked.after(10)
    faked.state.clock.record_broker(NOW + faked.monotonic + HOUR, faked.monotonic)
    assert faked.after(10)['cx_clock_difference_seconds{clock="broker"}'] == 3600
    assert "clocks differ from the majority: broker 60 min ahead" in faked.notes()
    assert 'cx_clock_difference_seconds{clock="broker"}' not in faked.after(180)
    assert faked.notes() == ""


def test_hostile_clock_records_name_no_other_partitions() -> None:
    """Control characters are escaped, and only partitions that exist are stored."""
    faked = FakedExporter()
    owned = {"feedback": [0, -1, 7, 1 << 70], "x" * 1_000: list(range(1_000))}
    faked.state.clock.record_worker(ClockRecord(worker="\x1b]0;w\x07", written_at=0, partitions=owned))
    faked.worker_ahead = HOUR
    faked.after(10)
    assert r"worker \x1b]0;w\x07 60 min ahead" in faked.notes()
    assert faked.state.clock._workers.keys() == {PartitionId("feedback", 0)}


def test_an_old_checkpoint_is_no_reading_of_a_clock() -> None:
    """At the start, the newest checkpoint may have been written long ago."""
    state = exporter()
    apply_records(state, Worker(state)(clock=NOW - DAY), 0)
    state.clock.read(0, NOW)
    assert state.clock.compare(0).differences == {}


def test_a_batch_before_the_end_is_as_old_as_the_last_end_at_most() -> None:
    """An exporter whose clock is ahead does not lose a partition for that. Before the first end none is covered."""
    state = exporter()
    written = Worker(state)(clock=NOW + 20 * MINUTE)
    apply_records(state, written, 0, at_end=False)
    assert "no checkpoint for 30 s" in state.unready_reason(0)
    apply_records(state, written, 0)
    apply_records(state, Worker(state)(clock=NOW - HOUR), 20_000, at_end=False)
    assert "no checkpoint" not in state.unready_reason(29_999)
    assert "no checkpoint for 30 s" in state.unready_reason(30_000)


class FakedWorkerClock(WorkerClock):
    """A worker's clock that a test sets."""

    def __init__(self) -> None:
        self.seconds, self.ahead = 0, 0
        super().__init__(lambda: NOW + self.seconds * SECOND + self.ahead, lambda: self.seconds * SECOND)


def test_records_are_stamped_with_the_brokers_time() -> None:
    """The broker refuses records that are far ahead of its clock. The difference is reported."""
    clock = FakedWorkerClock()
    assert clock.stamp() == NOW
    clock.set_broker(NOW - 500)
    for clock.seconds in range(0, 100, 5):
        clock.ahead = 40 * DAY
        assert clock.stamp() == NOW - 500 + clock.seconds * SECOND
        clock.wall_ms()
    assert clock.wall_ms() == NOW + 95 * SECOND + 40 * DAY
    assert dict(clock.notes())["broker"] == "clock of this worker: 40 d ahead, compared with the broker's"
    clock.ahead = 0
    clock.set_broker(NOW + 95 * SECOND)
    assert "broker" not in dict(clock.notes())


def test_a_worker_follows_a_jump_that_the_broker_confirms() -> None:
    """A virtual machine that was paused has a wrong monotonic clock, so the broker's time must be asked for."""
    clock = FakedWorkerClock()
    clock.wall_ms()
    clock.set_broker(NOW)
    clock.seconds, clock.ahead = 1, HOUR
    assert (clock.wall_ms(), clock.has_jumped) == (NOW + SECOND, True)
    clock.set_broker(NOW + SECOND + HOUR)
    assert (clock.wall_ms(), clock.has_jumped) == (NOW + SECOND + HOUR, False)
    assert [key for key, _ in clock.notes()] == ["the wall clock jumped 60 min ahead and was followed"]


def readiness(process: Any) -> tuple[int, str]:
    """Return status and text of /readyz, 0 and an error without an answer."""
    try:
        with urlopen(f"http://127.0.0.1:{process.port}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


class JumpingCluster(ChaosCluster):
    """A cluster of processes whose wall clocks are set by files."""

    program = "tests.security.jumping_clock"

    def start_with_clock(self, service: str, ahead: int = 0, **env: str) -> tuple[Any, Path]:
        """Start a service whose wall clock is `ahead` ms. Return it and the file of its clock."""
        file = self.folder / f"clock-{len(self.workers)}-{len(self.exporters)}"
        file.write_text(str(ahead))
        return self.start(service, CX_TEST_CLOCK=str(file), **env), file


@pytest.fixture
def jumping(kafka: str, tmp_path: Path) -> Iterator[JumpingCluster]:
    """A cluster on the shared broker."""
    with JumpingCluster(kafka, tmp_path) as cluster:
        yield cluster


async def clock_records(cluster: ChaosCluster) -> list[Any]:
    """Return all records of the clock topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.settings.kafka.bootstrap_servers)
    await consumer.start()
    tp = TopicPartition(cluster.settings.topics.clock, 0)
    consumer.assign([tp])
    await consumer.seek_to_beginning(tp)
    records = []
    while await consumer.position(tp) < (await consumer.end_offsets([tp]))[tp]:
        records += (await consumer.getmany(tp, timeout_ms=500)).get(tp, [])
    await consumer.stop()
    return records


@pytest.mark.kafka
async def test_processes_survive_jumps_of_their_clocks(jumping: JumpingCluster) -> None:
    """One worker starts 20 minutes behind and jumps 40 days ahead, the exporter's clock jumps there and back."""
    started = int(time.time() * 1000)
    worker, worker_clock = jumping.start_with_clock(
        "worker", -20 * MINUTE, CXGAUGE_WORKER_INSTANCE="w-behind"
    )
    jumping.start_with_clock("worker", CXGAUGE_WORKER_INSTANCE="w-right")
    watched, clock = jumping.start_with_clock("exporter")
    wait(lambda: "worker w-behind 20 min behind" in readiness(watched)[1], jumping.logs)
    wait(lambda: "20 min behind, compared with the broker's" in readiness(worker)[1], jumping.logs)
    wait(lambda: "worker w-behind 20 min behind" in jumping.logs(), jumping.logs)  # of the exporter
    worker_clock.write_text("0")
    wait(lambda: readiness(watched) == (200, "ok\n"), jumping.logs)

    jumping.publish(load(300, now=int(time.time() * 1000), seed=3))
    wait(lambda: NPS_SERIES in jumping.samples(watched), jumping.logs)
    accepted = 'cx_events_total{topic="cx.feedback",outcome="accepted"}'
    for jump in (40 * DAY, HOUR, -20 * MINUTE):
        before = jumping.samples(watched)[accepted]
        clock.write_text(str(jump))
        worker_clock.write_text(str(jump))
        wait(lambda: "is not followed" in readiness(watched)[1], jumping.logs)
        assert "this exporter" in readiness(watched)[1]
        jumping.publish(load(50, now=int(time.time() * 1000), seed=abs(jump)))
        wait(lambda before=before: jumping.samples(watched)[accepted] > before, jumping.logs)  # type: ignore[misc]
        series = jumping.samples(watched)
        assert series["cx_partitions_covered"] == series["cx_partitions_expected"]
        assert series[NPS_SERIES.replace("score", "responses").replace("}", ',category="promoter"}')] > 0
        clock.write_text("0")
        worker_clock.write_text("0")
        wait(lambda: readiness(watched) == (200, "ok\n"), jumping.logs)
    assert worker.poll() is None
    assert "restarting" not in jumping.logs()

    records = await clock_records(jumping)
    names = {json.loads(record.value)["worker"] for record in records}
    assert names == {"w-behind", "w-right"}
    assert all(record.timestamp_type == 1 and record.timestamp >= started for record in records)


@pytest.mark.kafka
def test_counting_does_not_need_the_clock_topic(kafka: str, tmp_path: Path) -> None:
    """Worker and exporter say that it is missing, and do not create it."""
    cluster = ChaosCluster(kafka, tmp_path)
    asyncio.run(create(cluster.settings, [spec for spec in topics(cluster.settings) if spec.role != "clock"]))
    try:
        cluster.start()
        watched = cluster.start("exporter")
        cluster.publish(load(100, now=int(time.time() * 1000), seed=3))
        missing = f"the broker's clock is not compared: topic {cluster.settings.topics.clock} is missing"
        wait(lambda: readiness(watched) == (200, f"ok\n{missing}\n"), cluster.logs)
        wait(lambda: NPS_SERIES in cluster.samples(watched), cluster.logs)
        wait(lambda: f"Topic {cluster.settings.topics.clock} is missing" in cluster.logs(), cluster.logs)
        assert cluster.settings.topics.clock not in asyncio.run(existing_topics(cluster.settings))
    finally:
        cluster.__exit__()
