"""Checks of settings that depend on each other."""

from collections import Counter
from collections.abc import Callable, Iterator

from stream.config.settings import OAUTHBEARER, Settings
from stream.config.token_providers import GROUP, token_providers
from stream.core.model.aggregation_config import NAMED_DIMENSIONS

Check = Callable[[Settings], Iterator[str]]


def _sasl(settings: Settings) -> Iterator[str]:
    kafka = settings.kafka
    if kafka.security_protocol.startswith("SASL") and kafka.sasl_mechanism == OAUTHBEARER:
        yield from _token_provider(kafka.token_provider)
    elif kafka.security_protocol.startswith("SASL"):
        for key, value in (("sasl_username", kafka.sasl_username), ("sasl_password", kafka.sasl_password)):
            if value is None:
                yield f"kafka.{key}: missing, required by kafka.security_protocol {kafka.security_protocol!r}"


def _token_provider(name: str | None) -> Iterator[str]:
    if name is None:
        yield f"kafka.token_provider: missing, required by kafka.sasl_mechanism {OAUTHBEARER!r}"
    elif name not in (installed := token_providers()):
        allowed = f"allowed is one of {', '.join(sorted(installed))}" if installed else "none is installed"
        yield f"kafka.token_provider: got {name!r}, {allowed} (entry points of the group {GROUP})"


def _certificate(settings: Settings) -> Iterator[str]:
    if settings.kafka.ssl_keyfile and not settings.kafka.ssl_certfile:
        yield "kafka.ssl_certfile: missing, required by kafka.ssl_keyfile"


def _names(settings: Settings) -> Iterator[str]:
    for name, times in Counter((*settings.topics.all, settings.topics.comments)).items():
        if times > 1:
            yield f"topics: got {name!r} as the name of {times} topics, allowed is a different name for each"


def _replicas(settings: Settings) -> Iterator[str]:
    topics = settings.topics
    if topics.min_insync_replicas > topics.replication_factor:
        yield (
            f"topics.min_insync_replicas: got {topics.min_insync_replicas}, allowed is up to "
            f"topics.replication_factor, {topics.replication_factor}"
        )


def _views(settings: Settings) -> Iterator[str]:
    allowed = (*NAMED_DIMENSIONS, *settings.metrics.labels)
    for view, labels in settings.metrics.views.items():
        for label in labels:
            if label not in allowed:
                yield (
                    f"metrics.views.{view}: got {label!r}, allowed is one of {', '.join(allowed)}; other keys of "
                    "events' labels must be in metrics.labels"
                )


def _business(settings: Settings) -> Iterator[str]:
    for key, target in settings.frt.targets.items():
        if target.hours == "business" and not settings.calendars:
            yield f"frt.targets.{key}.hours: got 'business', allowed is 'calendar' if no calendar is configured"


CHECKS: tuple[tuple[tuple[str, ...], Check], ...] = (
    (
        (
            "kafka.security_protocol",
            "kafka.sasl_mechanism",
            "kafka.sasl_username",
            "kafka.sasl_password",
            "kafka.token_provider",
        ),
        _sasl,
    ),
    (("kafka.ssl_certfile", "kafka.ssl_keyfile"), _certificate),
    (
        ("topics.feedback", "topics.tickets", "topics.customers", "topics.deadletter", "topics.state_prefix"),
        _names,
    ),
    (("topics.replication_factor", "topics.min_insync_replicas"), _replicas),
    (("metrics.labels", "metrics.views"), _views),
    (("frt.targets", "calendars"), _business),
)
"""The keys that a check reads, and the check. It is not run if one of these keys has an invalid value."""
