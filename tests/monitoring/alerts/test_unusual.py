"""Rules about unusual figures: who fires, with which text, and for how long."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.core.detection import counts, leaving
from stream.core.detection.judge import REMARKABLE
from stream.core.detection.shares import LAST_MINUTES
from stream.core.detection.streams import STREAMS
from stream.deployment import FOLDER
from stream.monitoring.alerts.patterns import FALSE_ALARMS, MAX_FALSE_ALARMS
from stream.monitoring.alerts.prometheus_files import alerts
from tests.monitoring.alerts.engine import Engine, Labels

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

TOTAL = {"view": "total"}
APP, WEB, FAX, MAIL = ({"view": "channel", "channel": channel} for channel in ("app", "web", "fax", "mail"))
ALERTS = {
    "leaving": "CxLeavingSpike",
    "payment_churn": "CxPaymentChurn",
    "answers_late": "CxAnswersLate",
    "reopenings": "CxReopenRise",
    "handle_time": "CxHandleTimeRise",
    "nps": "CxNpsDrop",
    "csat": "CxCsatDrop",
    "answers_missing": "CxAnswersMissing",
}
DOMAINS = {rule.name: domain for domain, rules in alerts().items() for rule in rules}
LIMITS = {
    "leaving": 0.0125,
    "payment_churn": 1,
    "answers_late": 0.25,
    "reopenings": 2,
    "handle_time": 0.125,
    "nps": 0.35,
    "csat": 0.35,
    "answers_missing": 0.25,
}
"""By chance a month at which each rule fires."""
NewEngine = Callable[[str], Engine]


@pytest.fixture
def new_engine(require: Callable[[str], Path], tmp_path: Path) -> NewEngine:
    """Returns the rule engine with the rules of a domain."""
    return lambda domain: Engine(require("promtool"), tmp_path, domain)


def unusual(
    engine: Engine,
    of: str,
    by_chance: str,
    labels: Labels,
    events: str = "25x1000",
    baseline: str = "0.4x1000",
    seconds: str = "360x1000",
    instance: str = "a",
) -> None:
    """Add the series of a finding."""
    for name, values in (
        ("by_chance_per_month", by_chance),
        ("events", events),
        ("baseline_events", baseline),
        ("window_seconds", seconds),
    ):
        engine.add_series(f"cx_unusual_{name}", values, instance=instance, of=of, **labels)


@pytest.mark.parametrize("of", LIMITS)
def test_a_rule_fires_at_once_below_its_share_of_the_false_alarms(new_engine: NewEngine, of: str) -> None:
    """It does not wait, because the detector integrates evidence. Above the limit it does not fire."""
    engine = new_engine(DOMAINS[ALERTS[of]])
    unusual(engine, of, f"_x12 {LIMITS[of] * 0.99}x900", APP)
    unusual(engine, of, f"{LIMITS[of] * 1.01}x900", WEB)
    engine.expect_silent("55s", ALERTS[of])
    engine.expect_firing("1m5s", ALERTS[of], APP)
    engine.run()


def test_the_greatest_threshold_has_an_effect_on_every_rule() -> None:
    """Findings above its limits are served, one more would be without effect on a rule."""
    assert (
        max(LIMITS.values()) * MAX_FALSE_ALARMS <= REMARKABLE < max(LIMITS.values()) * (MAX_FALSE_ALARMS + 1)
    )
    assert f"at most {MAX_FALSE_ALARMS}." in FALSE_ALARMS.meaning


SUMMARIES = {
    "leaving": "25 of 960 customers of channel app left in the last 6 minutes (baseline: at most 1)",
    "payment_churn": (
        "25 customers of channel app were lost against their will, by failed payments for example, in the last 6 minutes "
        "(baseline: at most 1)"
    ),
    "answers_late": (
        "The target of 25 tickets of channel app passed without an answer in the last 6 minutes (baseline: at most 1)"
    ),
    "reopenings": "25 solved tickets of channel app were reopened in the last 6 minutes (baseline: at most 1)",
    "handle_time": "A typical interaction of channel app took 25s in the last 6 minutes (baseline: 400ms)",
    "nps": "25 detractors of channel app in NPS surveys in the last 6 minutes (baseline: at most 1)",
    "csat": "25 unsatisfied customers of channel app in CSAT surveys in the last 6 minutes (baseline: at most 1)",
    "answers_missing": "Only 25 NPS, CSAT and CES answers of channel app in the last 6 minutes (baseline: 0)",
}


@pytest.mark.parametrize("of", SUMMARIES)
def test_the_summary_says_who_what_when_and_against_which_baseline(new_engine: NewEngine, of: str) -> None:
    """Without words of statistics."""
    name = ALERTS[of]
    engine = new_engine(DOMAINS[name])
    unusual(engine, of, "1e-9x900", APP)
    engine.add_series("cx_active_customers", "960x900", **APP)
    rule = next(rule for rule in alerts()[DOMAINS[name]] if rule.name == name)
    engine.expect_notification(
        "1m",
        name,
        {**APP, "job": "cxgauge", "severity": rule.severity, "domain": DOMAINS[name]},
        summary=SUMMARIES[of],
        description=rule.description,
        runbook_url=f"deploy/runbooks/{name}.md",
    )
    engine.run()


def incident(engine: Engine, of: str, labels: Labels, instance: str = "a", **series: str) -> None:
    """Add series of a card, by the last words of their names. Values may be preceded by the value of the own label."""
    for name, values in series.items():
        own_label = "reason" if name == "reason_events" else "text"
        for entry in values.split(";"):
            text, _, value = entry.rpartition("=")
            own_labels = {own_label: text} if text else {}
            engine.add_series(f"cx_incident_{name}", value, instance=instance, of=of, **labels, **own_labels)


@pytest.mark.parametrize(
    ("began", "text"), [("-540", "23:51"), ("-86340", "00:01"), ("-86400", "31 Dec 00:00")]
)
def test_the_summary_has_what_the_card_knows(new_engine: NewEngine, began: str, text: str) -> None:
    """Of the alert's label set. An incomplete replica does not count."""
    engine = new_engine("customers")
    engine.show_coverage("b", covered="35x1000")
    unusual(engine, "leaving", "1e-9x900", TOTAL)
    unusual(engine, "leaving", "1e-9x900", APP)
    for labels in (TOTAL, APP):
        engine.add_series("cx_active_customers", "960x900", **labels)
    incident(
        engine,
        "leaving",
        TOTAL,
        where_events="channel app=25x900;plan pro=7x900",
        reason_events=r"login=25x900;a \"price\"=3x900",
        since_timestamp_seconds=f"{began}x900",
        note_seconds="release 4.2=520x900;price change=89x900;{{ 1 }}=29x900",
    )
    incident(engine, "leaving", APP, reason_events="login=20x900")
    incident(engine, "leaving", TOTAL, instance="b", reason_events="price=26x900")
    engine.add_series("cx_waiting_over_target_tickets", "60x900", **APP)
    engine.add_series("cx_waiting_over_target_tickets", "0x900", **TOTAL)
    engine.add_series("cx_cancel_scheduled_customers", "12x900", **TOTAL)
    engine.add_series("cx_cancel_scheduled_customers", "1x900", **APP)
    left = "left in the last 6 minutes (baseline: at most 1)"
    rule = alerts()["customers"][0]
    for labels, summary in (
        (
            TOTAL,
            (
                f'25 of 960 customers {left}; all in channel app; 7 in plan pro; all say `login`; 3 say `a "price"`; began {text} UTC, '
                "at the time of note {{ 1 }}, 1 minute after note price change, 9 minutes after note release 4.2; "
                "12 customers have given notice"
            ),
        ),
        (
            APP,
            (
                f"25 of 960 customers of channel app {left}; 20 say `login`; 60 tickets of channel app wait over target; "
                "1 customer of channel app has given notice"
            ),
        ),
    ):
        engine.expect_notification(
            "1m",
            "CxLeavingSpike",
            {**labels, "job": "cxgauge", "severity": "critical", "domain": "customers"},
            summary=summary,
            description=rule.description,
            runbook_url="deploy/runbooks/CxLeavingSpike.md",
        )
    engine.run()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (60, "minute"),
        (120, "2 minutes"),
        (2040, "34 minutes"),
        (3600, "hour"),
        (14400, "4 hours"),
        (5400, "1.5 hours"),
        (86400, "24 hours"),
        (259200, "3 days"),
        (604800, "7 days"),
    ],
)
def test_times_are_as_people_say_them(new_engine: NewEngine, seconds: int, text: str) -> None:
    """In the total no label set is named."""
    engine = new_engine("customers")
    unusual(engine, "leaving", "1e-9x900", TOTAL, seconds=f"{seconds}x900")
    engine.add_series("cx_active_customers", "960x900", **TOTAL)
    rule = alerts()["customers"][0]
    engine.expect_notification(
        "1m",
        "CxLeavingSpike",
        {**TOTAL, "job": "cxgauge", "severity": "critical", "domain": "customers"},
        summary=f"25 of 960 customers left in the last {text} (baseline: at most 1)",
        description=rule.description,
        runbook_url="deploy/runbooks/CxLeavingSpike.md",
    )
    engine.run()


