"""`cxgauge top` with an exporter in memory."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

import pytest
from aiohttp import ClientSession
from click.testing import CliRunner, Result

from stream.cli import main
from stream.cli.top.figures import MAX_ROWS, MetricsSnapshot, format_change, format_duration
from stream.config import Address
from stream.core.metrics.headlines import HEADLINES
from stream.devbroker.ports import free_port
from stream.exporter.exposition import Exposition
from stream.exporter.http.server import serve
from stream.exporter.live.payloads import Payloads
from tests.exporter.in_memory import answers
from tests.exporter.leavers import leavers, quiet_month
from tests.exporter.live.live_exporter import LiveExporter, shop_events
from tests.exporter.live.test_payloads import detail, tiles_by_name
from tests.support import MINUTE, NOW

EXPOSITION = """cx_nps_score{view="channel",channel="web",window="7d"} 20.0
cx_nps_score{view="channel",channel="a \\"b\\"",window="7d"} -10.0
cx_nps_score{view="channel",channel="web",window="1h"} 99.0
cx_nps_score_low{view="channel",channel="web",window="7d"} 10.0
cx_nps_score_high{view="channel",channel="web",window="7d"} 30.0
cx_nps_responses{view="channel",channel="web",window="7d",category="promoter"} 4.0
cx_nps_responses{view="channel",channel="web",window="7d",category="detractor"} 2.0
cx_survey_response_ratio{view="channel",channel="web",window="7d",survey="nps"} 0.5
cx_survey_offered{view="channel",channel="web",window="7d",survey="nps"} 12.0
cx_survey_offered{view="channel",channel="web",window="7d",survey="csat"} 99.0
cx_first_response_seconds{view="channel",channel="web",window="7d",quantile="0.5"} 1.0
cx_first_response_seconds{view="channel",channel="web",window="7d",quantile="0.9"} 75.0
cx_requester_wait_mean_seconds{view="channel",channel="web",window="7d"} 60.0
cx_resolved_tickets{view="channel",channel="web",window="7d",stage="full"} 7.0
cx_resolved_tickets{view="channel",channel="web",window="7d",stage="first"} 9.0
cx_clv_historical_mean{view="channel",channel="web",cohort="all",currency="EUR"} 1234.5
cx_clv_historical_mean{view="channel",channel="web",cohort="other",currency="EUR"} 1.0
"""


NPS = HEADLINES[0].headline


async def top_once(live_exporter: LiveExporter, *options: str) -> Result:
    """Return the result of `top --once`."""
    arguments = ["top", "--once", "--url", live_exporter.url, *options]
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "120"}).invoke, main, arguments)


def test_figures_are_shown_by_headline_and_label_set() -> None:
    """Figures of this view and window. Samples with common labels are summed, the largest come first."""
    rows = {(row.title, row.labels): row[2:5] for row in MetricsSnapshot(EXPOSITION, "channel", "7d").rows()}
    assert rows == {
        ("NPS", "web"): ("20.0", "10.0 to 30.0", 6),
        ("NPS", 'a "b"'): ("-10.0", "", None),
        ("Response rate nps", "web"): ("50.0 %", "", 12),
        ("FRT p90", "web"): ("1 min 15 s", "", None),
        ("Requester wait", "web"): ("1 min", "", 7),
        ("CLV to date (at margin) EUR", "web"): ("1,234.50 EUR", "", None),
    }


def test_the_change_from_the_window_before_is_shown() -> None:
    """With a word where the answers suffice for a test, and without one for durations."""
    before = """cx_nps_score_previous{view="channel",channel="web",window="7d"} 35.0
