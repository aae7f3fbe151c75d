"""`cxgauge report` with an exporter in memory: its figures are those of the page, and its sentences fit them."""

import asyncio
import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from schemas.times import from_ms
from stream.cli import main
from stream.cli.report.facts import FiringAlerts, ReportFacts, facts
from stream.cli.report.figures import figure_rows, parts_of
from stream.cli.report.markdown import markdown
from stream.cli.report.pages import message, page
from stream.cli.report.source import ExporterReadings, WantedReport, read
from stream.cli.top.command import ExporterClient
from stream.config import load
from stream.core.metrics.headlines import encode
from stream.devbroker.ports import free_port
from stream.exporter.comment_reader import CommentReader
from stream.exporter.live.payloads import Payloads
from tests.core.aggregation.feedback.test_notes import note
from tests.exporter.in_memory import answers
from tests.exporter.leavers import leavers, quiet_month
from tests.exporter.live.live_exporter import LiveExporter, shop_events
from tests.exporter.live.test_alertmanager import ALERT, alertmanager
from tests.exporter.live.test_lists import WEB
from tests.exporter.live.test_payloads import detail, tiles_by_name
from tests.exporter.test_comment_reader import comment, write
from tests.support import DAY, HOUR, MINUTE, NOW

UTC_ZONE = ZoneInfo("UTC")
WRONG = {"CX_TOP_PASSWORD": "wrong"}
TARGETS = {"CXGAUGE_TARGETS": json.dumps({"cx_nps_score": 40, "cx_csat_ratio": 0.2})}


async def readings(
    live: LiveExporter, window: str | None = "24h", period: str | None = None
) -> ExporterReadings:
    """Return what is read of an exporter that runs, at its present."""
    wanted = WantedReport(window, period, UTC_ZONE, (), 5)
    return await asyncio.to_thread(read, ExporterClient(live.url), wanted, from_ms(live.now))


async def invoke(live: LiveExporter, *options: str, **env: str) -> Result:
    """Return the result of the command."""
    arguments = ["report", "--url", live.url, *options]
    return await asyncio.to_thread(CliRunner(env=env).invoke, main, arguments)


def text_of(known: ReportFacts) -> str:
    return markdown(page(known))


async def test_figures_and_what_moved_them_are_those_of_the_page() -> None:
    """Value, bounds, sample size, change, verdicts, and mix and rate by a view, of every tile."""
    live = LiveExporter(**TARGETS)
    await live.publish(shop_events())
    async with live.running():
        await live.refresh()
        known = await readings(live)
    payloads = Payloads(live.exporter)
    tiles = {name: tile for name, tile in tiles_by_name(payloads, 2).items() if tile["value"] is not None}
    rows = {encode(row.tile): row for row in figure_rows(known)}
    assert rows.keys() == tiles.keys()
    explained = 0
    for name, row in rows.items():
        tile = tiles[name]
        figure = tuple(tile[key] for key in ("value", "low", "high", "n"))
        assert (row.value, row.low, row.high, row.n) == figure, name
        assert (row.before, row.verdict) == (tile["before"], tile["verdict"]), name
        assert (row.change and row.change._asdict()) == tile["change"]
        assert ({"value": row.target, "verdict": row.target_verdict} if row.target else None) == tile[
            "target"
        ]
        moved = detail(payloads, 2, "channel", name)["moved"]
        parts = {part.label: part for part in parts_of(known, row, "channel")}
        assert (moved is None) is (not parts)
        for expected in moved["rows"] if moved else ():
            part = parts[expected["labels"][0]]
            # the order of sums is another one
            assert part.effect == pytest.approx((expected["mix"], expected["rate"]), rel=1e-9, abs=1e-9)
            assert (part.now.n if part.now else 0) == expected["n"]
            explained += 1
    assert explained > 20
    assert len(rows) > 20


async def drop() -> ReportFacts:
    """Return the facts of an exporter whose NPS fell in the app and rose nowhere else."""
    live = LiveExporter(**TARGETS)
    events = [
        *answers(60, 10, NOW - 90 * MINUTE, channel="app"),
        *answers(60, 10, NOW - 90 * MINUTE, channel="web"),
        *answers(60, 0, NOW - 5 * MINUTE, channel="app"),
        *answers(60, 10, NOW - 5 * MINUTE, channel="web"),
    ]
    await live.publish(events)
    async with live.running():
        await live.refresh()
        return facts(await readings(live, "1h"), FiringAlerts(), None)


