"""Targets and benchmarks are checked against the figures that exist, and are exposed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import Decoder
from schemas.topics import FEEDBACK
from stream.config import load
from stream.core.metrics.headlines import HEADLINES
from stream.deployment import FOLDER
from stream.errors import ConfigError
from stream.exporter.reference_lines import figure_names, reference_lines
from tests.exporter.in_memory import Worker, answers, apply_records, exporter, refresh

FIGURES = {
    "cx_nps_score": 40,
    "cx_csat_ratio": 0.85,
    "cx_first_response_seconds/0.9": "1h",
    "cx_survey_response_ratio/csat": 0.2,
    "cx_clv_predicted/all/EUR": 900,
    "cx_class_churn_ratio/nps/detractor": 0.02,
    "cx_ticket_csat_ratio/late": 0.6,
    "cx_waiting_over_target_tickets": 0,
}


def settings(
    targets: dict[str, Any] | None = None, benchmarks: dict[str, Any] | None = None
) -> dict[str, str]:
    return {
        "CXGAUGE_TARGETS": json.dumps(targets or {}),
        "CXGAUGE_BENCHMARKS": json.dumps(benchmarks or {}),
    }


def test_targets_and_benchmarks_are_exposed_from_the_start() -> None:
    """Before any partition is covered. Names are those of tiles, durations are in seconds."""
    benchmark = {"value": 32, "source": 'The "Index"', "year": 2025}
    series = refresh(exporter(**settings(FIGURES, {"cx_nps_score": benchmark})))
    assert series['cx_target{figure="cx_nps_score"}'] == 40
    assert series['cx_target{figure="cx_first_response_seconds/0.9"}'] == 3_600
    assert series['cx_target{figure="cx_waiting_over_target_tickets"}'] == 0
    assert sum(name.startswith("cx_target{") for name in series) == len(FIGURES)
    assert series[r'cx_benchmark{figure="cx_nps_score",source="The \"Index\"",year="2025"}'] == 32


def test_other_targets_than_those_of_workers_do_not_matter() -> None:
    """The worker has none."""
    written = Worker(exporter())(answers(3))
    state = exporter(**settings(FIGURES))
    apply_records(state, written)
    assert refresh(state)['cx_nps_score{view="total",window="1h"}'] == 100
    assert state.unready_reason(0) == ""


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("cx_nps_scor", 1, "got 'cx_nps_scor', allowed is the name of a figure, did you mean 'cx_nps_score'"),
        ("cx_nps_score_low", 1, "allowed is the name of a figure, did you mean 'cx_nps_score'"),
        ("cx_churn_ratio", 0.02, "did you mean 'cx_churn_ratio/cohort'"),
        ("cx_survey_response_ratio", 0.2, "did you mean 'cx_survey_response_ratio/<survey>'"),
        ("cx_survey_response_ratio/npx", 0.2, "got 'npx' as survey, allowed is one of nps, csat, ces, exit"),
        ("cx_survey_response_ratio/", 0.2, "got '' as survey, allowed is one of nps, csat, ces, exit"),
        ("cx_clv_predicted/all/EURO", 9, "got 'EURO' as currency, allowed is a code of ISO 4217 such as EUR"),
        ("cx_class_churn_ratio/nps/happy", 0.2, "got 'happy' as class, allowed is one of promoter, passive, detractor, none"),
        ("cx_csat_ratio", 85, "got 85, allowed is a number from 0 to 1 (0.85 is 85 %)"),
        ("cx_csat_ratio", -0.1, "got -0.1, allowed is a number from 0 to 1"),
        ("cx_nps_score", 101, "got 101, allowed is a number from -100 to 100"),
        ("cx_nps_score", "1h", "got 3600 s, allowed is a number from -100 to 100"),
        ("cx_waiting_tickets", -1, "got -1, allowed is a number from 0"),
        ("cx_handle_mean_seconds", 300, 'got 300, allowed is a duration such as "15m"'),
    ],
)  # fmt: skip
def test_errors_name_field_value_and_what_is_allowed(name: str, value: Any, error: str) -> None:
    benchmark = {"value": value, "source": "s", "year": 2025}
    for section, variables in (
        ("targets", settings({name: value})),
        ("benchmarks", settings(benchmarks={name: benchmark})),
    ):
        with pytest.raises(ConfigError) as raised:
            reference_lines(load(None, variables))
        assert str(raised.value).startswith(f"{section}.{name}: got ")
        assert error in str(raised.value)


def test_all_errors_are_reported_at_once() -> None:
    """When the exporter starts."""
    with pytest.raises(ConfigError) as raised:
        exporter(**settings({"a": 1, "cx_csat_ratio": 2}, {"b": {"value": 1, "source": "s", "year": 2025}}))
    assert [line.partition(":")[0] for line in str(raised.value).splitlines()] == [
        "targets.a",
        "targets.cx_csat_ratio",
        "benchmarks.b",
    ]


def test_every_figure_may_have_a_target_and_is_in_the_documentation() -> None:
    """The reference page lists the names with their unit and whether higher is better."""
    text = (FOLDER / "docs" / "metrics.md").read_text(encoding="utf-8")
    for name, (_, _, headline) in zip(figure_names(), HEADLINES, strict=True):
        assert f"| `{name}` | {headline.title} | {headline.unit} | {headline.better} |" in text
        example = name
        for label, value in (
            ("survey", "csat"),
            ("first_response", "late"),
            ("class", "none"),
            ("currency", "EUR"),
        ):
            example = example.replace(f"<{label}>", value)
        value = "1h" if headline.unit == "seconds" else 1
        assert len(reference_lines(load(None, settings({example: value}))).targets) == 1


def test_the_examples_of_the_documentation_are_valid(tmp_path: Path) -> None:
    """Settings and the note, as they are written there."""
    text = (FOLDER / "docs" / "targets-and-notes.md").read_text(encoding="utf-8")
    path = tmp_path / "cxgauge.toml"
    path.write_text("".join(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)))
    lines = reference_lines(load(path, {}))
    assert (len(lines.targets), len(lines.benchmarks)) == (5, 1)
    (event,) = re.findall(r"echo '(.*)' \| cxgauge publish -", text)
    value = event.replace("'$(date -u +%FT%TZ)'", "2026-11-22T09:15:00Z").encode()
    data: Any = Decoder(FEEDBACK).decode(value, ()).data
    assert (data.note_id, data.text, data.channel) == ("release-4.2", "Release 4.2", "app")
