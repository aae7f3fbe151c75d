"""The intake as a process of its own, on Apache Kafka: what was answered 202 is counted, once."""

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from schemas.topics import partition_of
from stream.devbroker.kafka import Broker
from stream.devbroker.ports import free_port
from stream.intake.grants import token_hash
from stream.operations.deadletters.replaying import UNKNOWN_TOPIC
from tests.chaos.cluster import ChaosCluster, wait
from tests.intake.http_client import BATCH, send, send_events
from tests.intake.running import answer
from tests.style.sources import ROOT

pytestmark = pytest.mark.kafka

PROMOTERS = 'cx_nps_responses{view="total",window="1h",category="promoter"}'


@pytest.fixture
def cluster(kafka: str, tmp_path: Path) -> Iterator[ChaosCluster]:
    with ChaosCluster(kafka, tmp_path) as cluster:
        yield cluster


def start(cluster: ChaosCluster, **env: str) -> Any:
    """Start an intake and wait until it is ready."""
    intake = cluster.start("intake", **env)
    wait(lambda: cluster.ready(intake), cluster.logs)
    return intake


def url(intake: Any) -> str:
    return f"http://127.0.0.1:{intake.port}"


@pytest.mark.tools
def test_the_curl_of_the_page_is_counted(cluster: ChaosCluster, require: Callable[[str], Path]) -> None:
    """Through a worker to the exporter. SIGTERM ends the intake with 0."""
    require("curl")
    page = (ROOT / "deploy/docs/intake.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"```sh\n(curl .*?)```", page, re.DOTALL)
    intake, exporter = start(cluster), cluster.start("exporter")
    cluster.start()
    address = "http://127.0.0.1:9816"
    assert address in command
    shell = ["sh", "-c", f"{command.strip().replace(address, url(intake))} -sS"]
    result = subprocess.run(shell, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == {"accepted": 1, "rejected": 0}
    wait(lambda: cluster.samples(exporter).get(PROMOTERS) == 1, cluster.logs)
    intake.send_signal(signal.SIGTERM)
    assert intake.wait(20) == 0


def test_records_are_those_of_the_publisher(cluster: ChaosCluster) -> None:
    """In the owner's partition, an erasure in all topics, with the timestamp of now."""
    intake = start(cluster)
    erasure = answer() | {"type": "cx.customer.erased.v1", "data": {"customer_id": "c-1"}}
    assert send_events(url(intake), [*(answer(number) for number in range(50)), erasure]).status == 202
    _, records = cluster.input_records("feedback")
    assert len(records) == 51
    for record in records:
        assert record.partition == partition_of(record.key, 4)
        assert abs(record.timestamp - time.time() * 1000) < 60_000
        assert dict(record.headers)["content-type"] == b"application/cloudevents+json; charset=UTF-8"
    assert {record.key for record in records} == {b"c-1", *(b"r-%d" % number for number in range(50))}
    assert [len(cluster.input_records(domain)[1]) for domain in ("tickets", "customers")] == [1, 1]


def test_a_payload_that_cannot_be_mapped_is_listed_among_the_dead_letters(
    cluster: ChaosCluster, tmp_path: Path
) -> None:
    mapping = tmp_path / "desk.toml"
    mapping.write_text(
        'source = "/desk"\n[[event]]\ntype = "cx.ticket.handoff.v1"\nid = "{id}"\ntime = "{at}"\n'
        'data = {ticket_id = "{ticket}"}\n'
    )
    hook = {"mapping": str(mapping), "verify": "token", "header": "X-Token", "sha256": [token_hash("t")]}
    intake = start(cluster, CXGAUGE_INTAKE_HOOKS=json.dumps({"desk": hook}))
    given = {"path": "/v1/hooks/desk", "X-Token": "t"}
    assert send(url(intake), '{"id": "1", "at": "soon", "ticket": "7"}', **given).document["unmapped"] == 1
    assert (
        send(url(intake), '{"id": "1", "at": "2026-11-22T10:15:00Z", "ticket": "7"}', **given).status == 200
    )
    (dead,) = cluster.dead_letters()
    assert dead.value == b'{"id": "1", "at": "soon", "ticket": "7"}'
    listed = cluster.run("deadletter", "ls").stdout
    assert "hooks/desk" in listed
    assert "desk.toml: rule 1 (cx.ticket.handoff.v1): time: " in listed
    assert len(cluster.input_records("tickets")[1]) == 1
    replayed = cluster.run("deadletter", "replay", "--dry-run").stdout.splitlines()
    assert replayed == ["0 would be replayed", f"1 not replayed: {UNKNOWN_TOPIC}"]


class Client(threading.Thread):
    """Sends events, each with an ID of its own, and sends again what was not answered 202."""

    def __init__(self, number: int, address: str, stop: threading.Event) -> None:
        super().__init__()
        self.number, self.address, self.stop = number, address, stop
        self.stored: list[str] = []
        self.repeated = 0

    def run(self) -> None:
        choose, sent = random.Random(self.number), 0
        while not self.stop.is_set():
            size = choose.choice((1, 1, 1, 25))
            events = [answer(f"{self.number}-{sent + n}") for n in range(size)]  # type: ignore[arg-type]
            sent += size
            while not self._is_stored(events):
                self.repeated += 1
                assert self.repeated < 5_000
                self.stop.wait(0.02)
            self.stored += [event["data"]["feedback_id"] for event in events]

    def _is_stored(self, events: list[dict[str, Any]]) -> bool:
        try:
            return send_events(self.address, events, BATCH).status == 202
        except (OSError, HTTPException):
            return False


def test_kill_under_load(cluster: ChaosCluster) -> None:
    """What was answered 202 before a SIGKILL is counted once, and so is what had to be sent again."""
    intake, stop = start(cluster), threading.Event()
    listen = {"CXGAUGE_INTAKE_LISTEN": f"127.0.0.1:{intake.port}"}
    clients = [Client(number, url(intake), stop) for number in range(6)]
    for client in clients:
        client.start()
    try:
        for kills in range(1, 5):
            before = sum(len(client.stored) for client in clients)
            wait(lambda: sum(len(client.stored) for client in clients) > before + 300, cluster.logs)  # noqa: B023
            intake.kill()
            intake.wait()
            stored = {name for client in clients for name in list(client.stored)}
            keys = {record.key.decode() for record in cluster.input_records("feedback")[1]}
            assert stored <= keys, kills
            port = intake.port
            intake = cluster.start("intake", **listen)
            intake.port = port
    finally:
        wait(lambda: cluster.ready(intake), cluster.logs)
        stop.set()
        for client in clients:
            client.join()
    assert sum(client.repeated for client in clients) > 0
    exporter = cluster.start("exporter")
    cluster.start()
    assert cluster.wait_until_counted(), cluster.logs()
    expected = sum(len(client.stored) for client in clients)
    wait(lambda: cluster.samples(exporter).get(PROMOTERS) == expected, cluster.logs)
    assert cluster.dead_letters() == []


def test_sigterm_under_load(cluster: ChaosCluster) -> None:
    """Open requests are answered, and the process ends with 0."""
    intake, stop = start(cluster), threading.Event()
    clients = [Client(number, url(intake), stop) for number in range(4)]
    for client in clients:
        client.start()
    try:
        wait(lambda: sum(len(client.stored) for client in clients) > 200, cluster.logs)
        intake.send_signal(signal.SIGTERM)
        assert intake.wait(20) == 0
    finally:
        restarted = cluster.start("intake", CXGAUGE_INTAKE_LISTEN=f"127.0.0.1:{intake.port}")
        restarted.port = intake.port
        wait(lambda: cluster.ready(restarted), cluster.logs)
        stop.set()
        for client in clients:
            client.join()
    keys = {record.key.decode() for record in cluster.input_records("feedback")[1]}
    assert keys == {name for client in clients for name in client.stored}


def test_a_broker_that_hangs_under_a_flood(tmp_path: Path) -> None:
    """Requests are answered 503, memory is bounded, and what is sent again is counted once."""
    with Broker() as broker, ChaosCluster(broker.bootstrap, tmp_path) as cluster:
        intake = start(cluster)
        body = [answer(f"f-{number}", comment="x" * 9_000) for number in range(100)]  # type: ignore[arg-type]
        assert send_events(url(intake), body).status == 202
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            with ThreadPoolExecutor(60) as pool:
                answers = list(pool.map(lambda _: send_events(url(intake), body), range(120)))
            assert not cluster.ready(intake)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        assert {response.status for response in answers} == {503}
        details = {response.document["detail"] for response in answers}
        assert "Too much data waits to be stored" in details
        assert resident_bytes(intake.pid) < 500 << 20
        wait(lambda: cluster.ready(intake), cluster.logs)
        wait(lambda: send_events(url(intake), body).status == 202, cluster.logs)
        exporter = cluster.start("exporter")
        cluster.start()
        assert cluster.wait_until_counted(), cluster.logs()
        wait(lambda: cluster.samples(exporter).get(PROMOTERS) == 100, cluster.logs)


def resident_bytes(pid: int) -> int:
    """Return the greatest resident memory of a process so far."""
    (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(peak) * 1024


def test_without_a_broker_requests_are_refused(tmp_path: Path) -> None:
    cluster = ChaosCluster(f"127.0.0.1:{free_port()}", tmp_path)
    intake = cluster.start("intake")
    try:
        wait(lambda: cluster.get(intake, "/livez"), cluster.logs)
        response = send_events(url(intake), [answer(1)])
        assert (response.status, response.document["type"]) == (503, "urn:cxgauge:problem:unavailable")
        assert not cluster.ready(intake)
    finally:
        cluster.__exit__()
