"""A complete exporter, an incomplete replica, a worker, and a Prometheus that scrapes them."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import trustme
from prometheus_client import CollectorRegistry, generate_latest

from schemas.customers import CustomerActivated, CustomerChurned, PurchaseCompleted
from schemas.feedback import AnswerSummarized, FeedbackOffered, FeedbackSubmitted
from schemas.notes import Note
from schemas.tickets import (
    InteractionHandled,
    TicketCreated,
    TicketHandoff,
    TicketMessage,
    TicketStatus,
    TicketSummarized,
)
from schemas.times import from_ms
from stream.config import Address
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics.headlines import HEADLINES
from stream.core.model.unreadable import UnreadableBatch
from stream.devbroker.ports import free_port
from stream.devbroker.process import Child
from stream.exporter.exposition import CONTENT_TYPE
from stream.exporter.reference_lines import figure_names
from stream.exporter.state import ExporterState
from stream.resources.certificates import CertificateFile
from stream.resources.series import Resources
from stream.worker.health import Health
from stream.worker.health import serve as serve_health
from stream.worker.task_manager import TaskManager
from tests.exporter.in_memory import Worker, answers, apply_records, exporter, refresh
from tests.http_server import serving
from tests.support import DAY, HOUR, NOW, Event, aggregation_config
from tests.worker.test_task_manager import PARTITION, MemoryStore

CALENDAR = {
    "name": "always",
    "from": "2020-01-01",
    "timezone": "UTC",
    "hours": {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
}


def channel_events(channel: str) -> list[Event]:
    """Return events for every figure, of one channel."""
    dimensions: dict[str, Any] = {"channel": channel}
    handled = {"talk_s": 60.0, "hold_s": 0.0, "wrap_s": 5.0, "wait_s": 9.0}
    data: list[tuple[int, Any]] = []
    for ticket, ago in (("t", HOUR), ("u", 9 * DAY)):
        name = f"{ticket}-{channel}"
        data += [
            (ago, TicketCreated(ticket_id=name, opened_by="customer", **dimensions)),
            (ago - 60_000, TicketHandoff(ticket_id=name)),
            (ago - 120_000, TicketMessage(ticket_id=name, message_id="m", author="agent")),
            (ago - 130_000, TicketMessage(ticket_id=name, message_id="n", author="customer")),
            (ago - 140_000, TicketMessage(ticket_id=name, message_id="o", author="agent")),
            (ago - 180_000, TicketStatus(ticket_id=name, status="solved", by="agent")),
            (
                ago - 180_000,
                TicketSummarized(
                    ticket_id=name,
                    number=1,
                    created=from_ms(NOW - ago),
                    solved=from_ms(NOW - ago + 180_000),
                    resolved=True,
                    **dimensions,
                ),
            ),
        ]
    data += [
        (HOUR, TicketCreated(ticket_id=f"open-{channel}", **dimensions)),
        (HOUR, InteractionHandled(interaction_id=f"i-{channel}", **dimensions, **handled)),
        (40 * DAY, CustomerActivated(customer_id=f"c-{channel}", **dimensions)),
        (40 * DAY, CustomerActivated(customer_id=f"gone-{channel}", **dimensions)),
        (HOUR, PurchaseCompleted(order_id="o", customer_id=f"c-{channel}", amount_minor=999, currency="EUR")),
        (HOUR, CustomerChurned(customer_id=f"gone-{channel}", reason="price")),
        (HOUR, FeedbackOffered(feedback_id=f"offer-{channel}", survey="nps", **dimensions)),
        *(
            (HOUR, FeedbackSubmitted(feedback_id=f"{s}-{channel}", survey=s, score=4, **dimensions))
            for s in ("csat", "ces")
        ),
        (
            HOUR,
            FeedbackSubmitted(
                feedback_id=f"named-{channel}", survey="csat", score=2, reasons=("speed",), **dimensions
            ),
        ),
        *(
            (9 * DAY, FeedbackSubmitted(feedback_id=f"{s}-before-{channel}", survey=s, score=4, **dimensions))
            for s in ("csat", "nps")
        ),
    ]
    data += [(HOUR, joined_data) for joined_data in joined_answers(channel)]
    data.append((HOUR, Note(note_id=f"note-{channel}", text=f"Release of {channel}", **dimensions)))
    events = [
        Event(event_data, NOW - ago, NOW, id=f"{channel}{n}") for n, (ago, event_data) in enumerate(data)
    ]
    return [*events, *answers(20, channel=channel, reasons=("speed",)), *answers(10, 0, channel=channel)]


def joined_answers(channel: str) -> Iterator[Any]:
    """Yield summaries of a customer's ticket, of answers to NPS and about the ticket, and of one who left."""
    customer, ticket, moment = f"c-{channel}", f"rated-{channel}", from_ms(NOW - HOUR)
    for fate in ("in_time", "late"):
        yield TicketSummarized(
            ticket_id=f"{ticket}-{fate}",
            customer_id=customer,
            number=1,
            created=moment,
            first_response=fate,
            present={"channel": channel},
        )
    for number, (person, fields) in enumerate(
        (
            (customer, {"survey": "nps", "answer_class": "promoter"}),
            (customer, {"survey": "csat", "answer_class": "satisfied", "ticket_id": f"{ticket}-in_time"}),
            (customer, {"survey": "csat", "answer_class": "dissatisfied", "ticket_id": f"{ticket}-late"}),
            (f"gone-{channel}", {"survey": "exit", "reasons": ("price",)}),
        )
    ):
        yield AnswerSummarized(
            feedback_id=f"j{number}", customer_id=person, number=1, counts=True, moment=moment, **fields
        )


