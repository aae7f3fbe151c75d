"""What is fuzzed: decoders, the count of events, and readers of files. A target raises nothing but its documented errors."""

import gzip
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unicodedata import category

import msgspec
from aiokafka import TopicPartition

from schemas.codec import Decoder, Undecodable, encode
from schemas.examples import EXAMPLES
from schemas.topics import DOMAINS, TOPICS
from stream.cli.top.command import screen
from stream.cli.top.figures import MetricsSnapshot
from stream.config import as_toml, load, redacted
from stream.config.ical import closures
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.core.model.checkpoint import KEY
from stream.core.model.checkpoint import encode as encode_checkpoint
from stream.core.model.outcomes import DEAD_LETTER_OUTCOMES
from stream.errors import ConfigError, CxgaugeError, PreconditionFailed
from stream.exporter.coverage import PartitionId
from stream.exporter.live import alertmanager
from stream.exporter.state import PaneBatch
from stream.http import web_config
from stream.importing.records import format_of
from stream.importing.translation import Translation
from stream.mapping import mapping, shipped
from stream.operations.deadletters.dead_letter import DeadLetter
from stream.operations.deadletters.listing import format_details, table
from stream.worker.restore import finish, restore_records
from tests.exporter.in_memory import answers, exporter, refresh, write_flush
from tests.security.fuzz.mutation import mutate
from tests.support import NOW, FakeRecord, aggregation_config

DEPLOY = Path(__file__).parents[3] / "deploy"
DECODERS = [Decoder(topic) for topic in TOPICS.values()]
EVENTS = [
    json.dumps(json.loads(raw) | {"time": "2026-09-21T12:00:00Z"}).encode() for raw in EXAMPLES.values()
]
MAPPINGS = [
    path.read_bytes()
    for folder in (DEPLOY / "examples", Path(shipped.__file__).parent / "vendors")
    for path in sorted(folder.glob("*.toml"))
]
CALENDAR = b"""BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20261225
DTEND;VALUE=DATE:20261227
RRULE:FREQ=YEARLY;COUNT=5
EXDATE;VALUE=DATE:20281225
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;TZID=Europe/Rome:20261224T130000
DURATION:PT5H
END:VEVENT
END:VCALENDAR
""".replace(b"\n", b"\r\n")


class Target(NamedTuple):
    """Runs an input made by a random generator. An exception is a finding."""

    kind: str
    run: Callable[[Random], None]


def of_bytes(corpus: Sequence[bytes], read: Callable[[bytes], object]) -> Callable[[Random], None]:
    """Return a target that reads mutations of a corpus."""
    return lambda random: read(mutate(random, corpus)) and None


def of_file(
    corpus: Sequence[bytes], read: Callable[[Path], object], expected: type[Exception], name: str = "file"
) -> Callable[[Random], None]:
    """Return a target that reads mutations of a corpus from a file. `expected` is the documented error."""

    def run(random: Random) -> None:
        with TemporaryDirectory() as folder, suppress(expected):
            path = Path(folder, name)
            path.write_bytes(mutate(random, corpus))
            read(path)

    return run


def decode(raw: bytes) -> None:
    """Decode a record of each topic. What is decoded is decoded to the same after it was encoded."""
    for decoder in DECODERS:
        with suppress(Undecodable):
            event = decoder.decode(raw, ())
            assert decoder.decode(encode(event), ()) == event
    for decoder in DECODERS:
        decoder.decode_all([raw, raw])


def decode_binary(random: Random) -> None:
    """Decode data with attributes in headers."""
    event = json.loads(random.choice(EVENTS))
    data = mutate(random, [json.dumps(event.pop("data")).encode()])
    headers: list[tuple[str, bytes | None]] = [
        (f"ce_{name}", str(text).encode()) for name, text in event.items()
    ]
    for _ in range(random.randint(0, 3)):
        position = random.randrange(len(headers))
        name, text = headers[position]
        headers[position] = random.choice(
            [(name, None), (name, mutate(random, [text or b""])), (name[3:], text)]
        )
    for decoder in DECODERS:
        with suppress(Undecodable):
            decoder.decode(data, headers)


def count(random: Random) -> None:
    """Count the same records together and one by one. Each has one outcome, and both agree."""
    number = random.randint(1, 30)
    records = [
        FakeRecord(
            n,
            NOW - random.choice((0, 0, 0, 10**6, 10**10, -(10**10), NOW + 1)),
            random.choice((b"k", None, b"answer-1", random.randbytes(3))),
            random.choice((mutate(random, EVENTS), random.choice(EVENTS), None if n % 7 == 0 else b"{}")),
        )
        for n in range(number)
    ]
    for domain in DOMAIN_REGISTRY:
        together, single = (PartitionTask(domain, 0, 1, aggregation_config()) for _ in range(2))
        together.process(records, NOW)
        for record in records:
            single.process([record], NOW)
        flushed = together.prepare_flush(NOW, 0)
        outcomes = flushed.checkpoint.outcomes
        assert sum(outcomes.values()) == number, outcomes
        assert len(flushed.dead_letters) == sum(outcomes.get(outcome, 0) for outcome in DEAD_LETTER_OUTCOMES)
        assert outcomes == single.prepare_flush(NOW, 0).checkpoint.outcomes


