"""Loading the configuration from file and variables, with all errors at once."""

import json
import tomllib
from pathlib import Path

import pytest

from stream.config import Address, ResponseTarget, Settings, Window, as_toml, load, redacted
from stream.errors import ConfigError


def toml(folder: Path, text: str) -> Path:
    """Write a configuration file with this text."""
    path = folder / "cxgauge.toml"
    path.write_text(text)
    return path


def errors_of(path: Path | None = None, **environ: str) -> list[str]:
    """Return the lines of the error about a file and variables."""
    with pytest.raises(ConfigError) as caught:
        load(path, {f"CXGAUGE_{name}": text for name, text in environ.items()})
    return str(caught.value).splitlines()


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_equal_the_contract() -> None:
    """Without file and variables every setting has its default."""
    settings = load(None, {})
    assert settings == Settings()
    assert settings.kafka.bootstrap_servers == "127.0.0.1:9092"
    assert settings.topics.partitions == 12
    assert settings.topics.retention == 75 * 86_400_000
    assert settings.worker.flush_interval == 500
    assert settings.worker.listen == Address("127.0.0.1", 9818)
    assert settings.exporter.listen == Address("127.0.0.1", 9817)
    assert settings.exporter.stale_after == 600_000
    assert settings.metrics.windows[-1] == Window("30d", 2_592_000_000)
    assert settings.metrics.views == {
        "total": (),
        "channel": ("channel",),
        "touchpoint": ("touchpoint",),
        "team": ("team",),
    }
    assert settings.frt.target == 3_600_000
    assert settings.clv.margin_rate == 1.0


def test_file_in_the_working_folder_is_read(tmp_path: Path) -> None:
    """`cxgauge.toml` is read without being named."""
    toml(tmp_path, "[topics]\npartitions = 3\n")
    assert load(None, {}).topics.partitions == 3


def test_variables_override_the_file(tmp_path: Path) -> None:
    """A variable overrides the file. An empty one counts as not set."""
    path = toml(tmp_path, '[worker]\ngroup = "a"\nflush_interval = "1s"\n')
    settings = load(path, {"CXGAUGE_WORKER_GROUP": "b", "CXGAUGE_WORKER_FLUSH_INTERVAL": "", "OTHER": "c"})
    assert settings.worker.group == "b"
    assert settings.worker.flush_interval == 1_000


def test_variables_hold_lists_and_tables_as_json() -> None:
    """Numbers, lists and tables of variables are JSON."""
    settings = load(
        None,
        {
            "CXGAUGE_TOPICS_PARTITIONS": "4",
            "CXGAUGE_METRICS_WINDOWS": '["5m", "1h"]',
            "CXGAUGE_FRT_TARGETS": '{"chat/urgent": "2m"}',
            "CXGAUGE_CLV_MARGIN_RATE": "0.4",
            "CXGAUGE_CALENDARS": json.dumps(
                [{"name": "all", "timezone": "UTC", "hours": {"mon": ["09:00-10:00"]}}]
            ),
        },
    )
    assert settings.topics.partitions == 4
    assert [window.label for window in settings.metrics.windows] == ["5m", "1h"]
    assert settings.frt.targets == {"chat/urgent": ResponseTarget(120_000)}
    assert settings.clv.margin_rate == 0.4
    assert settings.calendars[0].calendar.name == "all"


def test_all_errors_are_reported_with_their_source(tmp_path: Path) -> None:
    """Each error is one line with key, value, allowed values, and file or variable."""
    path = toml(tmp_path, '[topics]\npartitions = "many"\n[clv]\nmargin_rate = 2\n')
    duration = 'a duration from "10ms" to "10s" with a unit of ms, s, m, h or d'
    assert errors_of(path, WORKER_FLUSH_INTERVAL="5") == [
        f"topics.partitions: got 'many', allowed is a whole number from 1 to 10000 ({path})",
        f"clv.margin_rate: got 2, allowed is a number from 0 to 1 ({path})",
        f"worker.flush_interval: got '5', allowed is {duration} (CXGAUGE_WORKER_FLUSH_INTERVAL)",
    ]


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("[kafka]\nbootstrap_server = 'a:1'", "unknown key, did you mean 'kafka.bootstrap_servers'"),
        ("[exporter]\nwindows = ['5m']", "unknown key, did you mean 'metrics.windows'"),
        ("[metric]\nwindows = ['5m']", "unknown section, did you mean 'metrics'"),
        ("[what]", "unknown section, allowed are benchmarks, calendars, clv, "),
        ("[logs]\nwhat = 1", "unknown key, allowed are logs.format, logs.level ("),
    ],
)
def test_unknown_keys_suggest_the_nearest_one(tmp_path: Path, text: str, suggestion: str) -> None:
    """The error suggests the key that was probably meant, or lists all if none is similar."""
    (line,) = errors_of(toml(tmp_path, text))
    assert suggestion in line


