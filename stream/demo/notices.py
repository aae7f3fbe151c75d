"""Alerts as Alertmanager's webhook and Prometheus deliver them, and the notices that the demo prints of them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec

Labels = frozenset[tuple[str, str]]
Time = Annotated[datetime, msgspec.Meta(tz=True)]

RESOLVE_TIMEOUT = timedelta(minutes=5)
"""How long an alert without an end fires: Alertmanager's default."""


class Notice(msgspec.Struct, frozen=True):
    """An alert that fires or is resolved; a member of `alerts` in the body of Alertmanager's webhook."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}

    def __str__(self) -> str:
        """Return the lines for the terminal: the alert, and its runbook."""
        name, severity = self.labels.get("alertname", ""), self.labels.get("severity", "")
        head = f"{self.status.upper()} {name} ({severity})"
        if self.status == "resolved":
            return f"{head}{''.join(f' {k}={v}' for k, v in self.labels.items() if k in ('view', 'channel'))}"
        summary, runbook = (self.annotations.get(key, "") for key in ("summary", "runbook_url"))
        return f"{head}: {summary}\n  what to do: {runbook}"


class _Webhook(msgspec.Struct):
    alerts: list[Notice]


class Delivered(msgspec.Struct, rename="camel"):
    """An alert as `POST /api/v2/alerts` takes it."""

    labels: Annotated[dict[str, str], msgspec.Meta(min_length=1)]
    annotations: dict[str, str] = {}
    starts_at: Time | None = None
    ends_at: Time | None = None
    generator_url: str = msgspec.field(name="generatorURL", default="")

    @property
    def identity(self) -> Labels:
        """Two deliveries with the same labels are one alert."""
        return frozenset(self.labels.items())

    def notice(self, status: Literal["firing", "resolved"]) -> Notice:
        """Return a notice about this alert."""
        return Notice(status, self.labels, self.annotations)


notices_of_webhook = msgspec.json.Decoder(_Webhook).decode
delivered = msgspec.json.Decoder(list[Delivered]).decode


class FiringAlerts:
    """The alerts that Prometheus has delivered. It repeats each of them every minute, and once resolved some times more."""

    def __init__(self) -> None:
        self._alerts: dict[Labels, Delivered] = {}
        self._ends: dict[Labels, datetime] = {}

    def deliver(self, alerts: Iterable[Delivered], now: datetime) -> list[Notice]:
        """Take a delivery. Return a notice for each alert that begins to fire or has ended."""
        notices = []
        for alert in alerts:
            ends = alert.ends_at or now + RESOLVE_TIMEOUT
            known = alert.identity in self._alerts
            if ends > now and not known:
                notices.append(alert.notice("firing"))
            if ends > now or known:
                self._alerts[alert.identity], self._ends[alert.identity] = alert, ends
        return [*notices, *self._remove_ended(now)]

    def shown(self, now: datetime) -> list[dict[str, Any]]:
        """Return the alerts that fire now as `GET /api/v2/alerts` gives them."""
        return [
            _shown(alert, self._ends[identity], now)
            for identity, alert in self._alerts.items()
            if self._ends[identity] > now
        ]

    def _remove_ended(self, now: datetime) -> Iterator[Notice]:
        for identity in [each for each, ends in self._ends.items() if ends <= now]:
            del self._ends[identity]
            yield self._alerts.pop(identity).notice("resolved")


def _shown(alert: Delivered, ends: datetime, now: datetime) -> dict[str, Any]:
    """Return an alert with every field that the API requires."""
    return {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": alert.starts_at or now,
        "endsAt": ends,
        "updatedAt": now,
        "generatorURL": alert.generator_url,
        "fingerprint": blake2b(msgspec.json.encode(sorted(alert.labels.items())), digest_size=8).hexdigest(),
        "receivers": [{"name": "demo"}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }
