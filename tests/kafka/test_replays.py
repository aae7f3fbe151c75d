"""Real data through Kafka with an event clock. Figures equal a direct count of the file."""

import csv
import gzip
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from statistics import mean

import pytest

from stream.core.aggregation.customers.entity import CUSTOMER, PurchaseDays, unpack
from tests.chaos.cluster import ChaosCluster, wait

pytestmark = [pytest.mark.kafka, pytest.mark.data]

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
QUANTILES = {"0.5": 50, "0.9": 90, "0.99": 99}
EVENT_CLOCK = {"CXGAUGE_TOPICS_RETENTION": "-1", "CXGAUGE_EXPORTER_CLOCK": "event"}


def _cxgauge(cluster: ChaosCluster, *arguments: str | Path) -> str:
    command = [sys.executable, "-m", "stream.cli", *arguments]
    env = {**os.environ, **cluster.env}
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def replay(cluster: ChaosCluster, file: Path, mapping: str) -> None:
    _cxgauge(cluster, "replay", file, "--mapping", EXAMPLES / mapping)


def test_figures_of_the_san_francisco_airport_survey(kafka: str, tmp_path: Path, data_folder: Path) -> None:
    """NPS +39.84 with n 2,746, and CSAT by boarding area as counted in the file."""
    file = data_folder / "sfo_survey_2017" / "survey.csv"
    with ChaosCluster(kafka, tmp_path, **EVENT_CLOCK) as cluster:
        cluster.start()
        exporter = cluster.start("exporter")
        replay(cluster, file, "sfo_survey_2017.toml")
        assert cluster.wait_until_counted(), cluster.logs()
        n = 'cx_nps_responses{view="total",window="30d",category="%s"}'
        categories = ("promoter", "passive", "detractor")
        wait(
            lambda: sum(cluster.samples(exporter).get(n % category, 0) for category in categories) == 2_746,
            cluster.logs,
        )
        samples = cluster.samples(exporter)
        assert samples['cx_nps_score{view="total",window="30d"}'] == pytest.approx(39.84, abs=0.005)
        counted: Counter[tuple[str, str]] = Counter()
        with file.open(encoding="utf-8-sig", newline="") as rows:
            for row in csv.DictReader(rows):
                if row["Q7ALL"] in {"1", "2", "3", "4", "5"}:
                    counted[row["BAREA"], "true" if row["Q7ALL"] in "45" else "false"] += 1
        areas = {area for area, _ in counted}
        assert len(areas) > 3
        for area in areas:
            labels = f'view="touchpoint",touchpoint="boarding area {area}",window="30d"'
            for satisfied in ("true", "false"):
                series = f'cx_csat_responses{{{labels},satisfied="{satisfied}"}}'
                assert samples[series] == counted[area, satisfied]
            share = counted[area, "true"] / (counted[area, "true"] + counted[area, "false"])
            assert samples[f"cx_csat_ratio{{{labels}}}"] == pytest.approx(share)


def test_figures_of_the_italian_help_desk_log(kafka: str, tmp_path: Path, data_folder: Path) -> None:
    """First responses and first solves of four years of an XES log, as counted in the file."""
    file = data_folder / "helpdesk_italian" / "helpdesk.xes.gz"
    with ChaosCluster(kafka, tmp_path, **EVENT_CLOCK, CXGAUGE_METRICS_WINDOWS='["1600d"]') as cluster:
        cluster.start()
        exporter = cluster.start("exporter")
        replay(cluster, file, "helpdesk_italian.toml")
        assert cluster.wait_until_counted("tickets"), cluster.logs()
        responses, solves = (
            seconds_to_first("Take in charge ticket", file),
            seconds_to_first("Resolve ticket", file),
        )
        assert (len(responses), len(solves)) == (4_285, 4_569)
        labels = 'view="total",window="1600d"'
        wait(lambda: cluster.samples(exporter).get(f"cx_first_responses{{{labels}}}") == 4_285, cluster.logs)
        samples = cluster.samples(exporter)
        assert samples[f"cx_first_response_mean_seconds{{{labels}}}"] == pytest.approx(mean(responses))
        assert mean(responses) == pytest.approx(351_339, abs=0.5)
        solve_labels = 'view="total",window="1600d",stage="first"'
        assert samples[f"cx_resolved_tickets{{{solve_labels}}}"] == 4_569
        assert samples[f"cx_resolution_mean_seconds{{{solve_labels}}}"] == pytest.approx(mean(solves))
        assert mean(solves) / 3600 == pytest.approx(266.9, abs=0.05)
        assert samples[f"cx_reopenings{{{labels}}}"] == 0
        for quantile, percent in QUANTILES.items():
            response = samples[f'cx_first_response_seconds{{{labels},quantile="{quantile}"}}']
            assert response == pytest.approx(_nearest_rank(responses, percent), rel=0.01)
            resolution = samples[f'cx_resolution_seconds{{{solve_labels},quantile="{quantile}"}}']
            assert resolution == pytest.approx(_nearest_rank(solves, percent), rel=0.01)


