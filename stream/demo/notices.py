"""Alerts in the formats of Alertmanager's webhook and of Prometheus, and the notices that the demo prints."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec

Labels = frozenset[tuple[str, str]]
Time = Annotated[datetime, msgspec.Meta(tz=True)]

RESOLVE_TIMEOUT = timedelta(minutes=5)
"""Time after which an alert without an end is resolved, which is Alertmanager's default."""


class Notice(msgspec.Struct, frozen=True):
    """An alert that fires or is resolved: an element of `alerts` in the body of Alertmanager's webhook."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}

    def __str__(self) -> str:
        """Return the lines for the terminal: the alert and its runbook."""
        name, severity = self.labels.get("alertname", ""), self.labels.get("severity", "")
        head = f"{self.status.upper()} {name} ({severity})"
        if self.status == "resolved":
            return f"{head}{''.join(f' {k}={v}' for k, v in self.labels.items() if k in ('view', 'channel'))}"
        summary, runbook = (self.annotations.get(key, "") for key in ("summary", "runbook_url"))
        return f"{head}: {summary}\n  what to do: {runbook}"


class _Webhook(msgspec.Struct):
    alerts: list[Notice]


class DeliveredAlert(msgspec.Struct, rename="camel"):
    """An alert in the format of `POST /api/v2/alerts`."""

    labels: Annotated[dict[str, str], msgspec.Meta(min_length=1)]
    annotations: dict[str, str] = {}
    starts_at: Time | None = None
    ends_at: Time | None = None
    generator_url: str = msgspec.field(name="generatorURL", default="")

    @property
    def label_set(self) -> Labels:
        """The labels, which identify the alert in all its deliveries."""
        return frozenset(self.labels.items())

    def notice(self, status: Literal["firing", "resolved"]) -> Notice:
        """Return a notice about this alert."""
        return Notice(status, self.labels, self.annotations)


decode_webhook = msgspec.json.Decoder(_Webhook).decode
decode_delivery = msgspec.json.Decoder(list[DeliveredAlert]).decode


class FiringAlerts:
    """The alerts that Prometheus has delivered.

    It repeats each one every minute, also for a while after its end.
    """

    def __init__(self) -> None:
        self._alerts: dict[Labels, DeliveredAlert] = {}
        self._ends: dict[Labels, datetime] = {}

    def deliver(self, alerts: Iterable[DeliveredAlert], now: datetime) -> list[Notice]:
        """Record a delivery. Return a notice for each alert that begins to fire or has ended."""
        notices = []
        for alert in alerts:
            ends = alert.ends_at or now + RESOLVE_TIMEOUT
            known = alert.label_set in self._alerts
            if ends > now and not known:
                notices.append(alert.notice("firing"))
            if ends > now or known:
                self._alerts[alert.label_set], self._ends[alert.label_set] = alert, ends
        return [*notices, *self._remove_ended(now)]

    def firing_now(self, now: datetime) -> list[dict[str, Any]]:
        """Return the alerts that fire now in the format of `GET /api/v2/alerts`."""
        return [
            _api_alert(alert, self._ends[label_set], now)
            for label_set, alert in self._alerts.items()
            if self._ends[label_set] > now
        ]

    def _remove_ended(self, now: datetime) -> Iterator[Notice]:
        for label_set in [ended for ended, ends in self._ends.items() if ends <= now]:
            del self._ends[label_set]
            yield self._alerts.pop(label_set).notice("resolved")


def _api_alert(alert: DeliveredAlert, ends: datetime, now: datetime) -> dict[str, Any]:
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