def test_three_label_sets_fire_and_the_others_are_counted(new_engine: NewEngine) -> None:
    """The most certain ones, of each installation."""
    engine = new_engine("customers")
    east, west = {"namespace": "east"}, {"namespace": "west"}
    for labels, by_chance in ((TOTAL, 1e-5), (APP, 1e-9), (WEB, 1e-7), (FAX, 1e-4), (MAIL, 1e-3)):
        unusual(engine, "leaving", f"{by_chance}x900", labels | east)
    unusual(engine, "leaving", "1e-9x900", APP | west)
    others = "; 2 more label sets are unusual"
    for labels, of, more in (
        (TOTAL | east, "", others),
        (APP | east, " of channel app", others),
        (WEB | east, " of channel web", others),
        (APP | west, " of channel app", ""),
    ):
        engine.expect_notification(
            "1m",
            "CxLeavingSpike",
            {**labels, "job": "cxgauge", "severity": "critical", "domain": "customers"},
            summary=f"25 of - customers{of} left in the last 6 minutes (baseline: at most 1){more}",
            description=alerts()["customers"][0].description,
            runbook_url="deploy/runbooks/CxLeavingSpike.md",
        )
    engine.run()


def test_label_sets_that_fire_keep_their_places(new_engine: NewEngine) -> None:
    """Each new one is a notification, so that changes of the order are none. The most certain of all is shown at once."""
    engine = new_engine("customers")
    for labels, by_chance in (
        (TOTAL, "1e-5x60 _x200"),
        (APP, "1e-9x260"),
        (WEB, "1e-4x260"),
        (FAX, "1e-3x12 1e-7x260"),  # more certain than two of the three after a minute
        (MAIL, "_x36 1e-11x12 stale"),  # the most certain after three minutes, for one
    ):
        unusual(engine, "leaving", by_chance, labels)
    name = "CxLeavingSpike"
    engine.expect_firing("30s", name, TOTAL, APP, WEB)
    engine.expect_firing("2m30s", name, TOTAL, APP, WEB)
    engine.expect_firing("3m30s", name, TOTAL, APP, WEB, MAIL)
    engine.expect_firing("7m", name, TOTAL, APP, WEB, MAIL)
    engine.expect_firing("14m30s", name, APP, WEB, FAX)
    engine.run()


