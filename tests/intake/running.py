"""An intake in this process, whose records are kept in a list."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from stream.config import Address
from stream.config.settings import Intake, Settings
from stream.devbroker.ports import free_port
from stream.http.web_config import WebConfig
from stream.intake.decoding import OutgoingEvent
from stream.intake.hooks import compile_hooks
from stream.intake.memory import MemoryBudget, Reservation
from stream.intake.metrics import IntakeMetrics
from stream.intake.problem import unavailable
from stream.intake.server import application, serve
from stream.intake.sink import KafkaSink

NOW = datetime.now(UTC).isoformat()


class RecordingSink(KafkaSink):
    """Keeps records. With a `reason` it stores nothing."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self._reason = ""
        self.records: list[OutgoingEvent] = []

    async def send(self, records: Sequence[OutgoingEvent], reservation: Reservation) -> None:
        if self._reason:
            raise unavailable(self._reason)
        self.records += records

    def lose_connection(self, reason: str) -> None:
        self._reason = reason

    def events(self) -> list[dict[str, Any]]:
        """Return the stored values."""
        return [msgspec.json.decode(record.value) for record in self.records]


class RunningIntake:
    """An intake that serves in a thread."""

    def __init__(self, web_config: WebConfig, **settings: Any) -> None:
        self.settings = Intake(**{"listen": Address("127.0.0.1", free_port()), **settings})
        self.sink, self.budget, self.metrics = RecordingSink(), MemoryBudget(), IntakeMetrics()
        self.hooks = compile_hooks(self.settings.hooks)
        scheme = "https" if web_config.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.settings.listen.port}"
        self.web_config = web_config

    def count(self, source: str, outcome: str) -> float:
        """Return the counted requests."""
        return (
            self.metrics.registry.get_sample_value(
                "cxgauge_intake_requests_total", {"source": source, "outcome": outcome}
            )
            or 0.0
        )

    async def start(self) -> Any:
        app = application(self.settings, self.web_config, self.hooks, self.sink, self.budget, self.metrics)
        return await serve(app, self.settings, self.web_config)


@contextmanager
def running_intake(web_config: WebConfig = WebConfig(), **settings: Any) -> Iterator[RunningIntake]:  # noqa: B008
    """Serve an intake with these settings."""
    intake = RunningIntake(web_config, **settings)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(intake.start(), loop).result()
    try:
        yield intake
    finally:
        asyncio.run_coroutine_threadsafe(_stop(runner), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(runner: Any) -> None:
    """Stop serving. A connection may wait for the rest of a body that was refused."""
    await runner.cleanup()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def answer(number: int = 1, **data: Any) -> dict[str, Any]:
    """Return a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "/shop",
        "type": "cx.feedback.submitted.v1",
        "time": NOW,
        "data": {"feedback_id": f"r-{number}", "survey": "nps", "score": 9, **data},
    }
