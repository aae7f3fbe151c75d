"""`cxgauge top` against an exporter in memory."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from stream.cli import main
from stream.cli.top.figures import MAX_ROWS, MetricsSnapshot, format_duration
from stream.devbroker.ports import free_port
from tests.exporter.live.world import World
from tests.exporter.memory import answers

PAGE = """cx_nps_score{view="channel",channel="web",window="7d"} 20.0
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
cx_clv_historical_mean{view="channel",channel="web",cohort="all",currency="EUR"} 1234.5
cx_clv_historical_mean{view="channel",channel="web",cohort="other",currency="EUR"} 1.0
"""


async def once(world: World, *options: str) -> Result:
    """What `top --once` prints for a world."""
    arguments = ["top", "--once", "--url", world.url, *options]
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "120"}).invoke, main, arguments)


def test_figures_by_headline_and_label_set() -> None:
    """Of that view and window only; the parts that share labels are added up, the largest sample comes first."""
    rows = {(row.title, row.labels): row[2:] for row in MetricsSnapshot(PAGE, "channel", "7d").rows()}
    assert rows == {
        ("NPS", "web"): ("20.0", "10.0 to 30.0", 6),
        ("NPS", 'a "b"'): ("-10.0", "", None),
        ("Response rate nps", "web"): ("50.0 %", "", 12),
        ("FRT p90", "web"): ("1 min 15 s", "", None),
        ("CLV to date EUR", "web"): ("1,234.50 EUR", "", None),
    }


def test_many_label_sets_are_cut() -> None:
    """And counted."""
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
def test_durations(seconds: float, text: str) -> None:
    """Two units, none of them 0 or full."""
    assert format_duration(seconds) == text


async def test_once_prints_what_is_served() -> None:
    """Figures with bounds and n, and whether they are complete; another window and view are picked."""
    world = World()
    await world.publish([*answers(3, 10, channel="web"), *answers(1, 0, channel="app")])
    async with world.running():
        await world.refresh()
        result = await once(world, "--window", "1h")
        assert result.exit_code == 0
        assert "Complete: 3 of 3 partitions covered" in result.output
        assert next(line for line in result.output.splitlines() if line.startswith("NPS")).split() == [
            "NPS", "50.0", "-33.6", "to", "90.7", "4",
        ]  # fmt: skip
        result = await once(world, "--window", "1h", "--view", "channel")
        nps = [line.split() for line in result.output.splitlines() if " web " in line or " app " in line][:2]
        assert [(each[-1], each[-5]) for each in nps] == [("3", "100.0"), ("1", "-100.0")]
        world.steady += 40_000
        await world.refresh()
        result = await once(world, "--window", "1h")
        assert "INCOMPLETE: 0 of 3 partitions covered" in result.output
        assert "No metrics" in (await once(world, "--view", "team")).output
        assert "--window: got '3d', the exporter has 1h, " in (await once(world, "--window", "3d")).output


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--url", f"http://127.0.0.1:{free_port()}"], "cannot be read: "),
        (["--url", "ftp://x"], "begins with http:// or https://"),
        (["--window", "3d"], "allowed are windows 5m, 1h, 24h, 7d, 30d; views total, channel, touchpoint"),
        (["--view", "team"], "allowed are windows"),
    ],
)
def test_what_stops_it_is_said(options: list[str], text: str) -> None:
    """One clear text, exit 1."""
    result = CliRunner().invoke(main, ["top", "--once", *options])
    assert result.exit_code == 1
    assert text in result.output
    assert "Traceback" not in result.output


async def test_it_goes_on_until_interrupted() -> None:
    """New figures come by themselves, an exporter that goes is said and is got over, Ctrl-C ends it with 0."""
    world = World()
    await world.publish(answers(3, 10))
    master, slave = os.openpty()
    async with world.running():
        await world.refresh()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stream.cli", "top", "--url", world.url, "--window", "1h"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "150", "LINES": "50"},
        )
        os.close(slave)
        shows = reader(master)
        await shows(b"100.0")
        await world.publish(answers(3, 0))
        await shows(b" 0.0")
    await shows(b"trying again")
    again = World(port=world.port)
    await again.publish(answers(3, 0))
    async with again.running():
        await shows(b"-100.0")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    os.close(master)


def reader(terminal: int) -> Callable[..., object]:
    """Waits for a text on a terminal, after those that were waited for before."""
    seen = bytearray()

    async def shows(text: bytes) -> None:
        async with asyncio.timeout(60):
            while text not in seen:
                seen.extend(await asyncio.to_thread(os.read, terminal, 4096))
        del seen[: seen.index(text) + len(text)]

    return shows
