"""The exposition, as others read it."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from schemas.customers import CustomerActivated, CustomerChurned, PurchaseCompleted
from schemas.feedback import FeedbackOffered, FeedbackSubmitted
from schemas.tickets import InteractionHandled, TicketCreated, TicketHandoff, TicketMessage, TicketStatus
from stream.core.metrics import REGISTRY
from stream.core.metrics.metric import Family, Metric, Sample
from stream.core.windows.label_sets import LabelSet
from stream.core.windows.readout import MetricUpdate
from stream.exporter.exposition import DomainExposition
from tests.exporter.memory import SHOWN, Worker, answers, counted, exporter, feed, refresh
from tests.support import DAY, MINUTE, NOW, Event

pytestmark = pytest.mark.fresh

SCORE, PARTS = Family("cx_score", "A \\ score\nof two lines"), Family("cx_parts", "Parts", ("kind",))
FAKE = Metric(
    name="fake",
    title="Fake",
    definition="",
    formula="",
    source="",
    example="",
    aggregates=(),
    families=(SCORE, PARTS),
)
text = st.text(max_size=6)
values = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
readings = st.tuples(
    st.sampled_from(["a", "b"]) | text,
    st.sampled_from([0, 1]),
    st.none() | values,
    st.dictionaries(text, values, max_size=3),
    st.booleans(),
)


@given(st.lists(readings, max_size=8))
def test_prometheus_reads_back_what_was_put_in(history: list[Any]) -> None:
    """Whatever the labels and numbers, and however often a figure was replaced or went."""
    section = DomainExposition([SCORE, PARTS], {"channel": ("channel",)}, ["1h", "7d"])
    want: dict[tuple[str, ...], float] = {}
    for channel, window, score, parts, gone in history:
        labels, label = LabelSet("channel", (channel,)), ("1h", "7d")[window]
        samples = [Sample(PARTS, (kind,), n) for kind, n in parts.items()]
        samples += [] if score is None else [Sample(SCORE, (), score)]
        if gone:
            section.replace(MetricUpdate(FAKE, labels, None, (), removed=True))
            want = {key: n for key, n in want.items() if key[1] != channel}
            continue
        section.replace(MetricUpdate(FAKE, labels, window, samples))
        want = {key: n for key, n in want.items() if key[1:3] != (channel, label)}
        want |= {(s.family.name, channel, label, *s.labels): s.value for s in samples}
    list(section.render())
    page = b"".join(section.families()).decode()
    read = {}
    for family in text_string_to_metric_families(page):
        for s in family.samples:
            kind = (s.labels["kind"],) if "kind" in s.labels else ()
            assert s.labels["view"] == "channel"
            read[s.name, s.labels["channel"], s.labels["window"], *kind] = s.value
    assert read == {key: float(n) for key, n in want.items()}
    assert section.series == len(want)


def test_nothing_shows_before_every_partition_is_covered() -> None:
    """Two of three markers are not enough for their domain; the pipeline's series are always there."""
    shown = exporter()
    written = counted(shown, answers(3))
    feedback = written.pop("feedback")
    feed(shown, {**written, "feedback": feedback[:-1]})
    page = refresh(shown)
    assert SHOWN not in page
    assert page["cx_partitions_covered"] == 2
    assert page["cx_partitions_expected"] == 3
    assert not [name for name in page if name.startswith("cx_events_total") and "feedback" in name]
    assert "feedback 0: no checkpoint yet" in shown.unready_reason(0)
    feed(shown, {"feedback": feedback[-1:]})
    assert "not rendered yet" in shown.unready_reason(0), "who is told ready finds the figures"
    page = refresh(shown)
    assert page[SHOWN] == 100
    assert page['cx_events_total{topic="cx.feedback",outcome="accepted"}'] == 3
    assert shown.unready_reason(0) == ""


def test_what_is_lost_stands_still_then_goes_then_returns() -> None:
    """Frozen from 30 s without a marker on, gone ten minutes later."""
    shown = exporter()
    feed(shown, counted(shown, answers(3)))
    assert refresh(shown)[SHOWN] == 100
    assert refresh(shown, 30_000, NOW + 90 * MINUTE)[SHOWN] == 100
    assert "no checkpoint for 30 s" in shown.unready_reason(30_000)
    assert SHOWN not in refresh(shown, 30_000 + 10 * MINUTE)
    feed(shown, counted(shown, answers(3)), monotonic_ms=700_000)
    assert refresh(shown, 700_000)[SHOWN.replace("1h", "24h")] == 100


def test_a_worker_that_is_behind_does_not_cover() -> None:
    """Its lag is 30 s."""
    shown = exporter()
    feed(shown, counted(shown, answers(1), lag=30_000))
    assert SHOWN not in refresh(shown)
    assert "30 s behind" in shown.unready_reason(0)