cx_nps_responses_previous{view="channel",channel="web",window="7d",category="promoter"} 110.0
cx_nps_responses_previous{view="channel",channel="web",window="7d",category="passive"} 50.0
cx_nps_responses_previous{view="channel",channel="web",window="7d",category="detractor"} 40.0
cx_survey_response_ratio_previous{view="channel",channel="web",window="7d",survey="nps"} 0.25
cx_survey_offered_previous{view="channel",channel="web",window="7d",survey="nps"} 12.0
cx_requester_wait_mean_seconds_previous{view="channel",channel="web",window="7d"} 75.0
"""
    now = EXPOSITION.replace("4.0", "100.0").replace(
        'category="detractor"} 2.0', 'category="detractor"} 60.0'
    )
    now += 'cx_nps_responses{view="channel",channel="web",window="7d",category="passive"} 40.0\n'
    rows = MetricsSnapshot(now + before, "channel", "7d").rows()
    changes = {(row.title, row.labels): row.change for row in rows}
    assert {key: change for key, change in changes.items() if change} == {
        ("NPS", "web"): "-15.0, no clear change",
        ("Response rate nps", "web"): "+25.0 pp, no clear change",
        ("Requester wait", "web"): "-15 s",
    }


async def test_what_moved_the_total_is_shown_as_on_the_page() -> None:
    """By label set of a view, with its parts. Not in `total`, nor without a window before."""
    live_exporter = LiveExporter()
    given = [("web", 10, 5, 5), ("web", 0, 90, 4), ("app", 0, 5, 6), ("store", 10, 90, 3)]
    await live_exporter.publish(
        [
            *(
                e
                for name, score, age, n in given
                for e in answers(n, score, NOW - age * MINUTE, channel=name)
            ),
            *answers(2, 10, NOW - 6 * MINUTE),
        ]
    )
    async with live_exporter.running():
        result = await top_once(live_exporter, "--window", "1h", "--view", "channel")
        total = await top_once(live_exporter, "--window", "1h")
        day = await top_once(live_exporter, "--window", "24h", "--view", "channel")
    payloads = Payloads(live_exporter.exporter)
    moved = detail(payloads, 1, "channel", "cx_nps_score")["moved"]
    rows = {row["labels"][0]: row for row in moved["rows"]}
    assert "by how much a label set moved the total" in result.output
    lines = result.output.splitlines()
    for name in ("web", "app"):
        line = next(line for line in lines if f" {name} " in line)
        assert line.split()[-2:] == [format_change(rows[name][part], NPS) for part in ("mix", "rate")]
    assert "moved" not in total.output
    assert "+" not in day.output


async def test_effects_of_every_mean_are_those_of_the_page() -> None:
    """Also of those with a label of their own, or whose sample size has other labels."""
    live_exporter = LiveExporter()
    await live_exporter.publish(shop_events())
    async with live_exporter.running(), ClientSession() as session:
        await live_exporter.refresh()
        async with session.get(f"{live_exporter.url}/metrics") as answer:
            snapshot = MetricsSnapshot(await answer.text(), "channel", "24h")
    payloads, seen = Payloads(live_exporter.exporter), 0
    shown = {(row.title, row.labels): (row.mix, row.rate) for row in snapshot.rows() if row.mix}
    for tile in tiles_by_name(payloads, 2).values():
        moved = detail(payloads, 2, "channel", tile["id"])["moved"]
        headline = HEADLINES[tile["headline"]].headline
        title = " ".join([headline.title, *(v for v in tile["labels"] if None in headline.labels)])
        for row in moved["rows"] if moved else ():
            if row["value"] is not None:
                expected = tuple(format_change(row[part], headline) for part in ("mix", "rate"))
                assert shown.pop((title, row["labels"][0])) == expected
                seen += 1
    assert shown == {}
    assert seen > 15


def test_many_label_sets_are_truncated() -> None:
    """The others are counted."""
    text = "".join(
        f'cx_nps_score{{view="channel",channel="c{n}",window="7d"}} {n}.0\n' for n in range(MAX_ROWS + 5)
    )
    rows = list(MetricsSnapshot(text, "channel", "7d").rows())
    assert len(rows) == MAX_ROWS + 1
    assert rows[-1].labels == "and 5 more"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599.7, "1 h"),
        (86_399, "1 d"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_have_two_units(seconds: float, text: str) -> None:
    """At most two units, neither 0 nor a full larger unit."""
    assert format_duration(seconds) == text


async def test_once_prints_what_is_served() -> None:
    """Figures have bounds and n, and their coverage. Window and view can be selected."""
    live_exporter = LiveExporter()
    await live_exporter.publish([*answers(3, 10, channel="web"), *answers(1, 0, channel="app")])
    async with live_exporter.running():
        await live_exporter.refresh()
        result = await top_once(live_exporter, "--window", "1h")
        assert result.exit_code == 0
        assert "Complete: 3 of 3 partitions covered" in result.output
        assert next(line for line in result.output.splitlines() if line.startswith("NPS")).split() == [
            "NPS", "50.0", "-33.6", "to", "90.7", "4",
        ]  # fmt: skip
        result = await top_once(live_exporter, "--window", "1h", "--view", "channel")
        nps = [line.split() for line in result.output.splitlines() if " web " in line or " app " in line][:2]
        assert [(cells[-1], cells[-5]) for cells in nps] == [("3", "100.0"), ("1", "-100.0")]
        live_exporter.monotonic_ms += 40_000
        await live_exporter.refresh()
        result = await top_once(live_exporter, "--window", "1h")
        assert "INCOMPLETE: 0 of 3 partitions covered" in result.output
        assert "No metrics" in (await top_once(live_exporter, "--view", "team")).output
        assert (
            "--window: got '3d', the exporter has 1h, "
            in (await top_once(live_exporter, "--window", "3d")).output
        )


async def test_once_prints_a_line_for_each_value_without_a_terminal() -> None:
    """However narrow a terminal would be: scripts read lines."""
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10, channel="a channel of many words " * 2))
    async with live_exporter.running():
        await live_exporter.refresh()
        options = ["top", "--once", "--url", live_exporter.url, "--window", "1h", "--view", "channel"]
        result = await asyncio.to_thread(CliRunner(env={"COLUMNS": "40"}).invoke, main, options)
    (nps,) = (line for line in result.output.splitlines() if line.startswith("NPS"))
    assert "a channel of many words a channel of many words" in nps
    assert nps.split()[-1] == "3"


def test_a_password_is_not_asked_for_without_a_terminal() -> None:
    """Cron has none: the error names the variable."""
    result = CliRunner().invoke(main, ["top", "--once", "--user", "ada"], input="secret\n")
    assert result.exit_code == 1
    assert "--user: CX_TOP_PASSWORD is missing, and there is no terminal" in result.stderr


async def test_incidents_are_shown_above_the_figures() -> None:
    """With the text of the API, whose label values may move the cursor."""
    live_exporter = LiveExporter()
    await live_exporter.publish([*quiet_month(app="a\x1b[2Jb"), *leavers()])
    async with live_exporter.running():
        await live_exporter.refresh()
        output = (await top_once(live_exporter)).output
    text = " ".join(output.split())
    assert (
        "customers left in 8 minutes (baseline: at most 1); all in channel a\\x1b[2Jb; all say `login`; began 14:08 UTC"
        in text
    )
    assert "\x1b[2J" not in output


async def test_targets_and_benchmarks_are_shown() -> None:
    """With the verdict of the page. The columns are absent without targets."""
    benchmarks = '{"cx_nps_score": {"value": 32, "source": "Survey", "year": 2025}}'
    live_exporter = LiveExporter(CXGAUGE_TARGETS='{"cx_nps_score": 40}', CXGAUGE_BENCHMARKS=benchmarks)
    await live_exporter.publish(answers(3, 10) + answers(1, 0))
    async with live_exporter.running():
        await live_exporter.refresh()
        output = (await top_once(live_exporter, "--window", "1h")).output
    (nps,) = [line for line in output.splitlines() if line.startswith("NPS")]
    assert "40.0, met, within bounds" in nps
    assert "32.0 (Survey, 2025)" in nps
    without = LiveExporter()
    async with without.running():
        await without.refresh()
        assert "target" not in (await top_once(without)).output.partition("CSAT")[0]


async def test_a_page_of_another_server_is_an_error() -> None:
    """Even if it has the text format of Prometheus."""
    exposition = Exposition()
    exposition.replace(b"# HELP up x\nup 1\n", b"")
    port = free_port()
    runner = await serve(exposition, lambda: ("", ""), Address("127.0.0.1", port))
    try:
        arguments = ["top", "--once", "--url", f"http://127.0.0.1:{port}"]
        result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    finally:
        await runner.cleanup()
    assert result.exit_code == 1
    assert "has no metrics of cxgauge. Is it an exporter?" in result.output


async def test_silence_of_workers_is_shown_from_12_s_on() -> None:
    """Beside the state, which stays complete until 30 s."""
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10))
    async with live_exporter.running():
        await live_exporter.refresh()
        for monotonic_ms, silence in ((11_900, ""), (12_000, ". No news from a worker for 12 s")):
            live_exporter.monotonic_ms = monotonic_ms
            await live_exporter.refresh()
            (state,) = [
                line for line in (await top_once(live_exporter)).output.splitlines() if "3 of 3" in line
            ]
            assert state.startswith(f"Complete: 3 of 3 partitions covered{silence}; the newest")
        live_exporter.monotonic_ms = 31_000
        await live_exporter.refresh()
        assert "No news from a worker for 31 s" in (await top_once(live_exporter)).output


async def test_first_steps_are_shown_until_an_event_is_accepted() -> None:
    live_exporter = LiveExporter()
    async with live_exporter.running():
        await live_exporter.refresh()
        assert "Publish" not in (await top_once(live_exporter)).output, "nothing is known yet"
        await live_exporter.publish()
        await live_exporter.refresh()
        output = (await top_once(live_exporter)).output
        assert "No events yet: 3 of 3 partitions covered" in output
        assert "cxgauge publish FILE" in output
        await live_exporter.publish(outcomes={"invalid": 2})
        await live_exporter.refresh()
        assert "No event was accepted yet. `cxgauge deadletter ls`" in (await top_once(live_exporter)).output
        await live_exporter.publish(answers(3, 10))
        await live_exporter.refresh()
        output = (await top_once(live_exporter)).output
        assert "Complete: 3 of 3" in output
        assert "accepted yet" not in output
        assert "Publish" not in output


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--url", f"http://127.0.0.1:{free_port()}"], "cannot be read: "),
        (["--url", "ftp://x"], "begins with http:// or https://"),
        (
            ["--url", "https://127.0.0.1:9", "--ca", __file__],
            "--ca: expected a file of certificates in PEM, got ",
        ),
        (["--window", "3d"], "allowed are windows 5m, 1h, 24h, 7d, 30d; views total, channel, touchpoint"),
        (["--view", "region"], "allowed are windows"),
    ],
)
def test_errors_are_reported_without_a_traceback(options: list[str], text: str) -> None:
    """One error message, with exit code 1."""
    result = CliRunner().invoke(main, ["top", "--once", *options])
    assert result.exit_code == 1
    assert text in result.output
    assert "Traceback" not in result.output


async def test_top_updates_until_interrupted() -> None:
    """Figures update, a lost exporter is reported and retried, and Ctrl-C ends with 0."""
    live_exporter = LiveExporter()
    await live_exporter.publish(answers(3, 10))
    terminal, terminal_end = os.openpty()
    async with live_exporter.running():
        await live_exporter.refresh()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stream.cli", "top", "--url", live_exporter.url, "--window", "1h"),
            stdin=terminal_end,
            stdout=terminal_end,
            stderr=terminal_end,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "150", "LINES": "50"},
        )
        os.close(terminal_end)
        wait_for = waiter(terminal)
        await wait_for(b"100.0")
        await live_exporter.publish(answers(3, 0))
        await wait_for(b" 0.0")
    await wait_for(b"trying again")
    restarted = LiveExporter(port=live_exporter.port)
    await restarted.publish(answers(3, 0))
    async with restarted.running():
        await wait_for(b"-100.0")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    os.close(terminal)


def waiter(terminal: int) -> Callable[..., object]:
    """Return a function that waits for a text on a terminal, after the previous one."""
    output = bytearray()

    async def wait_for(text: bytes) -> None:
        async with asyncio.timeout(60):
            while text not in output:
                output.extend(await asyncio.to_thread(os.read, terminal, 4096))
        del output[: output.index(text) + len(text)]

    return wait_for
