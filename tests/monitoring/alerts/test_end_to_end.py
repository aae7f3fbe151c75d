"""End to end from Kafka to a webhook, with Prometheus, Alertmanager and the shipped files."""

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
from schemas.times import from_ms
from stream.demo.notices import Notice
from stream.demo.receiver import Receiver
from stream.deployment import FOLDER
from stream.devbroker.http import get
from stream.devbroker.ports import free_port
from stream.devbroker.process import Child
from stream.standalone import monitoring
from stream.standalone.ports import Ports
from tests.chaos.cluster import ChaosCluster, wait
from tests.support import DAY, HOUR, MINUTE, SECOND

pytestmark = [pytest.mark.kafka, pytest.mark.tools, pytest.mark.fresh]

TIMEOUT = 150.0
"""In seconds. Generous, because the machine may be busy."""


class Installation:
    """The whole installation, with the notices that its webhook received."""

    def __init__(
        self, cluster: ChaosCluster, folder: Path, stack: ExitStack, programs: dict[str, Path]
    ) -> None:
        self.cluster = cluster
        worker, exporter = cluster.start(), cluster.start("exporter")
        self.ports = Ports(
            worker=worker.port,  # type: ignore[attr-defined]
            exporter=exporter.port,  # type: ignore[attr-defined]
            prometheus=free_port(),
            alertmanager=free_port(),
            receiver=free_port(),
        )
        self.receiver = stack.enter_context(Receiver(self.ports.receiver, lambda _: None))
        webhook = f"http://127.0.0.1:{self.ports.receiver}/"
        for name, program in programs.items():
            command = (
                monitoring.prometheus(program, folder, self.ports)
                if name == "prometheus"
                else monitoring.alertmanager(program, folder, self.ports, webhook)
            )
            self.shorten_intervals(
                [*(folder / "prometheus" / "rules").glob("*.yml"), folder / "alertmanager.yml"]
            )
            child = stack.enter_context(Child(name, command, log=folder / f"{name}.log"))
            child.wait_until(lambda name=name: get(getattr(self.ports, name), "/-/ready").status == 200)
        wait(lambda: cluster.ready(exporter), cluster.logs)

    @staticmethod
    def shorten_intervals(paths: Iterable[Path]) -> None:
        """Shorten intervals, so that alerts resolve after 5 s."""
        for path in filter(Path.exists, paths):
            text = re.sub(r"(last_over_time\(cx:\w+:condition\[)\w+", r"\g<1>5s", path.read_text())
            path.write_text(re.sub(r"group_interval: \w+", "group_interval: 5s", text))

    def publish(self, events: Iterable[tuple[int, Data]]) -> None:
        """Publish events with their own times as record timestamps, so that none is late."""

        async def send() -> None:
            names = {d: self.cluster.settings.topics.input(d) for d in ("feedback", "tickets", "customers")}  # type: ignore[arg-type]
            async with Publisher(self.cluster.settings.kafka.bootstrap_servers, topics=names) as publisher:
                futures = [
                    f
                    for at, data in events
                    for f in await publisher.enqueue(data, time=from_ms(at), timestamp_ms=at)
                ]
                await asyncio.gather(*futures)

        asyncio.run(send())

    def last_notice(self, alert: str, **labels: str) -> Notice | None:
        """Return the newest notice about an alert with these labels."""
        expected = {"alertname": alert, **labels}.items()
        return next((n for n in reversed(self.receiver.notices) if expected <= n.labels.items()), None)

    def wait_for_notice(self, status: str, alert: str, **labels: str) -> Notice:
        """Wait until the newest notice about an alert has this status."""

        def is_last() -> bool:
            notice = self.last_notice(alert, **labels)
            return notice is not None and notice.status == status

        def diagnostics() -> object:
            return self.receiver.notices, get(self.ports.prometheus, "/api/v1/alerts"), self.cluster.logs()

        wait(is_last, diagnostics, TIMEOUT)
        notice = self.last_notice(alert, **labels)
        assert notice is not None
        return notice


