"""Business hours end to end: calendars in the configuration, tickets through Kafka, served figures."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.chaos.cluster import ChaosCluster, wait

pytestmark = pytest.mark.kafka

ROME = ZoneInfo("Europe/Rome")
WEEK = ("mon", "tue", "wed", "thu", "fri")
OFFICE = {day: ["09:00-18:00"] for day in WEEK}
LUNCH = {day: ["09:00-13:00", "14:00-18:00"] for day in WEEK}
ROUND_THE_CLOCK = {day: ["00:00-24:00"] for day in (*WEEK, "sat", "sun")}
HOLIDAYS = """BEGIN:VCALENDAR\r
BEGIN:VEVENT\r
DTSTART;VALUE=DATE:20241225\r
DTEND;VALUE=DATE:20241227\r
RRULE:FREQ=YEARLY\r
SUMMARY:Christmas\r
END:VEVENT\r
END:VCALENDAR\r
"""
CASES: dict[str, tuple[str, str, dict[str, list[str]], int, int]] = {
    "holidays": ("2025-12-24 17:00", "2025-12-29 10:00", OFFICE, 406_800, 7_200),
    "FRT-1": ("2026-01-09 16:30", "2026-01-12 09:30", OFFICE, 234_000, 7_200),
    "FRT-6": ("2026-01-10 11:00", "2026-01-11 15:00", OFFICE, 100_800, 0),
    "FRT-1 with lunch": ("2026-01-09 16:30", "2026-01-12 09:30", LUNCH, 234_000, 7_200),
    "FRT-4": ("2026-01-12 12:30", "2026-01-12 14:15", LUNCH, 6_300, 2_700),
    "FRT-2": ("2026-03-28 12:00", "2026-03-30 12:00", OFFICE, 169_200, 10_800),
    "FRT-2 always": ("2026-03-28 12:00", "2026-03-30 12:00", ROUND_THE_CLOCK, 169_200, 169_200),
}
"""One channel with its calendar each: local opening and reply, seconds in calendar and in business time."""
WINDOW = "200d"


def events() -> str:
    """Return all tickets as JSON Lines, ordered by time."""
    rows = []
    for number, (channel, (opened, answered, *_)) in enumerate(CASES.items()):
        ticket: dict[str, Any] = {"ticket_id": f"t-{number}", "customer_id": f"c-{number}"}
        rows.append((opened, "created", ticket | {"channel": channel}))
        rows.append((answered, "message", ticket | {"message_id": "m", "author": "agent"}))
    lines = []
    for number, (local_time, kind, data) in enumerate(sorted(rows, key=lambda event: event[0])):
        moment = datetime.fromisoformat(local_time).replace(tzinfo=ROME).isoformat()
        event = {"id": str(number), "type": f"cx.ticket.{kind}.v1", "time": moment, "data": data}
        lines.append(json.dumps(event))
    return "\n".join(lines)


def test_worked_cases_are_served_end_to_end(kafka: str, tmp_path: Path) -> None:
    """Weekends, a clock change, lunch breaks and holidays from a file, next to figures in calendar time."""
    (tmp_path / "it.ics").write_text(HOLIDAYS, newline="")
    calendars = [
        {"name": channel, "timezone": "Europe/Rome", "hours": hours, "channels": [channel]}
        | {"holidays_file": str(tmp_path / "it.ics")}
        for channel, (_, _, hours, _, _) in CASES.items()
    ]
    env = {
        "CXGAUGE_TOPICS_RETENTION": "-1",
        "CXGAUGE_EXPORTER_CLOCK": "event",
        "CXGAUGE_METRICS_WINDOWS": json.dumps([WINDOW]),
        "CXGAUGE_CALENDARS": json.dumps(calendars),
        "CXGAUGE_FRT_TARGETS": json.dumps({"FRT-1": {"duration": "2h", "hours": "business"}}),
    }
    with ChaosCluster(kafka, tmp_path, **env) as cluster:
        cluster.start()
        exporter = cluster.start("exporter")
        subprocess.run(
            [sys.executable, "-m", "stream.cli", "publish", "-", "--timestamps", "event"],
            env={**os.environ, **cluster.env},
            input=events().encode(),
            check=True,
            capture_output=True,
        )
        assert cluster.wait_until_counted("tickets"), cluster.logs()
        responses_series = f'cx_first_responses{{view="total",window="{WINDOW}"}}'
        wait(lambda: cluster.samples(exporter).get(responses_series) == len(CASES), cluster.logs)
        samples = cluster.samples(exporter)
        for channel, (_, _, _, calendar_seconds, business) in CASES.items():
            labels = f'view="channel",channel="{channel}",window="{WINDOW}"'
            assert samples[f"cx_first_response_mean_seconds{{{labels}}}"] == calendar_seconds, channel
            assert samples[f"cx_first_response_business_mean_seconds{{{labels}}}"] == business, channel
            for quantile in ("0.5", "0.9", "0.99"):
                name = f'cx_first_response_business_seconds{{{labels},quantile="{quantile}"}}'
                assert samples[name] == pytest.approx(business, rel=0.01), channel
            within_target = samples[f"cx_first_response_business_within_target_ratio{{{labels}}}"]
            assert within_target == (business <= (7_200 if channel == "FRT-1" else 3_600)), channel
        total = samples[f'cx_first_response_business_mean_seconds{{view="total",window="{WINDOW}"}}']
        assert total == pytest.approx(mean(case[-1] for case in CASES.values()))
