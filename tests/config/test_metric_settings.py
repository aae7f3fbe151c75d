"""Windows, labels, views and targets, the settings that change figures."""

import json

import pytest

from stream.config import ResponseTarget, Settings, config_hash, load
from stream.errors import ConfigError


def metrics(key: str, value: object) -> Settings:
    """Return settings with one key of metrics."""
    return load(None, {f"CXGAUGE_METRICS_{key}": json.dumps(value)})


def error_of(environ: dict[str, str]) -> str:
    """Return the error about these variables."""
    with pytest.raises(ConfigError) as caught:
        load(None, environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("windows", "start", "allowed"),
    [
        (["90s"], "metrics.windows.0: got '90s'", "a multiple of its bucket, 1m"),
        (["61m"], "metrics.windows.0: got '61m'", "a multiple of its bucket, 15m"),
        (["1h", "25h", "1470m"], "metrics.windows.2: got '1470m'", "a multiple of its bucket, 1h"),
        (["1h", "60m"], "metrics.windows.1: got '60m'", "each length once ('1h' is as long)"),
        (["30s"], "metrics.windows.0: got '30s'", 'from "1m"'),
        (["1831d"], "metrics.windows.0: got '1831d'", "1830d"),
        ([], "metrics.windows: got []", "a list of durations"),
        ([5], "metrics.windows.0: got 5", "a duration"),
    ],
)
def test_windows_are_multiples_of_their_bucket(windows: list[object], start: str, allowed: str) -> None:
    """Buckets are minutes up to 1 h, quarter-hours up to 24 h, hours above. Lengths are unique."""
    text = error_of({"CXGAUGE_METRICS_WINDOWS": json.dumps(windows)})
    assert text.startswith(start)
    assert allowed in text


def test_windows_keep_their_labels() -> None:
    """The label is kept as written, next to the length."""
    (window,) = metrics("WINDOWS", ["120m"]).metrics.windows
    assert (window.label, window.span) == ("120m", 7_200_000)


@pytest.mark.parametrize(
    "label",
    [
        "window",
        "le",
        "instance",
        "by",
        "type",
        "field",
        "label",
        "domain",
        "__name__",
        "1st",
        "a-b",
        "",
        5,
        "channel",
    ],
)
def test_bad_and_reserved_labels_are_refused(label: object) -> None:
    """A label of events must not clash with one that series or Prometheus have."""
    assert error_of({"CXGAUGE_METRICS_LABELS": json.dumps([label])}).startswith(
        f"metrics.labels.0: got {label!r}, allowed is a"
    )


@pytest.mark.parametrize(
    ("views", "text"),
    [
        ({"channel": ["channel"]}, "metrics.views.total: missing, allowed is an empty list"),
        ({"total": ["channel"]}, "metrics.views.total: got ['channel'], allowed is an empty list"),
        ({"total": [], "view": []}, "metrics.views.view: got 'view', allowed is a name that is not reserved"),
        (
            {"total": [], "x": ["chanel"]},
            "metrics.views.x: got 'chanel', allowed is one of channel, touchpoint",
        ),
        (
            {"total": [], "x": ["team", "team"]},
            "metrics.views.x: got ['team', 'team'], allowed is each label once",
        ),
        ({"total": [], "x": "team"}, "metrics.views.x: got 'team', allowed is a list of label names"),
        ([], "metrics.views: got [], allowed is a table of lists"),
    ],
)
def test_views_use_known_labels(views: object, text: str) -> None:
    """`total` is there, names are free, labels are dimensions or allowed labels."""
    assert error_of({"CXGAUGE_METRICS_VIEWS": json.dumps(views)}).startswith(text)


def test_views_may_use_an_allowed_label() -> None:
    """Allowed labels can be used in views."""
    settings = load(
        None,
        {
            "CXGAUGE_METRICS_LABELS": '["tier"]',
            "CXGAUGE_METRICS_VIEWS": '{"total": [], "by_tier": ["tier", "priority"]}',
        },
    )
    assert settings.metrics.views == {"total": (), "by_tier": ("tier", "priority")}


