"""Every setting with its section, key, type and default. Durations are in ms. `descriptions` has their texts."""

from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec

from schemas.topics import DOMAINS, DomainName
from stream.config import figure_settings, intake_settings, metric_settings, setting_types
from stream.config.calendars import ConfiguredCalendar
from stream.config.calendars import calendars as calendar_list
from stream.config.setting_types import UNITS, Address, choice, duration, integer
from stream.core.model.response_targets import ResponseTarget
from stream.core.model.time_buckets import Window

OAUTHBEARER = "OAUTHBEARER"
"""The SASL mechanism that takes tokens in place of a user name and password."""


class Kafka(msgspec.Struct, frozen=True, kw_only=True):
    """Connection of every client to the broker."""

    bootstrap_servers: Annotated[str, setting_types.servers] = "127.0.0.1:9092"
    security_protocol: Annotated[str, choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")] = "PLAINTEXT"
    sasl_mechanism: Annotated[str, choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", OAUTHBEARER)] = "PLAIN"
    sasl_username: Annotated[str | None, setting_types.text] = None
    sasl_password: Annotated[str | None, setting_types.secret] = None
    token_provider: Annotated[str | None, setting_types.name] = None
    token_options: Annotated[dict[str, Any], setting_types.secret_table] = {}
    ssl_cafile: Annotated[Path | None, setting_types.file] = None
    ssl_certfile: Annotated[Path | None, setting_types.file] = None
    ssl_keyfile: Annotated[Path | None, setting_types.file] = None


class Topics(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the topics, and their partitions, replicas and retention."""

    feedback: Annotated[str, setting_types.name] = "cx.feedback"
    tickets: Annotated[str, setting_types.name] = "cx.tickets"
    customers: Annotated[str, setting_types.name] = "cx.customers"
    deadletter: Annotated[str, setting_types.name] = "cx.deadletter"
    state_prefix: Annotated[str, setting_types.name] = "cx"
    partitions: Annotated[int, integer(1, 10_000)] = 12
    replication_factor: Annotated[int, integer(1, 100)] = 1
    min_insync_replicas: Annotated[int, integer(1, 100)] = 1
    retention: Annotated[int, setting_types.retention] = 75 * UNITS["d"]

    def input(self, domain: DomainName) -> str:
        """Return the name of the topic that a domain's events are read from."""
        return {"feedback": self.feedback, "tickets": self.tickets, "customers": self.customers}[domain]

    def state(self, domain: DomainName) -> str:
        """Return the name of the compacted topic of a domain's entities."""
        return f"{self.state_prefix}.state.{domain}"

    def panes(self, domain: DomainName) -> str:
        """Return the name of the compacted topic of a domain's panes."""
        return f"{self.state_prefix}.panes.{domain}"

    @property
    def comments(self) -> str:
        """The topic of comments, which exists only if they are kept."""
        return f"{self.state_prefix}.comments"

    @property
    def clock(self) -> str:
        """The topic of the workers' clock records."""
        return f"{self.state_prefix}.clock"

    @property
    def all(self) -> tuple[str, ...]:
        """The names of all topics, the inputs first."""
        of_domains = (name(domain) for name in (self.input, self.state, self.panes) for domain in DOMAINS)
        return (*of_domains, self.deadletter, self.clock)


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of workers. A `session_timeout` of 0 becomes 30 s with an `instance`, else 10 s."""

    group: Annotated[str, setting_types.name] = "cxgauge"
    instance: Annotated[str | None, setting_types.name] = None
    flush_interval: Annotated[int, duration("10ms", "10s")] = 500
    listen: Annotated[Address, setting_types.address] = Address("127.0.0.1", 9818)
    session_timeout: Annotated[int, duration("6s", "30m")] = 0
    state_dir: Annotated[Path | None, setting_types.folder] = None

    def __post_init__(self) -> None:
        if not self.session_timeout:
            span = 30_000 if self.instance else 10_000
            msgspec.structs.force_setattr(self, "session_timeout", span)


class Exporter(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of exporters."""

    listen: Annotated[Address, setting_types.address] = Address("127.0.0.1", 9817)
    hosts: Annotated[tuple[str, ...], setting_types.hosts] = ()
    refresh_interval: Annotated[int, duration("50ms", "30s")] = 500
    clock: Annotated[str, choice("wall", "event")] = "wall"
    max_series: Annotated[int, integer(1, 100_000_000)] = 200_000
    stale_after: Annotated[int, duration("1s", "7d")] = 10 * UNITS["m"]
    web_config: Annotated[Path | None, setting_types.file] = None
    alertmanager: Annotated[str | None, setting_types.url] = None
    ticket_url: Annotated[str | None, setting_types.link] = None
    runbook_base: Annotated[str | None, setting_types.url] = None
    folders: Annotated[tuple[Path, ...], setting_types.folders] = ()


class Comments(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the comments of answers."""

    keep: Annotated[bool, setting_types.switch] = False


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the intake over HTTP."""

    listen: Annotated[Address, setting_types.address] = Address("127.0.0.1", 9816)
    hosts: Annotated[tuple[str, ...], setting_types.hosts] = ()
    web_config: Annotated[Path | None, setting_types.file] = None
    tokens: Annotated[dict[str, intake_settings.SourceToken], intake_settings.tokens] = {}
    hooks: Annotated[dict[str, intake_settings.Hook], intake_settings.hooks] = {}


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Windows, dimensions and views of the metrics."""

    windows: Annotated[tuple[Window, ...], metric_settings.windows] = metric_settings.DEFAULT_WINDOWS
    labels: Annotated[tuple[str, ...], metric_settings.labels] = metric_settings.DEFAULT_LABELS
    views: Annotated[dict[str, tuple[str, ...]], metric_settings.views] = msgspec.field(
        default_factory=lambda: dict(metric_settings.DEFAULT_VIEWS)
    )
    max_values: Annotated[int, integer(1, 100_000)] = 200
    top: Annotated[int, integer(1, 1_000)] = 50
    previous: Annotated[bool, setting_types.switch] = True


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the queue of interactions."""

    target: Annotated[int, duration("0s", "400d")] = 20 * UNITS["s"]


class Frt(msgspec.Struct, frozen=True, kw_only=True):
    """Targets of the first response time."""

    target: Annotated[int, duration("1s", "400d")] = metric_settings.DEFAULT_TARGET
    targets: Annotated[dict[str, ResponseTarget], metric_settings.targets] = {}


class Clv(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of customer lifetime value."""

    margin_rate: Annotated[float, setting_types.fraction] = 1.0


class Logs(msgspec.Struct, frozen=True, kw_only=True):
    """Log entries of every service."""

    format: Annotated[str, choice("text", "json")] = "text"
    level: Annotated[str, choice("debug", "info", "warning", "error")] = "info"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration."""

    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    worker: Worker = Worker()
    exporter: Exporter = Exporter()
    comments: Comments = Comments()
    intake: Intake = msgspec.field(default_factory=Intake)
    metrics: Metrics = msgspec.field(default_factory=Metrics)
    queue: Queue = Queue()
    frt: Frt = msgspec.field(default_factory=Frt)
    calendars: Annotated[tuple[ConfiguredCalendar, ...], calendar_list] = ()
    clv: Clv = Clv()
    logs: Logs = Logs()
    targets: Annotated[dict[str, figure_settings.FigureValue], figure_settings.targets] = {}
    benchmarks: Annotated[dict[str, figure_settings.Benchmark], figure_settings.benchmarks] = {}


def keys() -> dict[str, setting_types.SettingType]:
    """Return the type of every setting by its key, such as `kafka.bootstrap_servers`."""
    types: dict[str, setting_types.SettingType] = {}
    for section in msgspec.structs.fields(Settings):
        if isinstance(section.type, type):
            for field in msgspec.structs.fields(section.type):
                types[f"{section.name}.{field.name}"] = _kind(field.type)
        else:
            types[section.name] = _kind(section.type)
    return types


def _kind(annotation: object) -> setting_types.SettingType:
    return next(note for note in get_args(annotation) if isinstance(note, setting_types.SettingType))
