"""The intake's own series."""

from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from stream.resources.certificates import CertificateFile
from stream.resources.series import Resources

OUTCOMES = (
    "accepted",
    "partial",
    "invalid",
    "forbidden",
    "unauthorized",
    "too_large",
    "unsupported",
    "timeout",
    "unavailable",
    "ignored",
    "unmapped",
    "challenge",
    "error",
)
"""Outcomes of requests. `ignored`, `unmapped` and `challenge` are of webhooks only."""
ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class IntakeMetrics:
    """The registry of an intake. `source` is the name of a token or webhook.

    `certificates` are the files of certificates that the intake uses.
    """

    def __init__(self, certificates: Iterable[CertificateFile] = ()) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(Resources(certificates))
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "cxgauge_intake_requests",
            "Answered requests with events, by token or webhook",
            ("source", "outcome"),
            registry=self.registry,
        )
        self.ack_seconds = Histogram(
            "cxgauge_intake_ack_seconds",
            "Time from sending the records of a request to Kafka's acknowledgement of all",
            buckets=ACK_BUCKETS,
            registry=self.registry,
        )
        self.body_bytes = Counter(
            "cxgauge_intake_bytes", "Bytes of bodies, after decompression", registry=self.registry
        )
        self.in_flight = Gauge(
            "cxgauge_intake_in_flight", "Requests that are being answered", registry=self.registry
        )

    def count(self, source: str, outcome: str) -> None:
        """Count an answered request."""
        self.requests.labels(source, outcome).inc()