def seconds_to_first(activity: str, file: Path) -> list[float]:
    """Return the seconds from the start of each case to its first event of an activity, sorted."""
    durations: list[float] = []
    case_start, name, counted = None, "", False
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            if "<trace>" in line:
                case_start, counted = None, False
            elif value := re.search(r'key="concept:name" value="(.*)"', line):
                name = value[1]
            elif value := re.search(r'key="time:timestamp" value="(.*)"', line):
                at = datetime.fromisoformat(value[1])
                case_start = case_start or at
                if name == activity and not counted:
                    durations.append((at - case_start).total_seconds())
                    counted = True
    return sorted(durations)


def _nearest_rank(ordered: list[float], percent: int) -> float:
    return ordered[-(-len(ordered) * percent // 100) - 1]


def test_handle_times_of_the_calls_of_a_bank(kafka: str, tmp_path: Path, data_folder: Path) -> None:
    """Mean handle time 394.4 s with n 1,552, quantiles within 1 % of the nearest rank."""
    file = data_folder / "bank_call_center_1999" / "december_sample.csv"
    with ChaosCluster(kafka, tmp_path, **EVENT_CLOCK, CXGAUGE_METRICS_WINDOWS='["90d"]') as cluster:
        cluster.start()
        exporter = cluster.start("exporter")
        replay(cluster, file, "bank_calls_1999.toml")
        assert cluster.wait_until_counted("tickets"), cluster.logs()
        with file.open(encoding="utf-8-sig", newline="") as rows:
            talks = sorted(float(row["ser_time"]) for row in csv.DictReader(rows))
        labels = 'window="90d"'
        handled = f'cx_handled_interactions{{view="channel",channel="phone",{labels}}}'
        wait(lambda: cluster.samples(exporter).get(handled) == len(talks) == 1_552, cluster.logs)
        samples = cluster.samples(exporter)
        mean_served = samples[f'cx_handle_mean_seconds{{view="total",{labels}}}']
        assert mean_served == pytest.approx(mean(talks))
        assert mean_served == pytest.approx(394.4, abs=0.05)
        for quantile, percent in QUANTILES.items():
            value = samples[f'cx_handle_seconds{{view="total",{labels},quantile="{quantile}"}}']
            assert value == pytest.approx(_nearest_rank(talks, percent), rel=0.01)


def test_figures_of_the_cdnow_purchases(kafka: str, tmp_path: Path, data_folder: Path) -> None:
    """Frequency, recency and T of 39 weeks as in the summary, and 244,091.94 USD of 2,357 customers at the end.

    The whole file is imported after its first part, and duplicates change nothing.
    """
    file, first_part = data_folder / "cdnow" / "CDNOW_sample.txt", tmp_path / "part.txt"
    lines = file.read_text(encoding="ascii").splitlines()
    first_part.write_text("".join(f"{line}\n" if line.split()[2] <= "19970930" else "\n" for line in lines))
    with ChaosCluster(kafka, tmp_path, **EVENT_CLOCK, CXGAUGE_METRICS_WINDOWS='["600d"]') as cluster:
        cluster.start()
        replay(cluster, first_part, "cdnow.toml")
        assert cluster.wait_until_counted("customers"), cluster.logs()
        with (data_folder / "cdnow" / "cdnow_customers_summary.csv").open(newline="") as rows:
            summary = {row["ID"]: row for row in csv.DictReader(rows)}
        days_by_customer = purchase_days(cluster)
        assert len(days_by_customer) == len(summary) == 2_357
        last = (date(1997, 9, 30) - date(1970, 1, 1)).days
        for customer, days in days_by_customer.items():
            row = summary[str(int(customer))]
            assert days.count - 1 == int(row["frequency"])
            assert (days.last - days.first) / 7 == pytest.approx(float(row["recency"]), abs=0.0051)
            assert (last - days.first) / 7 == pytest.approx(float(row["T"]), abs=0.0051)

        explanation = _cxgauge(cluster, "explain", "--customer", "0001")
        assert "frequency: 2; recency: 213 d;" in explanation
        assert "net revenue: 74.02 USD" in explanation

        exporter = cluster.start("exporter")
        replay(cluster, file, "cdnow.toml")
        assert cluster.wait_until_counted("customers"), cluster.logs()
        revenue = 'cx_revenue{view="total",window="600d",currency="USD"}'
        wait(
            lambda: cluster.samples(exporter).get(revenue) == pytest.approx(244_091.94, abs=0.001),
            cluster.logs,
        )
        samples = cluster.samples(exporter)
        assert samples['cx_clv_customers{view="total",cohort="all"}'] == 2_357
        historical_mean = samples['cx_clv_historical_mean{view="total",cohort="all",currency="USD"}']
        assert historical_mean * 2_357 == pytest.approx(244_091.94, abs=0.01)


def purchase_days(cluster: ChaosCluster) -> dict[str, PurchaseDays]:
    """Return the purchase days of each customer."""
    return {
        key[1:].decode(): days
        for (domain, _), partition in cluster.partitions().items()
        if domain == "customers"
        for key, raw in partition.store.entities.items()
        if key.startswith(CUSTOMER) and (days := unpack(raw).purchase_days)
    }