def complete_exporter() -> ExporterState:
    """Return an exporter with everything, for two channels."""
    state = exporter(
        CXGAUGE_CALENDARS=json.dumps([CALENDAR]),
        CXGAUGE_TARGETS=json.dumps(of_every_figure()),
        CXGAUGE_BENCHMARKS=json.dumps(
            {
                name: {"value": value, "source": "Survey", "year": 2025}
                for name, value in of_every_figure().items()
            }
        ),
        CXGAUGE_EXPORTER_RUNBOOK_BASE="https://example.org/runbooks",
    )
    ignored: dict[str, Any] = {
        "ignored_labels": {"shoe": 1},
        "unknown_fields": {FeedbackSubmitted.TYPE: {"device": 1}},
    }
    apply_records(state, Worker(state)([*channel_events("web"), *channel_events("phone")], NOW, **ignored))
    state.clock.record_broker(NOW, 0)
    state.process = resources_exposition()
    refresh(state, wall_ms=state.clock.read(0, NOW))
    return state


def resources_exposition() -> str:
    """Return every series about resources."""
    registry = CollectorRegistry()
    with TemporaryDirectory() as name:
        folder = Path(name)
        trustme.CA().cert_pem.write_to_path(folder / "ca.pem")
        files = [CertificateFile("kafka_ca", folder / "ca.pem")]
        registry.register(Resources(files, [folder]))
        return generate_latest(registry).decode()


def of_every_figure() -> dict[str, float | str]:
    """Return a value of every figure, by its name."""
    examples = {"<survey>": "nps", "<first_response>": "late", "<class>": "promoter", "<currency>": "EUR"}
    values: dict[str, float | str] = {}
    for name, (_, _, headline) in zip(figure_names(), HEADLINES, strict=True):
        for placeholder, example in examples.items():
            name = name.replace(placeholder, example)  # noqa: PLW2901 - with one value more
        values[name] = "1h" if headline.unit == "seconds" else 0.5
    return values


def incomplete_exporter() -> ExporterState:
    """Return an exporter that holds figures, higher than the true ones."""
    state = exporter()
    apply_records(state, Worker(state)(answers(5000), NOW))
    refresh(state)
    refresh(state, monotonic_ms=30_000)
    return state


@contextmanager
def serve_exposition(exposition: bytes) -> Iterator[int]:
    """Serve an exposition and yield its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.end_headers()
            self.wfile.write(exposition)

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    with serving(Handler) as port:
        yield port


@contextmanager
def serve_worker() -> Iterator[int]:
    """Serve the health of a worker with an assigned partition and yield its port."""
    health, port = Health(), free_port()
    task_manager = TaskManager(MemoryStore(), lambda: NOW)
    asyncio.run(
        task_manager.on_assignment({PARTITION: lambda: PartitionTask(Feedback(), 0, 1, aggregation_config())})
    )
    task_manager.block(PARTITION, UnreadableBatch(7, 9, "the CRC does not match"))
    health.watch(task_manager)
    health.flushes.inc()
    health.flush_seconds.observe(0.01)
    health.records.labels("panes").inc()
    server = serve_health(health, Address("127.0.0.1", port))
    try:
        yield port
    finally:
        server.shutdown()


class Prometheus:
    """A client of a running Prometheus."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of a response of the API. Raises AssertionError with its text for an error."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urlencode(parameters)}"
        try:
            with urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except HTTPError as error:
            with error:
                raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def series(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and values of an instant query."""
        return [
            (series["metric"], float(series["value"][1]))
            for series in self.get("query", query=query)["result"]
        ]

    def has_series(self, query: str) -> bool:
        """Return True if a query returns series."""
        try:
            return bool(self.series(query))
        except (AssertionError, URLError, OSError):
            return False


@contextmanager
def scraped(program: Path, folder: Path) -> Iterator[Prometheus]:
    """Yield Prometheus after three scrapes of all targets, with a firing alert."""
    with ExitStack() as stack:
        ports = [
            stack.enter_context(serve_exposition(exporter_state.exposition.plain))
            for exporter_state in (complete_exporter(), incomplete_exporter())
        ]
        worker = stack.enter_context(serve_worker())
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                scrape_job("cxgauge", ports),
                scrape_job("cxgauge-worker", [worker]),
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
        client = Prometheus(port)
        condition = 'count(count_over_time(up[1m]) >= 3) == 3 and on () ALERTS{alertstate="firing"}'
        child.wait_until(lambda: client.has_series(condition))
        yield client


def scrape_job(name: str, ports: list[int]) -> dict[str, Any]:
    return {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]}
