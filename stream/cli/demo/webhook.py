"""Whom the demo's Alertmanager tells: a receiver that says on the demo's own output what it was told."""

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self


class Notice(NamedTuple):
    """An alert as it was told."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    def __str__(self) -> str:
        """For the terminal: what happened, and what to open."""
        name, severity = self.labels["alertname"], self.labels.get("severity", "")
        head = f"{self.status.upper()} {name} ({severity})"
        if self.status == "resolved":
            return f"{head}{''.join(f' {k}={v}' for k, v in self.labels.items() if k in ('view', 'channel'))}"
        return f"{head}: {self.annotations['summary']}\n  what to do: {self.annotations['runbook_url']}"


class Webhook(AbstractContextManager["Webhook"]):
    """Listens on a port of 127.0.0.1 for the length of the block; `notices` are all that came, in order."""

    def __init__(self, port: int, say: Callable[[str], None]) -> None:
        self.notices: list[Notice] = []
        self._say = say
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="webhook", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def firing(self) -> set[tuple[str, str]]:
        """Alerts that were told of and not taken back: name and channel, which is empty for the total."""
        last = {
            (each.labels["alertname"], each.labels.get("channel", "")): each.status
            for each in self.notices
            if each.labels.get("view", "total") in ("total", "channel")
        }
        return {alert for alert, status in last.items() if status == "firing"}

    def _take(self, body: bytes) -> None:
        told: dict[str, Any] = json.loads(body)
        for alert in told["alerts"]:
            notice = Notice(alert["status"], alert["labels"], alert["annotations"])
            self.notices.append(notice)
            self._say(str(notice))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """The notice itself is news enough."""

        return Handler