async def test_the_first_screen_says_how_it_goes_why_and_what_to_do() -> None:
    known = await drop()
    text = text_of(known)
    first, _, details = text.partition("## NPS: where it changed")
    assert first.startswith("# Customer experience, last 1 hour to 21 Sep 2026\n")
    assert "**Worse than in the 1 hour before**: NPS (-100.0). **Target missed**: NPS." in first
    assert "- **NPS** fell from 100.0 to 0.0 (-100.0, **worse**): -100.0 of it by [channel app](" in first
    assert "whose own value went from 100.0 to -100.0 (n 60)." in first
    assert (
        "- Ask what changed in channel app, the largest part of why NPS is worse: [NPS by channel](" in first
    )
    assert "| [channel app](" in details
    short = markdown(message(known))
    assert "|" not in short
    assert "- **NPS** 0.0; -100.0, **worse**; target 40.0, **missed**; n 120" in short
    assert len(short) < 2_000, "a message of Discord"


async def test_nothing_moved_and_nothing_to_do() -> None:
    live = LiveExporter()
    await live.publish([*answers(40, 10, NOW - 90 * MINUTE), *answers(40, 10, NOW - MINUTE)])
    async with live.running():
        await live.refresh()
        text = text_of(facts(await readings(live, "1h"), FiringAlerts(asked=True), None))
    assert "No clear change from the 1 hour before. No alert is firing now." in text
    assert "No score or ratio changed clearly" in text
    assert "- Nothing stands out." in text


@pytest.mark.parametrize(
    ("given", "phrase"),
    [
        ([("x", 0, 90, 50), ("y", 0, 90, 5), ("gone", 10, 90, 95), ("x", 0, 5, 50)], "[channel gone]"),
        ([("x", 10, 90, 50), ("x", 10, 5, 50), ("new", 0, 5, 50)], "which is new (50 % of the answers)"),
        (
            [("x", 10, 90, 90), ("y", 0, 90, 10), ("x", 10, 5, 10), ("y", 0, 5, 90)],
            "whose share of the answers went from 90 % to 10 %",
        ),
    ],
)
async def test_label_values_that_come_go_or_change_their_share(
    given: list[tuple[str, int, int, int]], phrase: str
) -> None:
    live = LiveExporter()
    await live.publish(
        [
            event
            for channel, score, age, n in given
            for event in answers(n, score, NOW - age * MINUTE, channel=channel)
        ]
    )
    async with live.running():
        await live.refresh()
        known = facts(await readings(live, "1h"), FiringAlerts(), None)
    (cause,) = [line for line in text_of(known).split("\n") if line.startswith("- **NPS**")]
    assert "**worse**" in cause
    assert phrase in cause


async def test_alerts_and_notes_are_named() -> None:
    """Alerts of Alertmanager with their runbooks, one line for each rule."""
    live = LiveExporter()
    await live.publish([*shop_events(), note("n", "Release 4.2 | app", NOW - HOUR, channel="app")])
    async with live.running(), alertmanager(json.dumps([ALERT])) as url:
        await live.refresh()
        result = await invoke(live, "--alertmanager", url, "--folder", f"{__file__}/x")
        assert (result.exit_code, "cannot be written: Not a directory" in result.output) == (1, True)
        known = await readings(live, "7d")
    alert = {"name": "CxA", "severity": "critical", "summary": "12 left", "runbook": "https://e.example/r"}
    firing = [alert, alert | {"summary": "13 left"}, alert | {"name": "CxB", "runbook": "docs/CxB.md"}]
    with_alerts = text_of(facts(known, FiringAlerts(asked=True, firing=firing), None))
    assert "**2 alerts firing now.**" in with_alerts
    assert "- **Critical**: 12 left, and 1 more like it. Runbook [CxA](https://e.example/r)." in with_alerts
    assert "- **Critical**: 12 left. Runbook docs/CxB.md." in with_alerts
    assert re.search(r"- 21 Sep 2026 13:13: Release 4.2 \\\| app · channel app", with_alerts)
    failed = text_of(facts(known, FiringAlerts(asked=True, error="ClientConnectorError"), None))
    assert "Look at the alerts yourself: Alertmanager has no answer (ClientConnectorError)." in failed


def test_the_address_of_an_alertmanager_is_checked() -> None:
    """By the rules of the setting, before anything is read."""
    result = CliRunner().invoke(main, ["report", "--alertmanager", "example.org:9093"])
    assert result.exit_code == 1
    assert "--alertmanager: got 'example.org:9093', allowed is the address of a server" in result.stderr


async def test_incidents_are_named_without_an_alertmanager() -> None:
    """With the text of the API and a link into the live page. Alerts of an Alertmanager say the same."""
    live = LiveExporter()
    await live.publish([*quiet_month(app="app"), *leavers()])
    async with live.running():
        await live.refresh()
        known = await readings(live)
    text = text_of(facts(known, FiringAlerts(), None))
    assert "incident now.**" in text
    assert re.search(
        r"- \*\*Critical\*\*: \d+ of .* customers left in .*; all in channel app; .*\. \[Live page\]\(http",
        text,
    )
    assert "customers left" not in text_of(facts(known, FiringAlerts(asked=True), None))
    assert "customers left" in text_of(facts(known, FiringAlerts(asked=True, error="no answer"), None))