VARIABLES = [
    b'{"total": [], "channel": ["channel"]}',
    b'[{"name": "a", "from": "2026-01-01", "timezone": "Europe/Rome", "hours": {"mon": ["09:00-13:00"]}, "country": "IT"}]',
    b'{"chat/urgent": "4h", "*/low": {"duration": "4h", "hours": "business"}}',
    b"127.0.0.1:9092,[::1]:9093",
    b"500ms",
    b'{"shop": {"sha256": "%s", "topics": ["feedback"], "types": ["cx.feedback.submitted.v1"]}}'
    % (b"0" * 64),
    b'{"a": {"mapping": "stripe", "verify": "stripe", "secrets": ["s"], "secret_files": [], "tolerance": "5m"}}',
    b'{"a": {"mapping": "stripe", "verify": "hmac", "secrets": ["s"], "header": "x", "signed": "{body}", "prefix": "v0="}}',
]
TOP = b"""# TYPE cx_nps_score gauge
cx_nps_score{view="channel",channel="web",window="1h"} 50.0
cx_nps_responses{view="channel",channel="web",window="1h",category="promoter"} 4.0
cx_partitions_expected 36
cx_partitions_covered 36
cx_checkpoint_age_seconds 1.5
cx_event_lag_seconds{topic="cx.feedback"} 1.5
"""
PANES = [
    (name, row.key, row.value)
    for name, written in write_flush(exporter(), answers(3, channel="web")).items()
    for row in written
    if row.key is not None and row.value is not None
]


FLUSHES = []
for domain in DOMAIN_REGISTRY:
    counted = PartitionTask(domain, 0, 1, aggregation_config())
    counted.process([FakeRecord(n, NOW, b"k", raw) for n, raw in enumerate(EVENTS)], NOW)
    flush = counted.prepare_flush(NOW, 0)
    FLUSHES.append((domain, [*flush.panes, (KEY, encode_checkpoint(flush.checkpoint))], flush.state))


def read_panes(random: Random) -> None:
    """Read records of panes that no worker writes."""
    state = exporter()
    for name in DOMAINS:
        batch = [
            FakeRecord(n, NOW, *_pane(random, key, value))
            for n, (of, key, value) in enumerate(PANES)
            if of == name
        ]
        for _ in state.apply(PaneBatch(PartitionId(name, 0), batch), monotonic_ms=0, wall_ms=NOW):  # type: ignore[arg-type]
            pass
    with suppress(
        ArithmeticError, ValueError
    ):  # sums that cannot be, such as a negative number of answers, are trusted
        refresh(state)
    state.unready_reason(0)
    state.filling_windows()


def _pane(random: Random, key: bytes, value: bytes) -> tuple[bytes, bytes]:
    if random.random() < 0.3:
        value = mutate(random, [value])
    if random.random() < 0.1:
        key = mutate(random, [key, KEY])
    return key, value


def restore_state(random: Random) -> None:
    """Restore a worker from records that no worker wrote."""
    tp = TopicPartition("state", 0)
    for domain, panes, state in FLUSHES:
        task = PartitionTask(domain, 0, 1, aggregation_config())
        for restore, written in ((task.restore_panes, panes), (task.restore_state, state)):
            rows = [
                FakeRecord(n, NOW, *_pane(random, key, value))
                for n, (key, value) in enumerate(written)
                if value
            ]
            with suppress(PreconditionFailed):
                restore_records(restore, tp, rows)
        if not task.incompatibility():
            with suppress(PreconditionFailed):
                finish(task)


def show_dead_letter(random: Random) -> None:
    """Show a dead letter. Nothing of it steers the terminal."""
    names = ("cx_timestamp", "cx_reason", "cx_topic", "cx_offset", "cx_partition", "cx_detail", "x\x1b")
    headers = tuple((name, mutate(random, [b"invalid", b"1790000000000"])) for name in names)
    raw = mutate(random, EVENTS)
    lines = format_details(DeadLetter(0, 0, random.choice((NOW, -1, -(1 << 60), 1 << 62)), raw, raw, headers))
    lines += table([[raw[:200].decode(errors="replace")]], ("reason",))
    assert all(
        category(character)[0] != "C" and category(character) not in ("Zl", "Zp")
        for character in "".join(lines)
    )


def read_alerts(raw: bytes) -> None:
    """Read an answer of Alertmanager."""
    with suppress(ValueError, RecursionError):
        for alert in alertmanager._decode(raw):
            msgspec.json.encode(alertmanager._public_fields(alert))


