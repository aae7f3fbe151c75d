"""The firing alerts, read from Alertmanager's API."""

from http import HTTPStatus
from itertools import islice
from typing import Any

import msgspec
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

PATH = "api/v2/alerts?active=true&silenced=false&inhibited=false"
MAX_RESPONSE_BYTES = 4 << 20
"""Maximum size of a response in bytes."""
MAX_ALERTS, MAX_LABELS, MAX_TEXT = 50, 30, 500
"""Maximum number of shown alerts, of labels of each, and of characters in each of their texts."""
TIMEOUT = ClientTimeout(total=5)


class _FiringAlert(msgspec.Struct):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    starts_at: str = msgspec.field(name="startsAt", default="")


_decode = msgspec.json.Decoder(list[_FiringAlert]).decode
_RANKS = {"critical": 0, "warning": 1}


class AlertmanagerClient:
    """The firing alerts of one Alertmanager. `shown` is the part of the status payload about them.

    Without a URL, `connected` is None in it and no request is made.
    """

    def __init__(self, url: str | None) -> None:
        self._url = url and f"{url.rstrip('/')}/{PATH}"
        self.shown: dict[str, Any] = {"connected": None if url is None else False, "error": "", "alerts": []}

    async def poll(self) -> None:
        """Request the alerts and replace `shown`. A failed request is shown as an error."""
        if self._url is None:
            return
        try:
            async with (
                ClientSession(timeout=TIMEOUT) as session,
                session.get(self._url, allow_redirects=False) as response,
            ):
                alerts = _decode(await _body(response))
        except (ClientError, TimeoutError, ValueError, RecursionError) as error:
            reason = "request timed out" if isinstance(error, TimeoutError) else type(error).__name__
            self.shown = {"connected": False, "error": reason, "alerts": []}
            return
        alerts.sort(key=lambda alert: (_RANKS.get(alert.labels.get("severity", ""), 2), alert.starts_at))
        self.shown = {
            "connected": True,
            "error": "",
            "alerts": [_public_fields(alert) for alert in alerts[:MAX_ALERTS]],
            "more": max(0, len(alerts) - MAX_ALERTS),
        }


async def _body(response: ClientResponse) -> bytes:
    """Read the body of a response.

    Raises:
        ClientError: the status is that of an error
        ValueError: another status than 200, a redirect for example, or more than MAX_RESPONSE_BYTES
    """
    response.raise_for_status()
    if response.status != HTTPStatus.OK:
        raise ValueError(f"got status {response.status}")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise ValueError(f"response is longer than {MAX_RESPONSE_BYTES} bytes")
    return bytes(body)


def _public_fields(alert: _FiringAlert) -> dict[str, Any]:
    labels = {name: text for name, text in alert.labels.items() if name not in ("alertname", "severity")}
    fields = {
        "name": alert.labels.get("alertname", ""),
        "severity": alert.labels.get("severity", ""),
        "summary": alert.annotations.get("summary", ""),
        "runbook": alert.annotations.get("runbook_url", ""),
        "since": alert.starts_at,
    }
    return {
        **{name: text[:MAX_TEXT] for name, text in fields.items()},
        "labels": {name[:MAX_TEXT]: text[:MAX_TEXT] for name, text in islice(labels.items(), MAX_LABELS)},
    }