def test_unknown_variables_suggest_the_nearest_one() -> None:
    """Variables with the prefix must be settings."""
    (line,) = errors_of(KAFKA_BOOTSTRAP="a:1")
    assert line.startswith("CXGAUGE_KAFKA_BOOTSTRAP: unknown variable, did you mean 'CXGAUGE_KAFKA_")
    assert errors_of(FOO="1") == ["CXGAUGE_FOO: unknown variable (environment)"]


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    """Some editors write one."""
    path = tmp_path / "cxgauge.toml"
    path.write_text("[logs]\nformat = 'json'", encoding="utf-8-sig")
    assert load(path, {}).logs.format == "json"
    path.write_text("# é", encoding="cp1252")
    assert errors_of(path) == [f"{path}: is not in UTF-8"]


def test_service_links_of_kubernetes_are_no_settings() -> None:
    """A service called cxgauge-exporter must not keep the exporter from starting."""
    service_links = {
        "CXGAUGE_EXPORTER_SERVICE_HOST": "10.0.0.1",
        "CXGAUGE_EXPORTER_SERVICE_PORT_HTTP": "9817",
        "CXGAUGE_EXPORTER_PORT": "tcp://10.0.0.1:9817",
        "CXGAUGE_EXPORTER_PORT_9817_TCP_ADDR": "10.0.0.1",
    }
    assert load(None, service_links) == Settings()


@pytest.mark.parametrize("text", ["[kafka", "kafka = 3"])
def test_an_invalid_file_is_one_error(tmp_path: Path, text: str) -> None:
    """A file that cannot be read as tables is one clear fault."""
    (line,) = errors_of(toml(tmp_path, text))
    assert "cxgauge.toml" in line


def test_a_given_file_must_exist(tmp_path: Path) -> None:
    """`--config` with a file that is not there is a fault, not the defaults."""
    assert errors_of(tmp_path / "no.toml") == [f"{tmp_path / 'no.toml'}: No such file or directory"]


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("worker", "flush_interval", "1"),
        ("worker", "flush_interval", "1h"),
        ("worker", "instance", "two words"),
        ("worker", "session_timeout", "1s"),
        ("exporter", "listen", "9817"),
        ("exporter", "listen", "host:70000"),
        ("exporter", "clock", "atomic"),
        ("exporter", "max_series", "0"),
        ("exporter", "max_series", "1.0"),
        ("exporter", "web_config", "no.yml"),
        ("exporter", "ticket_url", "https://desk.example.org/tickets/"),
        ("exporter", "ticket_url", "https://{id}/tickets"),
        ("exporter", "ticket_url", "https://desk.example.org/{id}/{other}"),
        ("exporter", "ticket_url", "https://desk.example.org/{id}/{id}"),
        ("exporter", "ticket_url", "javascript:alert(1)//{id}"),
        ("exporter", "ticket_url", "ftp://desk.example.org/{id}"),
        ("exporter", "ticket_url", "https://user:secret@desk.example.org/{id}"),
        ("exporter", "ticket_url", "https://desk.example.org/ {id}"),
        ("topics", "retention", "5m"),
        ("topics", "retention", "-2"),
        ("topics", "feedback", "a/b"),
        ("topics", "partitions", "true"),
        ("clv", "margin_rate", "NaN"),
        ("kafka", "security_protocol", "TLS"),
        ("kafka", "ssl_cafile", "no.pem"),
    ],
)
def test_invalid_values_are_errors(section: str, name: str, value: str) -> None:
    """Each type of setting refuses invalid values and names the setting."""
    (line,) = errors_of(**{f"{section}_{name}".upper(): value})
    assert line.startswith(f"{section}.{name}: got ")


@pytest.mark.parametrize(
    "template", ["https://desk.example.org/tickets/{id}", "http://desk:8080/agent?ticket={id}#last"]
)
def test_templates_of_links(template: str) -> None:
    assert load(None, {"CXGAUGE_EXPORTER_TICKET_URL": template}).exporter.ticket_url == template


