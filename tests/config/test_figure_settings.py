"""Targets and benchmarks: values, sources and years, and that they do not change figures."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from stream.config import as_toml, config_hash, load, redacted
from stream.config.figure_settings import Benchmark, FigureValue
from stream.errors import ConfigError

FILE = """
[targets]
cx_nps_score = 40
"cx_first_response_seconds/0.9" = "90m"

[benchmarks]
cx_csat_ratio = {value = 0.78, source = "Survey of the industry", year = 2025}
"""


def test_targets_and_benchmarks_are_read_and_shown_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "cxgauge.toml"
    path.write_text(FILE)
    settings = load(path, {})
    assert settings.targets == {
        "cx_nps_score": FigureValue(40),
        "cx_first_response_seconds/0.9": FigureValue(5_400, is_duration=True),
    }
    assert settings.benchmarks == {
        "cx_csat_ratio": Benchmark(FigureValue(0.78), "Survey of the industry", 2025)
    }
    printed = as_toml(redacted(settings))
    assert tomllib.loads(printed)["targets"] == {"cx_nps_score": 40, "cx_first_response_seconds/0.9": "90m"}
    path.write_text(printed)
    assert load(path, {}) == settings


def test_variables_override_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cxgauge.toml"
    path.write_text(FILE)
    settings = load(path, {"CXGAUGE_TARGETS": json.dumps({"cx_nps_score": 50})})
    assert settings.targets == {"cx_nps_score": FigureValue(50)}
    assert settings.benchmarks


def test_they_do_not_change_figures(tmp_path: Path) -> None:
    """Workers do not rebuild panes, and exporters with other targets cover the same partitions."""
    path = tmp_path / "cxgauge.toml"
    path.write_text(FILE)
    assert config_hash(load(path, {})) == config_hash(load(None, {}))


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("targets", [40], "targets: got [40], allowed is a table such as {cx_nps_score = 40}"),
        ("targets", {"a": True}, "targets.a: got True, allowed is a number, or a duration"),
        ("targets", {"a": None}, "targets.a: missing, allowed is a number, or a duration"),
        ("targets", {"a": {"value": 1}}, "targets.a: got {'value': 1}, allowed is a number, or a duration"),
        ("targets", {"a": "40"}, "targets.a: got '40', allowed is a number, or a duration"),
        ("benchmarks", {"a": 32}, "benchmarks.a: got 32, allowed is a table such as {value = 32"),
        ("benchmarks", {"a": {"source": "s", "year": 2025}}, "benchmarks.a.value: missing, allowed is a number"),
        ("benchmarks", {"a": {"value": 1, "year": 2025}}, "benchmarks.a.source: missing, allowed is a text of 1"),
        ("benchmarks", {"a": {"value": 1, "source": " ", "year": 2025}}, "benchmarks.a.source: got ' ', allowed"),
        ("benchmarks", {"a": {"value": 1, "source": "a\nb", "year": 2025}}, "characters in one line"),
        ("benchmarks", {"a": {"value": 1, "source": "s" * 101, "year": 2025}}, "a text of 1 to 100 characters"),
        ("benchmarks", {"a": {"value": 1, "source": "s", "year": "2025"}}, "benchmarks.a.year: got '2025', allowed is a year from 1900 to 2100"),
        ("benchmarks", {"a": {"value": 1, "source": "s", "year": 20255}}, "a year from 1900 to 2100"),
        ("benchmarks", {"a": {"value": 1, "source": "s", "year": 2025, "url": "u"}}, "benchmarks.a.url: unknown key; allowed are value, source, year"),
    ],
)  # fmt: skip
def test_invalid_values_are_reported_with_field_value_and_what_is_allowed(
    name: str, value: Any, error: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(None, {f"CXGAUGE_{name.upper()}": json.dumps(value)})
    (line,) = str(raised.value).splitlines()
    assert error in line
    assert line.endswith(f"(CXGAUGE_{name.upper()})")


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_number_must_be_finite(tmp_path: Path, number: str) -> None:
    """TOML has both."""
    path = tmp_path / "cxgauge.toml"
    path.write_text(f"[targets]\ncx_nps_score = {number}\n")
    with pytest.raises(ConfigError, match=f"targets.cx_nps_score: got {number}, allowed is a number"):
        load(path, {})
