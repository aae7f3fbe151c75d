"""The demo's receiver of alerts, which prints them on the demo's output.

Alertmanager posts to the webhook `/`. Without Alertmanager, Prometheus delivers to `/api/v2/alerts` as it
would to Alertmanager, and the exporter reads the firing alerts there.
"""

import re
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import msgspec

from stream.demo.notices import FiringAlerts, Notice, decode_delivery, decode_webhook

WEBHOOK, API = "/", "/api/v2/alerts"
MAX_BODY_BYTES = 4 << 20
"""Maximum bytes of a request body."""


class Receiver(AbstractContextManager["Receiver"]):
    """An HTTP server on a port of 127.0.0.1 for the length of the block.

    `notices` has all printed notices in order, `notifications` the names of the alerts that fire in each message of Alertmanager.
    """

    def __init__(self, port: int, say: Callable[[str], None]) -> None:
        self.notices: list[Notice] = []
        self.notifications: list[set[str]] = []
        self._say = say
        self._alerts = FiringAlerts()
        self._lock = threading.Lock()
        self._server = _Server(port, self)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def firing(self) -> set[tuple[str, str]]:
        """Return name and channel of the alerts whose last notice is firing.

        The channel is empty for the total.
        """
        last = {
            (notice.labels.get("alertname", ""), notice.labels.get("channel", "")): notice.status
            for notice in self.notices
            if notice.labels.get("view", "total") in ("total", "channel")
        }
        return {alert for alert, status in last.items() if status == "firing"}

    def receive(self, path: str, body: bytes) -> None:
        """Decode the body of a POST to one of the two paths and print its notices.

        Raises:
            msgspec.DecodeError: the body does not have the format of that path
        """
        with self._lock:
            if path == WEBHOOK:
                notices = decode_webhook(body).alerts
                firing = (notice for notice in notices if notice.status == "firing")
                self.notifications.append({notice.labels.get("alertname", "") for notice in firing})
                self._print(notices)
            else:
                self._print(self._alerts.deliver(decode_delivery(body), datetime.now(UTC)))

    def firing_json(self) -> bytes:
        """Return the firing alerts that Prometheus has delivered, as JSON."""
        with self._lock:
            return msgspec.json.encode(self._alerts.firing_now(datetime.now(UTC)))

    def _print(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self.notices.append(notice)
            self._say(str(notice))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10.0

    def do_POST(self) -> None:
        path, length = self._path(), self.headers.get("Content-Length", "")
        if path not in (WEBHOOK, API):
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"alerts are posted to {WEBHOOK} or {API}")
        elif not re.fullmatch(r"[0-9]{1,7}", length) or int(length) > MAX_BODY_BYTES:
            self.send_error(
                HTTPStatus.BAD_REQUEST, explain=f"Content-Length must be from 0 to {MAX_BODY_BYTES}"
            )
        else:
            self._receive(path, self.rfile.read(int(length)))

    def do_GET(self) -> None:
        if self._path() == API:
            self._answer(self.server.receiver.firing_json())
        else:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"alerts are served at {API}")

    def _receive(self, path: str, body: bytes) -> None:
        try:
            self.server.receiver.receive(path, body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.send_error(HTTPStatus.BAD_REQUEST, explain=str(error))
        else:
            self._answer(b"")

    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _answer(self, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing, because the demo prints the notices."""