@pytest.mark.parametrize(
    "targets",
    [
        {"*": "1h"},
        {"chat/*": "1h"},
        {"a/b/c": "1h"},
        {"": "1h"},
        {"chat": "soon"},
        {"chat": {"duration": "1h", "hours": "office"}},
        {"chat": {"duration": "1h", "calendar": "x"}},
        {"chat": {"duration": "1h", "hours": "business"}},
    ],
)
def test_invalid_targets_are_refused(targets: dict[str, object]) -> None:
    """Keys are channel/priority, values durations. Business hours need a calendar."""
    assert error_of({"CXGAUGE_FRT_TARGETS": json.dumps(targets)}).startswith("frt.targets.")


def test_an_unknown_key_within_a_setting_names_the_nearest() -> None:
    """As an unknown setting does."""
    calendar = {"name": "x", "timezone": "UTC", "hours": {"mon": ["09:00-10:00"]}, "holiday": []}
    assert ".holiday: unknown key, did you mean 'holidays'; allowed are " in error_of(
        {"CXGAUGE_CALENDARS": json.dumps([calendar])}
    )
    target = {"chat": {"duration": "1h", "hour": "calendar"}}
    assert ".hour: unknown key, did you mean 'hours'; allowed are " in error_of(
        {"CXGAUGE_FRT_TARGETS": json.dumps(target)}
    )
    hook = {"x": {"scheme": "none", "mappings": "y"}}
    assert ".mappings: unknown key, did you mean 'mapping'; allowed are " in error_of(
        {"CXGAUGE_INTAKE_HOOKS": json.dumps(hook)}
    )


def test_targets_have_calendar_or_business_hours() -> None:
    """A plain duration is calendar time."""
    calendar = '[{"name": "x", "timezone": "UTC", "hours": {"mon": ["09:00-10:00"]}}]'
    targets = '{"chat": "5m", "*/urgent": {"duration": "4h", "hours": "business"}}'
    settings = load(None, {"CXGAUGE_FRT_TARGETS": targets, "CXGAUGE_CALENDARS": calendar})
    assert settings.frt.targets == {
        "chat": ResponseTarget(300_000),
        "*/urgent": ResponseTarget(14_400_000, "business"),
    }


@pytest.mark.parametrize(
    "environ",
    [
        {"CXGAUGE_METRICS_WINDOWS": '["1h"]'},
        {"CXGAUGE_METRICS_LABELS": '["brand", "product", "region"]'},
        {"CXGAUGE_METRICS_VIEWS": '{"total": []}'},
        {"CXGAUGE_FRT_TARGET": "2h"},
        {"CXGAUGE_FRT_TARGETS": '{"chat": "2h"}'},
        {"CXGAUGE_CLV_MARGIN_RATE": "0.5"},
        {"CXGAUGE_CALENDARS": '[{"name": "x", "timezone": "UTC", "hours": {"mon": ["09:00-10:00"]}}]'},
    ],
)
def test_settings_that_change_figures_change_the_hash(environ: dict[str, str]) -> None:
    """An exporter detects another configuration by the hash."""
    assert config_hash(load(None, environ)) != config_hash(Settings())


def test_other_settings_do_not_change_the_hash() -> None:
    """Addresses and the order of windows change no figure."""
    other = {
        "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": "b:1",
        "CXGAUGE_METRICS_WINDOWS": '["30d", "1h", "5m", "24h", "7d"]',
        "CXGAUGE_METRICS_VIEWS": '{"team": ["team"], "touchpoint": ["touchpoint"], "total": [], "channel": ["channel"]}',
        "CXGAUGE_EXPORTER_CLOCK": "event",
    }
    assert config_hash(load(None, other)) == config_hash(Settings())
    assert len(config_hash(Settings())) == 16
