"""`cxgauge backtest`: from exports to a report as text, JSON and page."""

import csv
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from schemas.times import from_ms
from stream.cli import main
from stream.deployment import FOLDER
from tests.backtest.histories import ANSWERS_MAPPING, MONDAY
from tests.support import DAY, HOUR

TICKETS = """
source = "/desk"
[[event]]
type = "cx.ticket.created.v1"
id = "{id}/created"
time = "{created}"
data = { ticket_id = "{id}" }
[[event]]
type = "cx.ticket.message.v1"
id = "{id}/reply"
time = "{replied}"
data = { ticket_id = "{id}", message_id = "1", author = "agent" }
"""
EVIL = "<script>alert(1)</script>"
SCHEMA = json.loads((FOLDER.parent / "schemas" / "generated" / "backtest.schema.json").read_text())
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a folder with answers, tickets and their mappings. In the last days answers are missing."""
    monkeypatch.chdir(tmp_path)
    Path("shop.toml").write_text(ANSWERS_MAPPING)
    Path("desk.toml").write_text(TICKETS)
    rows = [
        (f"{day}-{n}", from_ms(MONDAY + day * DAY + n * HOUR // 4).isoformat(), 9 if n % 4 else 2, EVIL)
        for day in range(11)
        for n in range(96)
        if day < 8 or (day, n) == (10, 95)
    ]
    lines = ["id,at,score,channel", *(",".join(map(str, row)) for row in rows)]
    Path("answers.csv").write_text("\n".join(lines) + "\n")
    tickets = [
        {
            "id": f"t{n}",
            "created": from_ms(MONDAY + n * HOUR).isoformat(),
            "replied": from_ms(MONDAY + n * HOUR + 60_000).isoformat(),
        }
        for n in range(20)
    ]
    Path("tickets.jsonl").write_text("".join(json.dumps(ticket) + "\n" for ticket in tickets))
    return lambda *arguments: CliRunner().invoke(main, ["backtest", *arguments])


class Page(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_report_as_text_json_and_page(run: Run) -> None:
    """Several files are one past. JSON has the shape of its schema, and the page loads nothing and runs no script."""
    arguments = ["answers.csv", "tickets.jsonl", "--mapping", "shop.toml", "--mapping", "desk.toml"]
    arguments += ["--threshold", "false_alarms_a_month=4"]
    result = run(*arguments, "--format", "json", "--html", "page.html")
    assert (result.exit_code, result.stderr) == (0, "")
    report = json.loads(result.stdout)
    Draft202012Validator(SCHEMA).validate(report)
    assert report["events"] == {"feedback": 769, "tickets": 40}
    nps = [f for week in report["weeks"] for f in week["figures"] if f["figure"] == "cx_nps_score"]
    assert [(f["labels"], f["n"]) for f in nps[:2]] == [({}, 672), ({"channel": EVIL}, 672)]
    assert nps[0]["value"] == pytest.approx(50)
    assert "CxAnswersMissing" in [alert["alert"] for alert in report["alerts"]]
    text = Path("page.html").read_text()
    page = Page(text)
    assert page.tags.isdisjoint({"script", "link", "img", "iframe"})
    assert page.attributes.isdisjoint({"src", "href", "onclick"})
    assert "http" not in text
    assert f"channel {EVIL}" in page.texts
    shown = run(*arguments).stdout
    n = len(report["alerts"])
    assert shown.startswith(f"{n} alert{'' if n == 1 else 's'} from 2026-01-05 to 2026-01-15\n")
    assert "Only 0 NPS, CSAT and CES answers in the last" in shown
    assert "809 events of the files in " in shown


def test_errors_name_row_field_and_value(run: Run) -> None:
    """The others are used."""
    with Path("answers.csv").open("a") as file:
        file.write("x,2026-01-13T00:00:00Z,eleven,web\ny,2999-01-01T00:00:00Z,5,web\n")
    result = run("answers.csv", "--mapping", "shop.toml", "--format", "json")
    assert result.exit_code == 1
    score, future, summary = result.stderr.splitlines()
    assert score.startswith("answers.csv:771: shop.toml: rule 1 (cx.feedback.submitted.v1): data.score: ")
    assert "'eleven'" in score
    assert summary == "answers.csv: 2 errors"
    assert future == (
        "answers.csv:772: time: got 2999-01-01T00:00:00Z, which is in the future, allowed is a time of the past"
    )
    assert json.loads(result.stdout)["events"] == {"feedback": 769}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ("--mapping", "shop.toml", "--threshold", "zz=1"),
            "--threshold: got 'zz', allowed are false_alarms_a_month, z",
        ),
        (
            ("--mapping", "shop.toml", "--threshold", "z=high"),
            "--threshold: got 'z=high', allowed is NAME=VALUE",
        ),
        (("--mapping", "shop.toml", "--mapping", "desk.toml"), "--mapping: got 2 for 1 files"),
        (("--mapping", "desk.toml"), "has no column 'created'"),
        (("--mapping", "shop.toml", "--html", "no/page.html"), "--html: "),
    ],
)
def test_arguments_that_cannot_be_used(run: Run, arguments: tuple[str, ...], error: str) -> None:
    result = run("answers.csv", *arguments)
    assert result.exit_code in (1, 2)
    assert error in result.stderr


def test_a_target_that_cannot_be_used_is_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXGAUGE_TARGETS", '{"cx_nps_score": 400}')
    result = run("answers.csv", "--mapping", "shop.toml")
    assert result.exit_code == 2
    assert "targets.cx_nps_score: got 400, allowed is a number from -100 to 100" in result.stderr


def test_a_file_without_events(run: Run) -> None:
    Path("empty.csv").write_text("id,at,score,channel\n")
    result = run("empty.csv", "--mapping", "shop.toml", "--html", "page.html")
    assert (result.exit_code, result.stdout) == (0, "No events\n")
    assert "No events" in Path("page.html").read_text()


@pytest.mark.data
def test_the_airport_survey(data_folder: Path) -> None:
    """The figures and the number of alerts are those of the documentation. A week is counted directly."""
    path = data_folder / "sfo_survey_2017" / "survey.csv"
    mapping = FOLDER / "examples" / "sfo_survey_2017.toml"
    result = CliRunner().invoke(main, ["backtest", str(path), "--mapping", str(mapping), "--format", "json"])
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert [alert["alert"] for alert in report["alerts"]] == ["CxAnswersMissing"] * 4
    with path.open(newline="") as file:
        scores = [
            int(row["NETPRO"])
            for row in csv.DictReader(file)
            if row["NETPRO"].isdigit() and int(row["NETPRO"]) <= 10 and 8 <= int(row["INTDATE"]) <= 14
        ]
    promoters, detractors = sum(s >= 9 for s in scores), sum(s <= 6 for s in scores)
    week = next(week for week in report["weeks"] if week["start"] == "2017-05-08T00:00:00Z")
    figure = next(f for f in week["figures"] if f["figure"] == "cx_nps_score" and f["view"] == "total")
    assert figure["n"] == len(scores) == 612
    assert figure["value"] == pytest.approx(100 * (promoters - detractors) / len(scores))