@pytest.mark.parametrize("of", ["leaving", "payment_churn", "answers_late", "reopenings"])
def test_it_resolves_four_minutes_after_the_finding(new_engine: NewEngine, of: str) -> None:
    """A finding of up to an hour is served for five minutes after its last event: see `test_it_is_resolved_within_ten_minutes`."""
    engine = new_engine(DOMAINS[ALERTS[of]])
    unusual(engine, of, "1e-9x60 stale", APP)
    engine.expect_firing("9m", ALERTS[of], APP)
    engine.expect_silent("9m5s", ALERTS[of])
    engine.run()


def test_it_is_resolved_within_ten_minutes() -> None:
    """From the last event to Alertmanager's notification: finding, rule, a scrape and an evaluation, the interval of the group."""
    text = (FOLDER / "alertmanager" / "alertmanager.yml").read_text()
    (interval,) = re.findall(r"group_interval: (\d+)s", text)
    (kept,) = {rule.keep_firing_for for rule in alerts()["customers"]}
    assert LAST_MINUTES == leaving.LAST_MINUTES == counts.LAST_MINUTES == 5
    assert LAST_MINUTES * 60 + int(kept.removesuffix("m")) * 60 + 5 + 5 + int(interval) <= 600


KEPT = {
    "leaving": (
        "cx_leaving_customers",
        {"window": "5m"},
        "2 customers of channel app left in the last 5 minutes: no longer unusual, kept firing for 4 minutes",
    ),
    "payment_churn": (
        "cx_churned_voluntary_customers",
        {"window": "1h", "voluntary": "false"},
        "2 customers of channel app were lost against their will in the last hour: no longer unusual, kept firing for 4 minutes",
    ),
    "answers_late": (
        "cx_contact_cycles_due",
        {"window": "5m", "fate": "overdue"},
        "The target of 2 tickets of channel app passed without an answer in the last 5 minutes: no longer unusual, kept firing for 4 minutes",
    ),
    "reopenings": (
        "cx_reopenings",
        {"window": "1h"},
        "2 solved tickets of channel app were reopened in the last hour: no longer unusual, kept firing for 4 minutes",
    ),
    "handle_time": (
        "cx_handle_mean_seconds",
        {"window": "24h"},
        "An interaction of channel app took 2s on average in the last 24 hours: no longer unusual, kept firing for 6 hours",
    ),
    "nps": (
        "cx_nps_score",
        {"window": "24h"},
        "NPS of channel app is 2.0 in the last 24 hours: no longer unusual, kept firing for 6 hours",
    ),
    "csat": (
        "cx_csat_ratio",
        {"window": "24h"},
        "CSAT of channel app is 200% in the last 24 hours: no longer unusual, kept firing for 6 hours",
    ),
    "answers_missing": (
        "cx_ces_responses",
        {"window": "1h", "easy": "true"},
        "2 NPS, CSAT and CES answers of channel app in the last hour: no longer unusual, kept firing for 1 hour",
    ),
}
"""A present figure of each stream, its labels, and the summary with it while the alert is only kept firing."""


