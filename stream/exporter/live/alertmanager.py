"""What is firing, as Alertmanager says it."""

from typing import Any

import msgspec
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

PATH = "api/v2/alerts?active=true&silenced=false&inhibited=false"
MAX_ANSWER_BYTES = 4 << 20
"""Bytes of an answer that are read at most."""
MAX_ALERTS, MAX_TEXT = 50, 500
"""Alerts that are shown, and characters of each of their texts."""
TIMEOUT = ClientTimeout(total=5)


class _FiringAlert(msgspec.Struct):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    starts: str = msgspec.field(name="startsAt", default="")


_decode = msgspec.json.Decoder(list[_FiringAlert]).decode
_RANKS = {"critical": 0, "warning": 1}


class AlertmanagerClient:
    """The alerts of one Alertmanager; `shown` is for the page."""

    def __init__(self, url: str | None) -> None:
        self._url = url and f"{url.rstrip('/')}/{PATH}"
        self.shown: dict[str, Any] = {"connected": None if url is None else False, "why": "", "alerts": []}

    async def poll(self) -> None:
        """Bring it up to date; what went wrong is shown too."""
        if self._url is None:
            return
        try:
            async with ClientSession(timeout=TIMEOUT) as session, session.get(self._url) as answer:
                answer.raise_for_status()
                alerts = _decode(await _body(answer))
        except (ClientError, TimeoutError, ValueError) as error:
            why = "it does not answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            self.shown = {"connected": False, "why": why, "alerts": []}
            return
        alerts.sort(key=lambda alert: (_RANKS.get(alert.labels.get("severity", ""), 2), alert.starts))
        self.shown = {
            "connected": True,
            "why": "",
            "alerts": [_public_fields(alert) for alert in alerts[:MAX_ALERTS]],
            "more": max(0, len(alerts) - MAX_ALERTS),
        }


async def _body(answer: ClientResponse) -> bytes:
    """All of an answer. Raises ValueError when that is too much."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError("too long")
    return bytes(body)


def _public_fields(alert: _FiringAlert) -> dict[str, Any]:
    about = {name: text for name, text in alert.labels.items() if name not in ("alertname", "severity")}
    fields = {
        "name": alert.labels.get("alertname", ""),
        "severity": alert.labels.get("severity", ""),
        "summary": alert.annotations.get("summary", ""),
        "runbook": alert.annotations.get("runbook_url", ""),
        "since": alert.starts,
    }
    return {
        **{name: text[:MAX_TEXT] for name, text in fields.items()},
        "labels": {name[:MAX_TEXT]: text[:MAX_TEXT] for name, text in about.items()},
    }