async def test_a_period_says_what_is_absent(tmp_path: Path) -> None:
    """The figures of yesterday in Berlin, without a Kafka and in two files."""
    live = LiveExporter()
    await live.publish([*answers(40, 10, NOW - DAY), *answers(40, 0, NOW - 2 * DAY)])
    async with live.running():
        await live.refresh()
        options = ("--period", "yesterday", "--time-zone", "Europe/Berlin", "--folder", str(tmp_path))
        result = await invoke(live, *options)
        month = await invoke(live, "--period", "last-month", "--time-zone", "Asia/Kolkata")
    assert result.exit_code == 0, result.output
    names = [f"report-yesterday-2026-09-21{suffix}" for suffix in (".html", ".md")]
    assert result.output.split() == [str(tmp_path / name) for name in names]
    text = (tmp_path / names[1]).read_text()
    assert "# Customer experience, yesterday: 20 Sep 2026\n" in text
    assert "20 Sep 2026 00:00 to 21 Sep 2026 00:00 (Europe/Berlin), compared with 19 Sep 2026 00:00" in text
    assert "**Better than in the period before**: NPS (+200.0)." in text
    assert "- All values of Waiting, Retention: only the present state is kept, and no past one." in text
    assert month.exit_code == 1
    assert "00:00 in Asia/Kolkata is 18:30 in UTC" in month.output


async def test_comments_are_for_users_who_may_read_them() -> None:
    """With a password, at most as many as wanted, and only those of the time of the report."""
    reader = CommentReader(load(None, {}))
    reader.reason = ""
    for name, age in (("a", 1), ("b", 2), ("c", 3), ("old", 30)):
        write(reader, name, comment(f"text <b>{name}</b>", NOW - age * HOUR))
    live = LiveExporter(web=WEB, comment_reader=reader)
    await live.publish(answers(3, 10))
    async with live.running():
        await live.refresh()
        client = ExporterClient(live.url, "Basic bGVhZDpzZWNyZXQ=")
        wanted = WantedReport("24h", None, UTC_ZONE, ("total",), 2)
        known = await asyncio.to_thread(read, client, wanted, from_ms(NOW))
        refused = await invoke(live, "--user", "lead", **WRONG)
        reader.reason = "the kept comments are being read, 3 % so far"
        later = await asyncio.to_thread(read, client, wanted, from_ms(NOW))
    assert [kept.text for kept in known.kept.comments] == ["text <b>a</b>", "text <b>b</b>"]
    assert "> text \\<b\\>a\\</b\\>\n>\n> 21 Sep 2026 13:13 · nps 3 · detractor" in text_of(
        facts(known, FiringAlerts(), None)
    )
    assert "Absent: the kept comments are being read, 3 % so far." in text_of(
        facts(later, FiringAlerts(), None)
    )
    assert refused.exit_code == 1
    assert "cannot be read: Unauthorized: it needs --user, and its password" in refused.output


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--url", f"http://127.0.0.1:{free_port()}"], "cannot be read: "),
        (["--window", "7d", "--period", "today"], "--window and --period exclude each other"),
        (["--time-zone", "Berlin"], "--time-zone: got 'Berlin', allowed is a name of the IANA time zones"),
        (["--send", "nothing"], "--send: an address without a scheme is no address of apprise"),
        (["--send", "mailto://u:secret@"], "--send: mailto://… is no address of apprise, or lacks a part"),
    ],
)
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
def test_errors_are_reported_without_a_traceback(options: list[str], text: str) -> None:
    result = CliRunner().invoke(main, ["report", *options])
    assert result.exit_code in (1, 2)
    assert text in result.output
    assert "secret" not in result.output
    assert "Traceback" not in result.output


async def test_windows_and_views_of_the_exporter_are_named(tmp_path: Path) -> None:
    live = LiveExporter()
    await live.publish(answers(3, 10))
    async with live.running():
        await live.refresh()
        for options, error in (
            (("--window", "3d"), "--window: got '3d', the exporter has 5m, 1h, 24h, 7d, 30d"),
            (("--view", "region"), "--view: got 'region', the exporter has total, channel, touchpoint, team"),
        ):
            result = await invoke(live, *options)
            assert (result.exit_code, error in result.output) == (1, True), result.output
        live.monotonic_ms += 40_000
        await live.refresh()
        result = await invoke(live, "--folder", str(tmp_path))
    assert result.exit_code == 0
    text = await asyncio.to_thread(Path(result.output.split()[1]).read_text)
    assert "Incomplete: the exporter does not cover all partitions" in text