def read_variables(raw: bytes) -> None:
    """Read the environment."""
    text = raw.decode(errors="replace").replace("\0", "")
    names = (
        "METRICS_VIEWS",
        "CALENDARS",
        "KAFKA_BOOTSTRAP_SERVERS",
        "FRT_TARGETS",
        "EXPORTER_LISTEN",
        "WORKER_FLUSH_INTERVAL",
        "INTAKE_TOKENS",
        "INTAKE_HOOKS",
        "KAFKA_TOKEN_OPTIONS",
    )
    for name in names:
        with suppress(ConfigError):
            load(None, {f"CXGAUGE_{name}": text})


def calendar(random: Random) -> None:
    """Read a calendar."""
    with suppress(ValueError):
        closures(mutate(random, [CALENDAR]), "UTC")


def show_top(raw: bytes) -> None:
    """Show the metrics of an exporter that is none."""
    with suppress(CxgaugeError):
        text = raw.decode(errors="replace")
        screen(MetricsSnapshot(text, "channel", "1h"), [text], "http://x", "channel", "1h")


CSV = (
    b"date,vru+line,ser_start,ser_exit,ser_time\n"
    b"991201,AA0101,10:15:31,10:18:02,151\n991202,AA0102,0:00:00,23:59:59,0\n"
)
XES = b"""<?xml version="1.0" encoding="UTF-8"?>
<log xmlns="http://www.xes-standard.org/"><trace><string key="date" value="991201"/>
<event><string key="vru+line" value="AA01"/><string key="ser_start" value="10:15:31"/><string key="ser_exit" value="10:18:02"/>
<int key="ser_time" value="151"/></event></trace></log>"""
BANK = (DEPLOY / "examples" / "bank_calls_1999.toml").read_bytes()


def _mapping(sample: Path) -> bytes:
    """Return the mapping for a sample: an example's or one that ships, of the same name."""
    example = DEPLOY / "examples" / f"{sample.stem}.toml"
    return (example if example.exists() else shipped.resolve(sample.stem)).read_bytes()


EXPORTS = [
    *(
        (name, raw, BANK)
        for name, raw in (
            ("a.csv", CSV),
            ("a.csv.gz", gzip.compress(CSV)),
            ("a.xes", XES),
            ("a.xes.gz", gzip.compress(XES)),
        )
    ),
    *(
        (f"a{path.suffix}", path.read_bytes(), _mapping(path))
        for path in sorted((DEPLOY / "examples" / "samples").iterdir())
    ),
]
"""Name and content of a file, and the mapping for it."""


def translate_export(random: Random) -> None:
    """Translate an export of another system by a mapping. One of them is mutated."""
    name, export, form = random.choice(EXPORTS)
    if random.random() < 0.6:
        export = mutate(random, _records(name, export, random))
    else:
        form = mutate(random, [form])
    with TemporaryDirectory() as folder, suppress(CxgaugeError):
        for path, raw in ((Path(folder, name), export), (Path(folder, "mapping.toml"), form)):
            path.write_bytes(raw)
        translation = Translation(
            Path(folder, name),
            mapping.load(Path(folder, "mapping.toml")),
            format_of(Path(folder, name)),
            lambda _: None,
        )
        for event in translation:
            assert encode(event)


def _records(name: str, export: bytes, random: Random) -> list[bytes]:
    """Return one line of JSON Lines, otherwise the whole file."""
    return [random.choice(export.splitlines())] if name.endswith(".jsonl") else [export]


SETTINGS = [(DEPLOY / "cxgauge.toml").read_bytes(), as_toml(redacted(load(None, {}))).encode()]
WEB_CONFIGS = [
    b"tls_server_config:\n  cert_file: a.pem\n  key_file: b.pem\n  min_version: TLS13\n  client_auth_type: NoClientCert\n",
    b"basic_auth_users:\n  ada: $2b$04$abcdefghijklmnopqrstuv0123456789012345678901234567890\n",
]
ALERTS = [
    json.dumps(
        [
            {
                "labels": {"alertname": "A", "severity": "critical", "x": "y"},
                "annotations": {"summary": "s"},
                "startsAt": "t",
            }
        ]
    ).encode()
]

TARGETS: dict[str, Target] = {
    "events": Target("decoders", of_bytes(EVENTS, decode)),
    "events in binary mode": Target("decoders", decode_binary),
    "counted records": Target("decoders", count),
    "panes": Target("decoders", read_panes),
    "stored state": Target("decoders", restore_state),
    "dead letters": Target("decoders", show_dead_letter),
    "answers of Alertmanager": Target("decoders", of_bytes(ALERTS, read_alerts)),
    "metrics for top": Target("decoders", of_bytes([TOP], show_top)),
    "configuration": Target("configuration", of_file(SETTINGS, lambda path: load(path, {}), ConfigError)),
    "environment": Target("configuration", of_bytes(VARIABLES, read_variables)),
    "web_config": Target("configuration", of_file(WEB_CONFIGS, web_config.read, ConfigError)),
    "mappings": Target("configuration", of_file(MAPPINGS, mapping.load, CxgaugeError)),
    "calendars": Target("configuration", calendar),
    "exports": Target("configuration", translate_export),
}
