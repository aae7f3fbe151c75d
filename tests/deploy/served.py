"""An exporter with figures of every metric, a twin that lacks some, a worker; and a Prometheus that scrapes them."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from schemas.customers import CustomerActivated, CustomerChurned, PurchaseCompleted
from schemas.feedback import FeedbackOffered, FeedbackSubmitted
from schemas.tickets import InteractionHandled, TicketCreated, TicketHandoff, TicketMessage, TicketStatus
from stream.config import Address
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.model.unreadable import UnreadableBatch
from stream.devbroker.process import Child, free_port
from stream.exporter.exposition import CONTENT_TYPE
from stream.exporter.state import ExporterState
from stream.worker.health import Health
from stream.worker.health import serve as serve_health
from stream.worker.task_manager import TaskManager
from tests.exporter.in_memory import Worker, answers, exporter, feed, refresh
from tests.support import DAY, HOUR, NOW, Event, aggregation_config
from tests.worker.test_task_manager import HERE, Memory

CALENDAR = {
    "name": "always",
    "from": "2020-01-01",
    "timezone": "UTC",
    "hours": {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
}


def told(channel: str) -> list[Event]:
    """Something for every figure, of one channel."""
    where: dict[str, Any] = {"channel": channel}
    handled = {"talk_s": 60.0, "hold_s": 0.0, "wrap_s": 5.0}
    data: list[tuple[int, Any]] = []
    for ticket, ago in (("t", HOUR), ("u", 9 * DAY)):
        name = f"{ticket}-{channel}"
        data += [
            (ago, TicketCreated(ticket_id=name, opened_by="customer", **where)),
            (ago - 60_000, TicketHandoff(ticket_id=name)),
            (ago - 120_000, TicketMessage(ticket_id=name, message_id="m", author="agent")),
            (ago - 180_000, TicketStatus(ticket_id=name, status="solved", by="agent")),
        ]
    data += [
        (HOUR, TicketCreated(ticket_id=f"open-{channel}", **where)),
        (HOUR, InteractionHandled(interaction_id=f"i-{channel}", **where, **handled)),
        (40 * DAY, CustomerActivated(customer_id=f"c-{channel}", **where)),
        (40 * DAY, CustomerActivated(customer_id=f"gone-{channel}", **where)),
        (HOUR, PurchaseCompleted(order_id="o", customer_id=f"c-{channel}", amount_minor=999, currency="EUR")),
        (HOUR, CustomerChurned(customer_id=f"gone-{channel}", reason="price")),
        (HOUR, FeedbackOffered(feedback_id=f"offer-{channel}", survey="nps", **where)),
        *(
            (HOUR, FeedbackSubmitted(feedback_id=f"{s}-{channel}", survey=s, score=4, **where))
            for s in ("csat", "ces")
        ),
    ]
    events = [Event(one, NOW - ago, NOW, id=f"{channel}{n}") for n, (ago, one) in enumerate(data)]
    return [*events, *answers(20, channel=channel, reasons=("speed",)), *answers(10, 0, channel=channel)]


def complete() -> ExporterState:
    """One that has everything, of two channels."""
    shown = exporter(CXGAUGE_CALENDARS=json.dumps([CALENDAR]))
    feed(shown, Worker(shown)([*told("web"), *told("phone")], NOW))
    refresh(shown)
    return shown


def incomplete() -> ExporterState:
    """One that stands still, with higher figures than are true."""
    shown = exporter()
    feed(shown, Worker(shown)(answers(5000), NOW))
    refresh(shown)
    refresh(shown, monotonic_ms=30_000)
    return shown


@contextmanager
def serving(page: bytes) -> Iterator[int]:
    """The port on which a page is served as it is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Scrapes are not news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def working() -> Iterator[int]:
    """The port of a worker's health: it owns a partition, has flushed and written."""
    health, port = Health(), free_port()
    ownership = TaskManager(Memory(), lambda: NOW)
    asyncio.run(
        ownership.on_assignment({HERE: lambda: PartitionTask(Feedback(), 0, 1, aggregation_config())})
    )
    ownership.block(HERE, UnreadableBatch(7, 9, "the CRC does not match"))
    health.watch(ownership)
    health.flushes.inc()
    health.flush_seconds.observe(0.01)
    health.records.labels("panes").inc()
    server = serve_health(health, Address("127.0.0.1", port))
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()


class Prometheus:
    """A running Prometheus, asked over HTTP."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its API. Raises AssertionError with its text when it refuses."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urlencode(parameters)}"
        try:
            with urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except HTTPError as refused:
            with refused:
                raise AssertionError(f"{parameters}: {refused.read().decode()}") from refused

    def series(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of what a query gives now."""
        return [(one["metric"], float(one["value"][1])) for one in self.get("query", query=query)["result"]]

    def has(self, query: str) -> bool:
        """Whether a query gives anything yet."""
        try:
            return bool(self.series(query))
        except (AssertionError, URLError, OSError):
            return False


@contextmanager
def scraped(program: Path, folder: Path) -> Iterator[Prometheus]:
    """Prometheus, once it has scraped all of them three times and an alert fires."""
    with ExitStack() as stack:
        ports = [stack.enter_context(serving(each.exposition.plain)) for each in (complete(), incomplete())]
        worker = stack.enter_context(working())
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                _job("cxgauge", ports),
                _job("cxgauge-worker", [worker]),
            ],
        }
        rule = {"alert": "CxTest", "expr": "vector(1)"}
        (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "test", "rules": [rule]}]}))
        (folder / "prometheus.yml").write_text(json.dumps(config))
        port = free_port()
        command = [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        child = stack.enter_context(Child("Prometheus", command, log=folder / "log"))
        asked = Prometheus(port)
        enough = 'count(count_over_time(up[1m]) >= 3) == 3 and on () ALERTS{alertstate="firing"}'
        child.wait_until(lambda: asked.has(enough))
        yield asked


def _job(name: str, ports: list[int]) -> dict[str, Any]:
    return {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]}
