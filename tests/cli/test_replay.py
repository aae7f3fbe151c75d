"""`cxgauge replay`: an export is published as events with their own times."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from click.testing import CliRunner

from schemas.codec import make
from schemas.customers import CustomerActivated
from schemas.envelope import at_ms
from schemas.feedback import FeedbackDeleted
from stream.cli import main, replay
from stream.core.aggregation.tickets import Tickets
from stream.core.model.time_buckets import Window
from stream.errors import PreconditionFailed
from stream.importing.records import format_of
from stream.importing.sending import ProgressMeter
from stream.importing.translation import Translation
from stream.kafka.topics import TopicDescription
from stream.mapping.mapping import load
from tests.support import Event as Given
from tests.support import aggregation_config, count

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
DAY = 86_400_000
MAPPING = """
source = "/old"
[[event]]
type = "cx.feedback.submitted.v1"
id = "{id}"
time = {text = "{day}", format = "%Y-%m-%d", timezone = "UTC"}
[event.data]
feedback_id = "{id}"
survey = "nps"
score = {path = "score", type = "int"}
"""
EXPORT = "id,day,score\nb,2017-05-02,9\na,2017-05-01,3\nc,2017-05-03,11\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """An unsorted export of three rows, and its mapping."""
    export, mapping = tmp_path / "export.csv", tmp_path / "map.toml"
    export.write_text(EXPORT)
    mapping.write_text(MAPPING)
    return export, mapping


def translate(export: Path, mapping: Path) -> tuple[list[Any], list[str]]:
    """Return the events of a file in the order of their times, and the reported lines."""
    lines: list[str] = []
    translation = Translation(export, load(mapping), format_of(export), lines.append)
    return sorted(translation, key=at_ms), lines


def deletion(at: int) -> Any:
    """Return an event at a moment in ms."""
    return make(FeedbackDeleted(feedback_id=f"f-{at}"), id="1", source="/x", time=at)


def feedback_topic(retention: int) -> dict[str, TopicDescription]:
    """Return the description of a feedback topic with this retention."""
    return {"feedback": TopicDescription(1, 1, {"retention.ms": str(retention)})}


def test_a_dry_run_reports_each_error_with_its_position(files: tuple[Path, Path]) -> None:
    """It counts the events and sends nothing. The exit code is 1."""
    command = ["replay", str(files[0]), "--mapping", str(files[1]), "--dry-run"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert result.stdout == "2 events from 2017-05-01 to 2017-05-02; nothing was sent\n"
    assert (
        "export.csv:4: map.toml: rule 1 (cx.feedback.submitted.v1): data.score: expected int" in result.stderr
    )
    assert result.stderr.endswith("export.csv: 1 errors\n")


def test_an_event_of_the_future_is_an_error(files: tuple[Path, Path]) -> None:
    """Kafka would refuse it, or the worker."""
    export = files[0]
    export.write_text(EXPORT.replace("2017", "2999"))
    command = ["replay", str(export), "--mapping", str(files[1]), "--dry-run"]
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, result.stdout) == (1, "0 events; nothing was sent\n")
    assert "which is in the future, allowed is a time of the past" in result.stderr


def test_the_oldest_event_must_outlive_the_retention_by_a_day() -> None:
    """Kafka deletes by record timestamp, so events that are almost too old are refused."""
    now = 1_000 * DAY
    replay.check_retention([deletion(now - 44 * DAY), deletion(now)], feedback_topic(45 * DAY), now)
    replay.check_retention([deletion(0)], feedback_topic(-1), now)
    replay.check_retention([], feedback_topic(45 * DAY), now)
    with pytest.raises(PreconditionFailed, match=r"of feedback is of 1972-08-13.* 45d.*topics\.retention"):
        replay.check_retention([deletion(now - 44 * DAY - 1), deletion(now)], feedback_topic(45 * DAY), now)


async def test_speed_is_a_multiple_of_real_time() -> None:
    """A minute at 600 times real time takes a tenth of a second."""
    clock = asyncio.get_running_loop().time
    events = [deletion(0), deletion(60_000)]
    started_at = clock()
    with ProgressMeter(2) as meter:
        assert [event async for event in replay.paced(events, 600.0, meter)] == events
    assert clock() - started_at >= 0.1


@pytest.mark.kafka
def test_records_carry_the_times_of_the_events(
    runner: CliRunner, files: tuple[Path, Path], sent: Callable[[str], list[ConsumerRecord]]
) -> None:
    """Late and future events are classified as of then. An invalid row gives exit code 1."""
    result = runner.invoke(main, ["replay", str(files[0]), "--mapping", str(files[1])])
    assert result.exit_code == 1
    assert result.stdout.startswith("2 sent")
    assert {(record.key, record.timestamp) for record in sent("feedback")} == {
        (b"a", 1_493_596_800_000),
        (b"b", 1_493_683_200_000),
    }


@pytest.mark.kafka
def test_events_older_than_the_retention_are_refused(
    environ: dict[str, str], files: tuple[Path, Path]
) -> None:
    """The exit code is 4 and nothing is sent, except with the present as timestamp."""
    runner = CliRunner(env=environ)
    runner.invoke(main, ["topics", "create"])
    command = ["replay", str(files[0]), "--mapping", str(files[1])]
    result = runner.invoke(main, command)
    assert result.exit_code == 4
    assert "topics.retention" in result.stderr
    assert "2 sent" in runner.invoke(main, [*command, "--timestamps", "now"]).stdout


@pytest.mark.data
def test_the_airport_survey_has_the_known_nps(data_folder: Path) -> None:
    """The shipped mapping gives the published NPS."""
    export = data_folder / "sfo_survey_2017" / "survey.csv"
    events, errors = translate(export, EXAMPLES / "sfo_survey_2017.toml")
    answers: list[Any] = [event.data for event in events]
    scores = [answer.score for answer in answers if answer.survey == "nps" and answer.score is not None]
    promoters, detractors = sum(s >= 9 for s in scores), sum(s <= 6 for s in scores)
    assert (errors, len(scores)) == ([], 2_746)
    assert round(100 * (promoters - detractors) / len(scores), 2) == 39.84
    assert sum(answer.survey == "csat" for answer in answers) == 2_688


@pytest.mark.data
def test_the_order_of_a_log_changes_no_figure(data_folder: Path) -> None:
    """Shuffled events of the help desk give the same panes as sorted ones."""
    log = data_folder / "helpdesk_italian" / "helpdesk.xes.gz"
    events, errors = translate(log, EXAMPLES / "helpdesk_italian.toml")
    assert (len(events), errors) == (14_623, [])
    config = aggregation_config(windows=(Window("1600d", 1600 * DAY),))
    events_to_count = [Given(e.data, at_ms(e), at_ms(e), e.id, e.source) for e in events]
    ordered = count(Tickets(), events_to_count, config)
    Random(4).shuffle(events_to_count)
    shuffled = count(Tickets(), events_to_count, config)
    natural_keys = {
        (
            e.data.TYPE,
            e.data.ticket_id,
            getattr(e.data, "message_id", None) or (at_ms(e), getattr(e.data, "status", "")),
        )
        for e in events
    }
    accepted = {task.outcome_counts["accepted"] for task in (ordered, shuffled)}
    assert accepted == {len(natural_keys)}  # a case that is closed twice in one second is closed once
    assert sum(map(len, ordered.panes.blocks.values())) > 10_000
    assert shuffled.panes.blocks == ordered.panes.blocks


def test_the_customer_base_example_is_translated(tmp_path: Path) -> None:
    """The shipped mapping of a customer base, also without plan or channel."""
    file = tmp_path / "customers.csv"
    rows = (
        "customer_id,since,plan,channel\nc-2,2024-05-31T10:15:00+02:00,gold,web\nc-1,2024-05-31T08:14:59Z,,\n"
    )
    file.write_text(rows)
    events, errors = translate(file, EXAMPLES / "customer_base.toml")
    assert errors == []
    assert [event.data for event in events] == [
        CustomerActivated(customer_id="c-1"),
        CustomerActivated(customer_id="c-2", plan="gold", channel="web"),
    ]
    assert at_ms(events[1]) - at_ms(events[0]) == 1_000
