"""`cxgauge mapping`: a mapping is tried on a sample before anything is sent."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.cli import main
from stream.mapping import shipped

MAPPING = """
source = "/shop"
[[event]]
type = "cx.customer.activated.v1"
id = '{_headers."x-delivery"}/{_line}'
time = "{at}"
when = {kind = "signup"}
data = {customer_id = "{who}"}
"""
BODIES = [
    {"kind": "signup", "at": "2026-01-08T10:12:07Z", "who": "c-1"},
    {"kind": "login", "at": "2026-01-08T10:12:07Z"},
    {"kind": "signup", "at": "yesterday", "who": "c-2\x1b[2J"},
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A mapping and a sample of three bodies."""
    mapping, sample = tmp_path / "map.toml", tmp_path / "bodies"
    mapping.write_text(MAPPING)
    sample.write_text("".join(json.dumps(body) + "\n" for body in BODIES))
    return str(mapping), str(sample)


def test_events_and_errors_of_a_sample(files: tuple[str, str]) -> None:
    """Events are JSON Lines on standard output, errors and the summary are on standard error."""
    command = [
        "mapping",
        "test",
        files[0],
        "--input",
        files[1],
        "--format",
        "jsonl",
        "--header",
        "X-Delivery: d7",
    ]
    result = CliRunner().invoke(main, command)
    (event,) = map(json.loads, result.stdout.splitlines())
    assert (event["id"], event["data"]) == ("d7/1", {"customer_id": "c-1"})
    error, summary = result.stderr.splitlines()
    assert error.endswith(
        "bodies:3: map.toml: rule 1 (cx.customer.activated.v1): time: {at}: got 'yesterday', allowed is a time in"
        " ISO 8601, such as 2026-01-31T12:00:00Z"
    )
    assert summary == "1 events, 1 of 3 records were taken by no rule, 1 errors"
    assert result.exit_code == 1


def test_a_sample_without_events_fails(files: tuple[str, str], tmp_path: Path) -> None:
    """A mapping that takes nothing is most probably wrong."""
    (tmp_path / "body.json").write_text(json.dumps(BODIES[1]))
    result = CliRunner().invoke(main, ["mapping", "test", files[0], "--input", str(tmp_path / "body.json")])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "0 events, 1 of 1 records were taken by no rule\n"


def test_faults_of_a_mapping_are_reported_together(files: tuple[str, str]) -> None:
    Path(files[0]).write_text(MAPPING.replace("{at}", "{at").replace("customer_id", "customer"))
    result = CliRunner().invoke(main, ["mapping", "test", files[0], "--input", files[1]])
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 3


def test_shipped_mappings_are_listed_and_shown() -> None:
    lines = CliRunner().invoke(main, ["mapping", "list"]).stdout.splitlines()
    assert [line.split()[0] for line in lines] == shipped.names()
    assert all(len(line.split()) > 3 for line in lines)
    shown = CliRunner().invoke(main, ["mapping", "show", "stripe"]).stdout
    assert shown == shipped.resolve("stripe").read_text(encoding="utf-8")
    unknown = CliRunner().invoke(main, ["mapping", "show", "fax"])
    assert unknown.exit_code == 1
    assert (
        "fax: is no file, and no mapping that ships with cxgauge: chatwoot, chatwoot-past" in unknown.stderr
    )


def test_notes_on_times_that_come_twice_are_limited(tmp_path: Path) -> None:
    """The first ten are reported, the others counted."""
    (tmp_path / "map.toml").write_text(
        MAPPING.replace('"{at}"', '{text = "{at}", timezone = "Europe/Rome"}').replace(
            '_headers."x-delivery"', "who"
        )
    )
    rows = "".join(f"signup,2026-10-25T02:{minute:02},c\n" for minute in range(13))
    (tmp_path / "a.csv").write_text("kind,at,who\n" + rows)
    command = ["mapping", "test", str(tmp_path / "map.toml"), "--input", str(tmp_path / "a.csv")]
    result = CliRunner().invoke(main, command)
    *notes, more, _ = result.stderr.splitlines()
    assert len(notes) == 10
    assert "a.csv:2: {at}: 2026-10-25 02:00:00 comes twice in Europe/Rome; taken as the first" in notes[0]
    assert more.endswith("a.csv: 3 more local times come twice")
    assert result.exit_code == 0


def test_a_missing_column_is_refused(files: tuple[str, str], tmp_path: Path) -> None:
    """The error at the first row names the available columns."""
    (tmp_path / "a.csv").write_text("kind,at\nsignup,2026-10-25T02:00Z\n")
    result = CliRunner().invoke(main, ["mapping", "test", files[0], "--input", str(tmp_path / "a.csv")])
    assert result.exit_code == 1
    assert "has no column 'who', which map.toml reads; its columns are kind, at" in result.stderr
