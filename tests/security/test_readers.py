"""Whatever bytes are read, only the documented errors come out, and they show no secrets."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Decoder, Undecodable
from schemas.topics import TOPICS
from stream.config import load
from stream.config.ical import closures
from stream.errors import ConfigError, CxgaugeError
from stream.http import web_config
from stream.importing import records
from stream.importing.records import FORMATS
from stream.mapping import mapping
from stream.mapping.forms import FileForm
from stream.operations.deadletters.dead_letter import DeadLetter, format_time
from stream.operations.deadletters.listing import format_details, table

pytestmark = pytest.mark.attack("odd bytes in files and variables")

DEEP = 100_000
LONG = "a" * 5_000
LINE_ENDS = {"Zl", "Zp"}
DECODERS = [Decoder(topic) for topic in TOPICS.values()]


def read_file(read: Callable[[Path], object], raw: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(raw)
        read(path)


def read_settings(raw: bytes) -> None:
    read_file(lambda path: load(path, {}), raw)


def read_variable(raw: bytes) -> None:
    text = raw.decode(errors="replace")
    load(None, {"CXGAUGE_METRICS_VIEWS": text, "CXGAUGE_CALENDARS": text, "CXGAUGE_KAFKA_SSL_CAFILE": text})


def read_event(raw: bytes) -> None:
    headers = [("ce_specversion", b"1.0"), ("ce_type", b"cx.feedback.submitted.v1"), ("ce_time", raw)]
    for decoder in DECODERS:
        for headers_of_record in ((), headers):
            with suppress(Undecodable):
                decoder.decode(raw, headers_of_record)


def read_records(raw: bytes) -> None:
    for format_ in FORMATS:
        with suppress(CxgaugeError):
            read_file(lambda path, format_=format_: list(records.read(path, format_, FileForm())), raw)


def read_calendar(raw: bytes) -> None:
    closures(raw, "UTC")


def show_dead_letter(raw: bytes) -> None:
    timestamp = int.from_bytes(raw[:8], signed=True)
    header_text = raw.decode(errors="replace").encode()
    headers = tuple((name, header_text) for name in ("cx_timestamp", "cx_reason", "cx_topic", "x\x1b"))
    lines = format_details(DeadLetter(0, 0, timestamp, raw, raw, headers))
    lines += table([[header_text.decode()]], ("reason",))
    assert all(
        category(character)[0] != "C" and category(character) not in LINE_ENDS for character in "".join(lines)
    )


def mapping_with(expression: bytes) -> bytes:
    """Return a mapping file with an expression that cannot be used."""
    return b"source='a'\nevent=[{type='cx.x',id='a',time='{" + expression + b"}',data={}}]"


READERS: dict[str, tuple[Callable[[bytes], None], type[Exception] | tuple[()]]] = {
    "configuration": (read_settings, ConfigError),
    "environment": (read_variable, ConfigError),
    "records": (read_records, ()),
    "mapping": (lambda raw: read_file(mapping.load, raw), CxgaugeError),
    "web_config": (lambda raw: read_file(web_config.read, raw), ConfigError),
    "calendar": (read_calendar, ValueError),
    "event": (read_event, ()),
    "dead letter": (show_dead_letter, ()),
}


odd_bytes = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(str.encode),
    st.builds(
        lambda words: " ".join(words).encode(),
        st.lists(
            st.sampled_from(
                [
                    "=",
                    "[",
                    "]",
                    "{",
                    "}",
                    '"',
                    "'",
                    ",",
                    ":",
                    "\n\n",
                    "[kafka]",
                    "[[event]]",
                    "bootstrap_servers",
                    "tls_server_config:",
                    "basic_auth_users:",
                    "BEGIN:VCALENDAR\n",
                    "DTSTART:0001",
                    "1e999",
                    "-1",
                    "null",
                    "true",
                    "nan",
                    "9999-99-99",
                    "²",
                    "\x00",
                    "\x1b[2J",
                    "\u202e",
                ]
            ),
            max_size=30,
        ),
    ),
)


@pytest.mark.parametrize("name", READERS)
@given(raw=odd_bytes)
def test_only_documented_errors_come_out(name: str, raw: bytes, tried: Callable[[int], None]) -> None:
    tried(1)
    read, expected = READERS[name]
    with suppress(expected):
        read(raw)


NESTED: dict[str, list[bytes]] = {
    "configuration": [b"a=" + b"[" * DEEP, b"a=" + b"{a=" * DEEP],
    "environment": [b"[" * DEEP, b'{"a":' * DEEP, LONG.encode(), b"a\0b"],
    "mapping": [
        b"a=" + b"[" * DEEP,
        mapping_with(b"a." * 400 + b"b"),
        mapping_with(b"(" * 900),
        mapping_with(b"!" * 900 + b"a"),
        mapping_with(b"`" + b"[" * 900 + b"`"),
        mapping_with(b"a" * 5_000),
        b'source = "a"\nevent = [' + b"{}," * 100_000 + b"]",
        b" " * 2_000_000,
    ],
    "records": [
        b"[" * DEEP,
        b'{"a":' * DEEP,
        b"<a>" * DEEP,
        b"a," * DEEP + b'\n"',
        LONG.encode() * 100,
        b"1" * 10_000,
    ],
    "web_config": [
        b"[" * 5_000,
        b"{a: " * 5_000,
        b"tls_server_config: {cert_file: " + LONG.encode() + b", key_file: k}",
    ],
    "calendar": [
        b"BEGIN:VCALENDAR\n" * 5_000,
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:00010101\nDTEND:99991231\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR",
    ],
    "event": [b"[" * DEEP, b'{"data":' * DEEP],
    "dead letter": [(-62_135_596_800_001).to_bytes(8, signed=True), b"[" * DEEP, "²³".encode()],
}


@pytest.mark.parametrize(("name", "number"), [(name, n) for name in NESTED for n in range(len(NESTED[name]))])
def test_nested_and_long_values_are_errors(name: str, number: int) -> None:
    """One that names its place, not a traceback. Of a long value the error shows the beginning."""
    read, expected = READERS[name]
    raw = NESTED[name][number]
    if expected == ():
        read(raw)
        return
    with pytest.raises(expected) as error:
        read(raw)
    assert 0 < len(str(error.value)) < 2_000


def test_forged_timestamps_are_shown_as_numbers() -> None:
    assert format_time(-62_135_596_800_001) == "-62135596800001 ms"
    assert format_time(1 << 62) == f"{1 << 62} ms"
    assert format_time(0) == "1970-01-01 00:00:00Z"


@pytest.mark.parametrize(
    ("variables", "key"),
    [
        ({"CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": "user:hunter2@host:9092"}, "kafka.bootstrap_servers"),
        ({"CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": "a:1,user:hunter2@host:9092"}, "kafka.bootstrap_servers"),
        ({"CXGAUGE_EXPORTER_ALERTMANAGER": "http://x/?token=hunter2"}, "exporter.alertmanager"),
        ({"CXGAUGE_EXPORTER_ALERTMANAGER": "http://u:hunter2@x"}, "exporter.alertmanager"),
        ({"CXGAUGE_EXPORTER_ALERTMANAGER": "ftp://u:hunter2@x"}, "exporter.alertmanager"),
    ],
)
def test_errors_about_values_with_secrets_do_not_show_them(variables: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(None, variables)
    assert key in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_value_in_place_of_a_section_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "cxgauge.toml"
    path.write_text('kafka = "hunter2"\n')
    with pytest.raises(ConfigError, match="kafka: got str, allowed is a table") as error:
        load(path, {})
    assert "hunter2" not in str(error.value)


def test_a_time_zone_of_many_folders_is_an_error() -> None:
    """Each would be imported as a package."""
    calendar = {
        "name": "a",
        "from": "2026-01-01",
        "timezone": "Europe/R" * 1_000,
        "hours": {"mon": ["09:00-13:00"]},
    }
    with pytest.raises(ConfigError, match="a name of the IANA time zones"):
        load(None, {"CXGAUGE_CALENDARS": json.dumps([calendar])})


def test_usual_servers_are_accepted() -> None:
    for servers in ("127.0.0.1:9092", "a.example:9092, b.example:9093", "[::1]:9092"):
        settings: Any = load(None, {"CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": servers})
        assert settings.kafka.bootstrap_servers == servers