def test_other_settings_do_not_cover() -> None:
    """Figures made under other views are not ours; the reason is said."""
    shown = exporter()
    other = exporter(CXGAUGE_METRICS_WINDOWS='["1h"]')
    feed(shown, counted(other, answers(1)))
    assert refresh(shown)["cx_partitions_covered"] == 0
    assert "counted under other settings" in shown.unready_reason(0)


def test_windows_move_on_and_series_go_when_theirs_is_empty() -> None:
    """An hour later there is no score for the hour, its parts are 0; in other views the label set goes at last."""
    shown = exporter()
    feed(shown, counted(shown, answers(2, channel="web")))
    page = refresh(shown)
    assert page['cx_nps_score{view="channel",channel="web",window="5m"}'] == 100
    later = refresh(shown, wall_ms=NOW + 2 * 60 * MINUTE)
    assert SHOWN not in later
    assert later['cx_nps_responses{view="total",window="1h",category="promoter"}'] == 0
    assert later['cx_nps_responses{view="channel",channel="web",window="1h",category="promoter"}'] == 0
    last = refresh(shown, wall_ms=NOW + 40 * 24 * 60 * MINUTE)
    assert not [name for name in last if 'channel="web"' in name]
    assert last["cx_window_repairs_total"] == 0


def test_series_past_the_cap_fold_the_smallest_label_sets() -> None:
    """`total` never; what is folded is counted and its events are in `__other__`."""
    shown = exporter(CXGAUGE_EXPORTER_MAX_SERIES="800", CXGAUGE_METRICS_WINDOWS='["1h"]')
    events = [
        Event(
            FeedbackSubmitted(feedback_id=f"r{i}", survey="nps", score=10, channel=f"c{i % 150:03d}"),
            NOW,
            NOW,
        )
        for i in range(400)
    ]
    feed(shown, counted(shown, events))
    page = refresh(shown)
    assert page["cx_series"] <= 800
    assert page["cx_series_folded_total"] > 0
    name = 'cx_nps_responses{view="channel",channel="__other__",window="1h",category="promoter"}'
    each = {
        k: v for k, v in page.items() if k.startswith('cx_nps_responses{view="channel"') and "promoter" in k
    }
    assert page[name] > 0
    assert sum(each.values()) == 400
    assert page['cx_nps_responses{view="total",window="1h",category="promoter"}'] == 400


def everything() -> list[Event]:
    """Something of every domain, for every family but those of business hours."""
    handled = {"talk_s": 60.0, "hold_s": 0.0, "wrap_s": 5.0}
    data = [
        TicketCreated(ticket_id="t", channel="web"),
        TicketHandoff(ticket_id="t"),
        TicketMessage(ticket_id="t", message_id="m", author="agent"),
        TicketStatus(ticket_id="t", status="solved", by="agent"),
        TicketCreated(ticket_id="open", channel="web"),
        InteractionHandled(interaction_id="i", channel="web", **handled),
        CustomerActivated(customer_id="c", channel="web"),
        PurchaseCompleted(order_id="o", customer_id="c", amount_minor=999, currency="EUR"),
        CustomerChurned(customer_id="gone", reason='a "reason" \\ of\ntwo lines'),
    ]
    events = [Event(one, NOW + n * 1_000, NOW + n * 1_000, id=f"e{n}") for n, one in enumerate(data)]
    gone = Event(CustomerActivated(customer_id="gone", channel="web"), NOW - 40 * DAY, NOW, id="old")
    offered = Event(FeedbackOffered(feedback_id="f", survey="nps", channel="web"), NOW, NOW)
    rest = [Event(FeedbackSubmitted(feedback_id=s, survey=s, score=1), NOW, NOW) for s in ("csat", "ces")]
    return [gone, *events, offered, *rest, *answers(5, channel="web", reasons=("speed",))]


@pytest.mark.tools
def test_promtool_finds_nothing_to_say(require: Callable[[str], Path]) -> None:
    """`promtool check metrics` on a page with figures of every domain; every family is on it."""
    promtool = require("promtool")
    shown = exporter()
    feed(shown, Worker(shown)(everything(), NOW + 10_000))
    refresh(shown, wall_ms=NOW + 10_000)
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=shown.exposition.plain, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr.decode()) == (0, "")
    known = {family.name: family.type for metric in REGISTRY.values() for family in metric.families}
    read = {
        family.name: family.type for family in text_string_to_metric_families(shown.exposition.plain.decode())
    }
    missing = {name for name in known if name.removesuffix("_total") not in read}
    assert {name for name in missing if "business" not in name} == set()
    assert {read[name] for name in known if name in read} == {"gauge", "summary"}


def test_the_event_clock_is_the_newest_accepted_event() -> None:
    """For replays: windows end there, whatever the wall says; it never goes back."""
    shown = exporter(CXGAUGE_EXPORTER_CLOCK="event")
    feed(shown, counted(shown, answers(1)))
    assert refresh(shown, wall_ms=NOW + 900 * 24 * 60 * MINUTE)[SHOWN] == 100
    assert shown.now(0) == NOW
