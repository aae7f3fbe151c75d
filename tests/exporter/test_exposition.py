"""The exposition, as Prometheus and other tools read it."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from schemas.customers import CustomerActivated, CustomerChurned, PurchaseCompleted
from schemas.feedback import AnswerSummarized, FeedbackOffered, FeedbackSubmitted
from schemas.tickets import (
    InteractionHandled,
    TicketCreated,
    TicketHandoff,
    TicketMessage,
    TicketStatus,
    TicketSummarized,
)
from schemas.times import from_ms
from stream.core.metrics import REGISTRY
from stream.core.metrics.metric import Family, Metric, Sample
from stream.core.windows.label_sets import LabelSet
from stream.core.windows.readout import MetricUpdate
from stream.exporter.exposition import DomainExposition
from tests.exporter.in_memory import (
    NPS_SERIES,
    Worker,
    answers,
    apply_records,
    exporter,
    refresh,
    write_flush,
)
from tests.support import DAY, MINUTE, NOW, Event

pytestmark = pytest.mark.fresh

SCORE, COUNTS = Family("cx_score", "A \\ score\nof two lines"), Family("cx_parts", "Parts", ("kind",))
FAKE = Metric(
    name="fake",
    title="Fake",
    definition="",
    formula="",
    source="",
    example="",
    aggregates=(),
    families=(SCORE, COUNTS),
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
def test_prometheus_parses_the_exposition(history: list[Any]) -> None:
    """For any labels and numbers, and after any replacements and removals."""
    section = DomainExposition([SCORE, COUNTS], {"channel": ("channel",)}, ["1h", "7d"])
    expected: dict[tuple[str, ...], float] = {}
    for channel, window, score, counts, removed in history:
        labels, label = LabelSet("channel", (channel,)), ("1h", "7d")[window]
        samples = [Sample(COUNTS, (kind,), n) for kind, n in counts.items()]
        samples += [] if score is None else [Sample(SCORE, (), score)]
        if removed:
            section.replace(MetricUpdate(FAKE, labels, None, FAKE.families, (), removed=True))
            expected = {key: n for key, n in expected.items() if key[1] != channel}
            continue
        section.replace(MetricUpdate(FAKE, labels, window, FAKE.families, samples))
        expected = {key: n for key, n in expected.items() if key[1:3] != (channel, label)}
        expected |= {(s.family.name, channel, label, *s.labels): s.value for s in samples}
    list(section.render())
    exposition = b"".join(section.families()).decode()
    actual = {}
    for family in text_string_to_metric_families(exposition):
        for s in family.samples:
            kind = (s.labels["kind"],) if "kind" in s.labels else ()
            assert s.labels["view"] == "channel"
            actual[s.name, s.labels["channel"], s.labels["window"], *kind] = s.value
    assert actual == {key: float(n) for key, n in expected.items()}
    assert section.series == len(expected)


def test_figures_are_served_once_every_partition_is_covered() -> None:
    """Two checkpoints of three partitions are not enough. Series of the pipeline are always served."""
    state = exporter()
    records_by_domain = write_flush(state, answers(3))
    feedback = records_by_domain.pop("feedback")
    apply_records(state, {**records_by_domain, "feedback": feedback[:-1]})
    series = refresh(state)
    assert NPS_SERIES not in series
    assert series["cx_partitions_covered"] == 2
    assert series["cx_partitions_expected"] == 3
    assert not [name for name in series if name.startswith("cx_events_total") and "feedback" in name]
    assert "feedback 0: no checkpoint yet" in state.unready_reason(0)
    apply_records(state, {"feedback": feedback[-1:]})
    assert "not rendered yet" in state.unready_reason(0), (
        "/readyz returns 200 only after the metrics were rendered"
    )
    series = refresh(state)
    assert series[NPS_SERIES] == 100
    assert series['cx_events_total{topic="cx.feedback",outcome="accepted"}'] == 3
    assert state.unready_reason(0) == ""


def test_figures_of_a_lost_partition_are_held_then_removed() -> None:
    """A partition without a checkpoint for 30 s holds its figures, which are removed after ten minutes."""
    state = exporter()
    apply_records(state, write_flush(state, answers(3)))
    assert refresh(state)[NPS_SERIES] == 100
    assert refresh(state, 30_000, NOW + 90 * MINUTE)[NPS_SERIES] == 100
    assert "no checkpoint for 30 s" in state.unready_reason(30_000)
    assert NPS_SERIES not in refresh(state, 30_000 + 10 * MINUTE)
    apply_records(state, write_flush(state, answers(3)), monotonic_ms=700_000)
    assert refresh(state, 700_000)[NPS_SERIES.replace("1h", "24h")] == 100


def test_a_partition_with_lag_is_not_covered() -> None:
    """The lag is 30 s."""
    state = exporter()
    apply_records(state, write_flush(state, answers(1), lag=30_000))
    assert NPS_SERIES not in refresh(state)
    assert "30 s behind" in state.unready_reason(0)
    apply_records(state, write_flush(state, answers(1), lag=NOW))
    assert "its worker has not reached the end of its source yet" in state.unready_reason(0)


def test_a_partition_counted_under_other_settings_is_not_covered() -> None:
    """The reason names the settings."""
    state = exporter()
    other = exporter(CXGAUGE_METRICS_WINDOWS='["1h"]')
    apply_records(state, write_flush(other, answers(1)))
    assert refresh(state)["cx_partitions_covered"] == 0
    assert "counted under other settings" in state.unready_reason(0)


def test_series_are_removed_when_their_window_is_empty() -> None:
    """After the window, the score is absent and the counts are 0.

    Label sets of other views are removed later. Those of the window before stay while it has answers.
    """
    state = exporter()
    apply_records(state, write_flush(state, answers(2, channel="web")))
    series = refresh(state)
    assert series['cx_nps_score{view="channel",channel="web",window="5m"}'] == 100
    after_2_hours = refresh(state, wall_ms=NOW + 2 * 60 * MINUTE)
    assert NPS_SERIES not in after_2_hours
    assert after_2_hours['cx_nps_responses{view="total",window="1h",category="promoter"}'] == 0
    assert (
        after_2_hours['cx_nps_responses{view="channel",channel="web",window="1h",category="promoter"}'] == 0
    )
    after_40_days = refresh(state, wall_ms=NOW + 40 * 24 * 60 * MINUTE)
    of_web = {name: value for name, value in after_40_days.items() if 'channel="web"' in name}
    assert of_web['cx_nps_score_previous{view="channel",channel="web",window="30d"}'] == 100
    assert all("_previous{" in name for name in of_web)
    after_70_days = refresh(state, wall_ms=NOW + 70 * 24 * 60 * MINUTE)
    assert not [name for name in after_70_days if 'channel="web"' in name]
    assert after_70_days["cx_window_repairs_total"] == 0


def test_series_over_the_limit_fold_the_smallest_label_sets() -> None:
    """`total` is never folded. Folded label sets are counted, and their events count in `__other__`."""
    state = exporter(CXGAUGE_EXPORTER_MAX_SERIES="800", CXGAUGE_METRICS_WINDOWS='["1h"]')
    events = [
        Event(
            FeedbackSubmitted(feedback_id=f"r{i}", survey="nps", score=10, channel=f"c{i % 150:03d}"),
            NOW,
            NOW,
        )
        for i in range(400)
    ]
    apply_records(state, write_flush(state, events))
    series = refresh(state)
    assert series["cx_series"] <= 800
    assert series["cx_series_folded_total"] > 0
    name = 'cx_nps_responses{view="channel",channel="__other__",window="1h",category="promoter"}'
    by_channel = {
        k: v for k, v in series.items() if k.startswith('cx_nps_responses{view="channel"') and "promoter" in k
    }
    assert series[name] > 0
    assert sum(by_channel.values()) == 400
    assert series['cx_nps_responses{view="total",window="1h",category="promoter"}'] == 400


def all_events() -> list[Event]:
    """Return events of every domain, for every family but those of business hours."""
    handled = {"talk_s": 60.0, "hold_s": 0.0, "wrap_s": 5.0, "wait_s": 9.0}
    solved = {"created": from_ms(NOW), "solved": from_ms(NOW + 5_000), "resolved": True}
    data = [
        TicketCreated(ticket_id="t", channel="web"),
        TicketHandoff(ticket_id="t"),
        TicketMessage(ticket_id="t", message_id="m", author="agent"),
        TicketMessage(ticket_id="t", message_id="n", author="customer"),
        TicketMessage(ticket_id="t", message_id="o", author="agent"),
        TicketStatus(ticket_id="t", status="solved", by="agent"),
        TicketSummarized(ticket_id="t", number=1, **solved),
        TicketSummarized(
            ticket_id="u",
            number=1,
            created=from_ms(NOW - 9 * DAY),
            solved=from_ms(NOW - 9 * DAY),
            resolved=True,
        ),
        TicketCreated(ticket_id="open", channel="web"),
        InteractionHandled(interaction_id="i", channel="web", **handled),
        CustomerActivated(customer_id="c", channel="web"),
        PurchaseCompleted(order_id="o", customer_id="c", amount_minor=999, currency="EUR"),
        CustomerChurned(customer_id="gone", reason='a "reason" \\ of\ntwo lines'),
        TicketSummarized(
            ticket_id="v", customer_id="c", number=1, created=from_ms(NOW), first_response="late"
        ),
        AnswerSummarized(
            feedback_id="r",
            customer_id="c",
            number=1,
            survey="csat",
            moment=from_ms(NOW),
            counts=True,
            answer_class="satisfied",
            ticket_id="v",
        ),
        AnswerSummarized(
            feedback_id="s",
            customer_id="gone",
            number=1,
            survey="exit",
            moment=from_ms(NOW),
            counts=True,
            reasons=("price",),
        ),
    ]
    events = [
        Event(event_data, NOW + n * 1_000, NOW + n * 1_000, id=f"e{n}") for n, event_data in enumerate(data)
    ]
    removed = Event(CustomerActivated(customer_id="gone", channel="web"), NOW - 40 * DAY, NOW, id="old")
    offered = Event(FeedbackOffered(feedback_id="f", survey="nps", channel="web"), NOW, NOW)
    other_answers = [
        Event(FeedbackSubmitted(feedback_id=s, survey=s, score=1), NOW, NOW) for s in ("nps", "csat", "ces")
    ]
    named = FeedbackSubmitted(feedback_id="named", survey="csat", score=5, reasons=("speed",))
    other_answers.append(Event(named, NOW, NOW))
    return [removed, *events, offered, *other_answers, *answers(5, channel="web", reasons=("speed",))]


@pytest.mark.tools
def test_promtool_reports_nothing(require: Callable[[str], Path]) -> None:
    """`promtool check metrics` accepts an exposition with every family of every domain."""
    promtool = require("promtool")
    state = exporter()
    apply_records(state, Worker(state)(all_events(), NOW + 10_000))
    refresh(state, wall_ms=NOW + 10_000)
    result = subprocess.run(
        [promtool, "check", "metrics"], input=state.exposition.plain, capture_output=True, check=False
    )
    assert (result.returncode, result.stderr.decode()) == (0, "")
    families = {family.name: family.type for metric in REGISTRY.values() for family in metric.families}
    actual = {
        family.name: family.type for family in text_string_to_metric_families(state.exposition.plain.decode())
    }
    missing = {name for name in families if name.removesuffix("_total") not in actual}
    assert {name for name in missing if "business" not in name} == set()
    assert {actual[name] for name in families if name in actual} == {"gauge", "summary"}


def test_the_event_clock_is_the_newest_accepted_event() -> None:
    """Windows end at the newest event, whatever the wall clock, and never move back."""
    state = exporter(CXGAUGE_EXPORTER_CLOCK="event")
    apply_records(state, write_flush(state, answers(1)))
    assert refresh(state, wall_ms=NOW + 900 * 24 * 60 * MINUTE)[NPS_SERIES] == 100
    assert state.now(0) == NOW


def test_the_lag_of_events_is_never_negative() -> None:
    """The newest event may be ahead of the exporter's clock."""
    state = exporter()
    apply_records(state, write_flush(state, answers(1)))
    name = 'cx_event_lag_seconds{topic="cx.feedback"}'
    assert [refresh(state, wall_ms=NOW + ahead)[name] for ahead in (-60_000, 0, 1_500)] == [0, 0, 1.5]


@pytest.mark.tools
def test_promtool_reports_nothing_about_windows_before(require: Callable[[str], Path]) -> None:
    """An hour later the window of 1 h before has what the last one had. Switched off, there is none."""
    promtool = require("promtool")
    for value, expected in (("true", True), ("false", False)):
        state = exporter(CXGAUGE_METRICS_PREVIOUS=value)
        apply_records(state, Worker(state)(all_events(), NOW + 10_000))
        first = refresh(state, wall_ms=NOW + 10_000)
        later = refresh(state, wall_ms=NOW + 10_000 + 60 * MINUTE)
        result = subprocess.run(
            [promtool, "check", "metrics"], input=state.exposition.plain, capture_output=True, check=False
        )
        assert (result.returncode, result.stderr.decode()) == (0, "")
        labels = '{view="total",window="1h"}'
        before = {
            name: later.get(f"{name}_previous{labels}") for name in ("cx_nps_score", "cx_handle_mean_seconds")
        }
        assert before == {name: first[f"{name}{labels}"] if expected else None for name in before}