@pytest.fixture
def installation(kafka: str, tmp_path: Path, require: Callable[[str], Path]) -> Iterator[Installation]:
    programs = {name: require(name) for name in ("alertmanager", "prometheus")}
    with ChaosCluster(kafka, tmp_path) as cluster, ExitStack() as stack:
        yield Installation(cluster, tmp_path, stack, programs)


def history(now: int) -> Iterator[tuple[int, Data]]:
    """Yield 300 customers of the app, of whom 20 churned in the month, and 60 tickets of the month with quick replies.

    One churn is involuntary, so that the feed tells decisions to leave from other churns.
    """
    for n in range(300):
        yield now - 40 * DAY, CustomerActivated(customer_id=f"c-{n}", channel="app")
    for n in range(20):
        yield now - 2 * DAY - n * DAY, CustomerChurned(customer_id=f"c-{n}", reason="price", voluntary=n > 0)
    for n in range(60):
        created = now - 20 * DAY + n * 8 * HOUR
        yield from ticket(f"quick-{n}", "web" if n % 2 else "app", created, created + MINUTE)


def ticket(name: str, channel: str, created: int, answered: int) -> Iterator[tuple[int, Data]]:
    """Yield a ticket and its reply."""
    customer = f"of-{name}"
    yield created, TicketCreated(ticket_id=name, channel=channel, customer_id=customer)
    message = TicketMessage(ticket_id=name, message_id="m", author="agent", customer_id=customer)
    yield answered, message


def test_spikes_are_notified_and_resolved(installation: Any) -> None:
    """Late replies and churns fire. Deleted tickets and earlier churns resolve the alerts."""
    now = time.time_ns() // 1_000_000
    installation.publish(history(now))
    installation.publish(
        e for n in range(40) for e in ticket(f"late-{n}", "app", now - 61 * MINUTE - n * SECOND, now)
    )
    installation.publish(
        (now, CustomerChurned(customer_id=f"c-{n}", reason="login")) for n in range(100, 125)
    )

    late_notice = installation.wait_for_notice("firing", "CxAnswersLate", view="total")
    assert re.fullmatch(
        r"The target of 40 tickets passed without an answer in the last (15|30) minutes \(baseline: at most \d\)"
        r"; all in channel app; began \d\d:\d\d UTC",
        late_notice.annotations["summary"],
    )
    assert "40 tickets of channel app " in summary(installation, "CxAnswersLate")
    churn_notice = installation.wait_for_notice("firing", "CxLeavingSpike", view="total")
    assert re.fullmatch(
        r"25 of 255 customers left in the last (minute|\d minutes) \(baseline: at most 1\)"
        r"(; all in channel app)?; all say `login`; began \d\d:\d\d UTC",
        churn_notice.annotations["summary"],
    )
    assert "25 of 255 customers of channel app left" in summary(installation, "CxLeavingSpike")
    for notice in (late_notice, churn_notice):
        assert notice.labels["severity"] == "critical"
        assert (FOLDER.parent / notice.annotations["runbook_url"]).is_file()

    installation.publish(
        (now, TicketDeleted(ticket_id=f"late-{n}", customer_id=f"of-late-{n}")) for n in range(40)
    )
    installation.publish(
        (now - 2 * DAY, CustomerChurned(customer_id=f"c-{n}", reason="login")) for n in range(100, 125)
    )
    for alert in ("CxAnswersLate", "CxLeavingSpike"):
        installation.wait_for_notice("resolved", alert, view="total")
        installation.wait_for_notice("resolved", alert, view="channel", channel="app")


def summary(installation: Installation, alert: str) -> str:
    """Return the summary of the notice about the app."""
    return installation.wait_for_notice("firing", alert, view="channel", channel="app").annotations["summary"]