@pytest.mark.parametrize("retention", ["-1", '"-1"'])
def test_retention_may_be_unlimited(tmp_path: Path, retention: str) -> None:
    """-1 keeps inputs for ever, as a number and as a text."""
    assert load(toml(tmp_path, f"[topics]\nretention = {retention}\n"), {}).topics.retention == -1


def test_listening_on_every_interface_and_on_ipv6() -> None:
    """`:port` is every interface. An IPv6 address has brackets."""
    settings = load(None, {"CXGAUGE_WORKER_LISTEN": ":9818", "CXGAUGE_EXPORTER_LISTEN": "[::1]:9817"})
    assert settings.worker.listen == Address("", 9818)
    assert settings.exporter.listen == Address("::1", 9817)
    assert str(settings.exporter.listen) == "[::1]:9817"


def test_session_timeout_follows_from_the_instance() -> None:
    """30 s for a static member, 10 s for a dynamic one, unless it is set."""
    assert load(None, {}).worker.session_timeout == 10_000
    static_member = {"CXGAUGE_WORKER_INSTANCE": "w-0"}
    assert load(None, static_member).worker.session_timeout == 30_000
    assert (
        load(None, static_member | {"CXGAUGE_WORKER_SESSION_TIMEOUT": "45s"}).worker.session_timeout == 45_000
    )


def test_files_are_relative_to_the_configuration(tmp_path: Path) -> None:
    """A path in a file begins at that file's folder."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "web.yml").touch()
    path = toml(folder, '[exporter]\nweb_config = "web.yml"\n')
    assert load(path, {}).exporter.web_config == folder / "web.yml"


def test_sasl_needs_a_user() -> None:
    """User and password are asked for when the protocol needs them."""
    lines = errors_of(KAFKA_SECURITY_PROTOCOL="SASL_SSL")
    assert [line.partition(":")[0] for line in lines] == ["kafka.sasl_username", "kafka.sasl_password"]


def test_topic_names_must_differ() -> None:
    """Two topics of one name would be read as each other's events."""
    (line,) = errors_of(TOPICS_TICKETS="cx.feedback")
    assert line == "topics: got 'cx.feedback' as the name of 2 topics, allowed is a different name for each"


def test_more_in_sync_replicas_than_replicas_are_refused() -> None:
    """Such topics could never be written to."""
    (line,) = errors_of(TOPICS_MIN_INSYNC_REPLICAS="2")
    assert line.startswith("topics.min_insync_replicas: got 2, allowed is up to topics.replication_factor, 1")


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    """Neither the printed configuration nor a fault holds the password."""
    variables = {
        "CXGAUGE_KAFKA_SASL_PASSWORD": "hunter2",
        "CXGAUGE_KAFKA_SASL_USERNAME": "u",
        "CXGAUGE_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    }
    settings = load(None, variables)
    assert "hunter2" in str(settings)
    assert "hunter2" not in str(redacted(settings))
    (line,) = errors_of(toml(tmp_path, "[kafka]\nsasl_password = 12345\n"))
    assert "12345" not in line


def test_the_printed_configuration_can_be_loaded(tmp_path: Path) -> None:
    """The printed configuration is a file that gives the same settings."""
    text = """
        [topics]
        retention = -1
        [worker]
        instance = "w-1"
        [frt]
        target = "90m"
        targets = {chat = "2m", "*/urgent" = {duration = "4h", hours = "business"}}
        [metrics]
        views = {total = [], brand = ["brand", "channel"]}
        [[calendars]]
        name = "it"
        from = 2026-01-01
        timezone = "Europe/Rome"
        hours = {mon = ["09:00-13:00", "14:00-18:00"], sat = ["22:00-02:00"]}
        holidays = ["2026-12-25"]
        channels = ["chat"]
    """
    settings = load(toml(tmp_path, text), {})
    printed = as_toml(redacted(settings))
    assert tomllib.loads(printed) == redacted(settings)
    assert load(toml(tmp_path, printed), {}) == settings


def test_folders_of_data_exist(tmp_path: Path) -> None:
    """Relative paths begin at the folder of the file. Another value, or a missing folder, is an error."""
    (tmp_path / "kafka").mkdir()
    path = toml(tmp_path, '[exporter]\nfolders = ["kafka"]\n')
    assert load(path, {}).exporter.folders == (tmp_path / "kafka",)
    for value in ('["gone"]', '"kafka"', "[7]"):
        path = toml(tmp_path, f"[exporter]\nfolders = {value}\n")
        with pytest.raises(
            ConfigError, match=r"exporter\.folders: got .*, allowed is a list of paths of existing"
        ):
            load(path, {})
