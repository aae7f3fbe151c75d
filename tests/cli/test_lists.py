"""Lists of tickets that an exporter gives to a command."""

import csv
import io
import json

import pytest
from click.testing import CliRunner, Result

from stream.cli import main
from stream.cli.top.command import ExporterClient

IDS = ["t-1", "=cmd|' /C calc'!A0", "-5", 'a,"b"']


def ask(monkeypatch: pytest.MonkeyPatch, answer: str, *options: str) -> Result:
    """Return the result of the command with this answer of the exporter."""
    monkeypatch.setattr(ExporterClient, "fetch", lambda *_: answer)
    return CliRunner().invoke(main, ["tickets", "waiting", "--url", "http://exporter", *options])


def test_texts_in_csv_are_no_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    """IDs come from whoever publishes events."""
    rows = [
        {"id": name, "age_seconds": 60, "team": None}
        | dict.fromkeys(("since", "channel", "priority", "url"), "x")
        for name in IDS
    ]
    document = {"list": "waiting", "window": None, "total": len(rows), "incomplete": "", "tickets": rows}
    result = ask(monkeypatch, json.dumps(document), "--format", "csv")
    read = list(csv.DictReader(io.StringIO(result.output)))
    assert [row["id"] for row in read] == ["t-1", f"'{IDS[1]}", "'-5", 'a,"b"']
    assert {(row["age_seconds"], row["team"], row["url"]) for row in read} == {("60", "", "x")}


@pytest.mark.parametrize("answer", ["<html>", "[]"])
def test_an_address_of_no_exporter_is_an_error(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    result = ask(monkeypatch, answer)
    assert result.exit_code == 1
    assert "http://exporter answers without a list, is it an exporter? " in result.output
