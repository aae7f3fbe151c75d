"""The table of reasons, as payload and in headless Chromium."""

import pytest

from schemas.feedback import FeedbackSubmitted
from stream.exporter.live.payloads import Payloads
from tests.exporter.in_memory import Worker, apply_records, exporter, refresh
from tests.exporter.live.browser import Tab
from tests.exporter.live.live_exporter import LiveExporter
from tests.exporter.live.test_payloads import detail
from tests.support import MINUTE, NOW, Event

HOUR_INDEX = 1
ROWS = """[...document.querySelectorAll('.reasons tbody tr')].map((row) => [
  row.querySelector('th').textContent, ...[...row.querySelectorAll('data')].map((data) => Number(data.value))])"""


def events() -> list[Event]:
    """Return 100 answers to NPS, of which 20 name delivery and one names praise, and answers to other surveys."""
    given = [
        *[("nps", 10, ("delivery",))] * 2,
        *[("nps", 8, ("delivery",))] * 4,
        *[("nps", 0, ("delivery",))] * 14,
        ("nps", 10, ("praise",)),
        *[("nps", 10, ())] * 47,
        *[("nps", 8, ())] * 16,
        *[("nps", 0, ())] * 16,
        ("csat", 5, ("praise",)),
        ("csat", 4, ()),
        ("ces", 1, ("praise",)),
    ]
    return [
        Event(
            FeedbackSubmitted(feedback_id=f"f{i}", survey=survey, score=score, reasons=reasons),
            NOW - 5 * MINUTE,
            NOW,
            f"e{i}",
        )
        for i, (survey, score, reasons) in enumerate(given)
    ]


def test_the_table_has_shares_impacts_bounds_and_sample_sizes() -> None:
    """Of the view `total`, from the same values as `/metrics`."""
    state = exporter()
    apply_records(state, Worker(state)(events()))
    series = refresh(state)
    payloads = Payloads(state)
    reasons = detail(payloads, HOUR_INDEX, "channel", "cx_nps_score")["reasons"]
    assert reasons["classes"] == ["promoter", "passive", "detractor"]
    assert [row["reason"] for row in reasons["rows"]] == ["delivery", "praise"]
    delivery = reasons["rows"][0]
    assert delivery["n"] == 20
    assert delivery["shares"] == [2 / 50, 4 / 20, 14 / 30]
    assert delivery["impact"] == pytest.approx(-20)
    labels = '{view="total",window="1h",reason="delivery"}'
    assert [delivery[name] for name in ("impact", "low", "high")] == [
        series[f"cx_nps_reason_impact{end}{labels}"] for end in ("", "_low", "_high")
    ]
    satisfaction = detail(payloads, HOUR_INDEX, "total", "cx_csat_ratio")["reasons"]
    assert satisfaction["rows"][0]["shares"] == [0.5, None]
    assert satisfaction["rows"][0]["impact"] == 0
    assert detail(payloads, HOUR_INDEX, "total", "cx_ces_score")["reasons"] is None


def test_without_reasons_there_is_no_table() -> None:
    state = exporter()
    apply_records(state, Worker(state)([event for event in events() if not event.data.reasons]))
    refresh(state)
    assert detail(Payloads(state), HOUR_INDEX, "total", "cx_nps_score")["reasons"] is None


@pytest.mark.tools
async def test_the_table_on_the_page(tab: Tab) -> None:
    """It has the figures of the payload, and is hidden for a figure without reasons."""
    live_exporter = LiveExporter()
    await live_exporter.publish(events())
    async with live_exporter.running():
        await tab.open(f"{live_exporter.url}/#window=1h&view=total&tile=cx_nps_score")
        await tab.until("document.querySelectorAll('.reasons tbody tr').length === 2")
        rows = {reason: values for reason, *values in await tab.evaluate(ROWS)}
        assert rows["delivery"][:4] == [2 / 50, 4 / 20, 14 / 30, pytest.approx(-20)]
        assert rows["delivery"][-1] == 20
        assert rows["delivery"][4] < -20 < rows["delivery"][5]
        await tab.evaluate("location.hash = '#window=1h&view=total&tile=cx_ces_score'")
        await tab.until(
            "!document.querySelector('.reasons') && !document.querySelector('#detail[aria-busy]')"
        )
        await tab.send_command("Page.navigate", url="about:blank")