@pytest.mark.parametrize("of", KEPT)
def test_an_alert_that_is_only_kept_firing_says_so_with_present_figures(
    new_engine: NewEngine, of: str
) -> None:
    """Once the exporter has no finding any more. Figures of incomplete replicas are not shown."""
    name, (series, labels, summary) = ALERTS[of], KEPT[of]
    engine = new_engine(DOMAINS[name])
    engine.show_coverage("b", covered="35x1000")
    unusual(engine, of, "1e-9x12 stale", APP)
    unusual(engine, of, "1e-9x12 stale", WEB)
    engine.add_series(series, "9x12 2x900", **labels, **APP)
    engine.add_series(series, "7x900", instance="b", **labels, **APP)
    rule = next(rule for rule in alerts()[DOMAINS[name]] if rule.name == name)
    kept = summary.rpartition(", ")[2]
    for label_set, text in ((APP, summary), (WEB, f"There are no complete figures of channel web, {kept}")):
        engine.expect_notification(
            "2m",
            name,
            {**label_set, "job": "cxgauge", "severity": rule.severity, "domain": DOMAINS[name]},
            summary=text,
            description=rule.description,
            runbook_url=f"deploy/runbooks/{name}.md",
        )
    engine.run()


def test_nothing_starts_while_figures_are_incomplete(new_engine: NewEngine) -> None:
    """An incomplete replica does not count. A firing alert holds for four minutes."""
    engine = new_engine("customers")
    engine.show_coverage("a", covered="36x24 35x900")
    engine.show_coverage("b", covered="35x1000")
    unusual(engine, "leaving", "1e-9x900", APP)
    unusual(engine, "leaving", "_x48 1e-9x900", WEB)
    unusual(engine, "leaving", "1e-9x900", FAX, instance="b")
    engine.expect_firing("1m", "CxLeavingSpike", APP)
    engine.expect_firing("5m", "CxLeavingSpike", APP)
    engine.expect_silent("9m", "CxLeavingSpike")
    engine.run()


def test_every_stream_has_a_rule() -> None:
    assert ALERTS.keys() == {stream.of for stream in STREAMS}
