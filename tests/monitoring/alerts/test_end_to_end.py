"""From events in Kafka to a webhook: worker, exporter, Prometheus and Alertmanager with the shipped files."""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from schemas.customers import CustomerActivated, CustomerChurned
from schemas.fields import Data
from schemas.publish import Publisher
from schemas.tickets import TicketCreated, TicketDeleted, TicketMessage
from stream.demo import monitoring
from stream.demo.notices import Notice
from stream.demo.ports import Ports
from stream.demo.receiver import Receiver
from stream.deployment import FOLDER
from stream.devbroker.http import get
from stream.devbroker.ports import free_port
from stream.devbroker.process import Child
from tests.chaos.rig import ChaosCluster, wait
from tests.support import DAY, HOUR, MINUTE, SECOND

pytestmark = [pytest.mark.kafka, pytest.mark.tools, pytest.mark.fresh]

PATIENCE = 150.0
"""Far more than it takes: the machine may have other tenants."""


class Told:
    """The whole installation, and what its webhook was told."""

    def __init__(self, rig: ChaosCluster, folder: Path, stack: ExitStack, programs: dict[str, Path]) -> None:
        self.rig = rig
        worker, exporter = rig.start(), rig.start("exporter")
        self.ports = Ports(0, worker.port, exporter.port, *(free_port() for _ in range(3)))  # type: ignore[attr-defined]
        self.receiver = stack.enter_context(Receiver(self.ports.receiver, lambda _: None))
        for name, program in programs.items():
            command = getattr(monitoring, name)(program, folder, self.ports)
            self._be_quick([*(folder / "prometheus" / "rules").glob("*.yml"), folder / "alertmanager.yml"])
            child = stack.enter_context(Child(name, command, log=folder / f"{name}.log"))
            child.wait_until(lambda name=name: get(getattr(self.ports, name), "/-/ready").status == 200)
        wait(lambda: rig.ready(exporter), rig.logs)

    @staticmethod
    def _be_quick(copies: Iterable[Path]) -> None:
        """A test cannot wait a quarter of an hour: what no longer holds is taken back after 5 s, and told at once."""
        for path in filter(Path.exists, copies):
            path.write_text(re.sub(r"(keep_firing_for|group_interval): \w+", r"\1: 5s", path.read_text()))

    def publish(self, events: Iterable[tuple[int, Data]]) -> None:
        """Each with its own time; records of the past are stamped with it, so that none is late."""

        async def send() -> None:
            names = {d: self.rig.settings.topics.input(d) for d in ("feedback", "tickets", "customers")}  # type: ignore[arg-type]
            async with Publisher(self.rig.settings.kafka.bootstrap_servers, topics=names) as publisher:
                sent = [
                    f for at, data in events for f in await publisher.enqueue(data, time=at, timestamp_ms=at)
                ]
                await asyncio.gather(*sent)

        asyncio.run(send())

    def last(self, alert: str, **labels: str) -> Notice | None:
        """The newest notice about an alert with these labels."""
        wanted = {"alertname": alert, **labels}.items()
        return next((n for n in reversed(self.receiver.notices) if wanted <= n.labels.items()), None)

    def has_told(self, status: str, alert: str, **labels: str) -> Notice:
        """Wait until the newest notice about an alert says so."""

        def said() -> bool:
            found = self.last(alert, **labels)
            return found is not None and found.status == status

        def seen() -> object:
            return self.receiver.notices, get(self.ports.prometheus, "/api/v1/alerts"), self.rig.logs()

        wait(said, seen, PATIENCE)
        found = self.last(alert, **labels)
        assert found is not None
        return found


@pytest.fixture
def told(kafka: str, tmp_path: Path, require: Callable[[str], Path]) -> Iterator[Told]:
    programs = {name: require(name) for name in ("alertmanager", "prometheus")}
    with ChaosCluster(kafka, tmp_path) as rig, ExitStack() as stack:
        yield Told(rig, tmp_path, stack, programs)


def past(now: int) -> Iterator[tuple[int, Data]]:
    """300 customers of the app, of whom 20 left over the month; 30 tickets answered at once."""
    for n in range(300):
        yield now - 40 * DAY, CustomerActivated(customer_id=f"c-{n}", channel="app")
    for n in range(20):
        yield now - 2 * DAY - n * DAY, CustomerChurned(customer_id=f"c-{n}", reason="price")
    for n in range(30):
        yield from ticket(f"quick-{n}", "web", now - 30 * MINUTE, now - 29 * MINUTE)


def ticket(name: str, channel: str, created: int, answered: int) -> Iterator[tuple[int, Data]]:
    """Written and answered."""
    customer = f"of-{name}"
    yield created, TicketCreated(ticket_id=name, channel=channel, customer_id=customer)
    message = TicketMessage(ticket_id=name, message_id="m", author="agent", customer_id=customer)
    yield answered, message


def test_spikes_are_told_with_their_figures_and_taken_back(told: Any) -> None:
    """Late answers and churns; then the tickets are spam, and the customers had left two days before."""
    now = time.time_ns() // 1_000_000
    told.publish(past(now))
    told.publish(e for n in range(40) for e in ticket(f"late-{n}", "app", now - 2 * HOUR, now - n * SECOND))
    told.publish((now, CustomerChurned(customer_id=f"c-{n}", reason="login")) for n in range(100, 125))

    slow = told.has_told("firing", "CxFirstResponseSlow", view="total")
    assert slow.annotations["summary"] == (
        "The p90 of 70 first responses in total within an hour is over target: "
        f"{shown(told, 'cx_first_response_seconds')}; 42.86% were in time "
        "(at most 67.96% by the bound, objective: 90%)"
    )
    assert re.search(
        "of 40 first responses channel app .*; 0% were in time", summary(told, "CxFirstResponseSlow")
    )
    churn = told.has_told("firing", "CxChurnSpike", view="total")
    assert churn.annotations["summary"].startswith(
        "25 of 280 customers in total churned within an hour (at least 8.4 by the bound, baseline: at most "
    )
    assert "25 of 280 customers channel app" in summary(told, "CxChurnSpike")
    for notice in (slow, churn):
        assert notice.labels["severity"] == "critical"
        assert (FOLDER.parent / notice.annotations["runbook_url"]).is_file()

    told.publish((now, TicketDeleted(ticket_id=f"late-{n}", customer_id=f"of-late-{n}")) for n in range(40))
    told.publish(
        (now - 2 * DAY, CustomerChurned(customer_id=f"c-{n}", reason="login")) for n in range(100, 125)
    )
    for alert in ("CxFirstResponseSlow", "CxChurnSpike"):
        told.has_told("resolved", alert, view="total")
        told.has_told("resolved", alert, view="channel", channel="app")


def summary(told: Told, alert: str) -> str:
    """What is told of the app."""
    return told.has_told("firing", alert, view="channel", channel="app").annotations["summary"]


def shown(told: Told, name: str) -> str:
    """The p90 of the last hour as Prometheus writes durations."""
    exporter = told.rig.exporters[0]
    seconds = told.rig.samples(exporter)[f'{name}{{view="total",window="1h",quantile="0.9"}}']
    return f"{int(seconds // 3600)}h {int(seconds % 3600 // 60)}m {int(seconds % 60)}s"
