"""Real data through Kafka, with an event clock: figures equal a direct count of the file."""

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
from tests.chaos.rig import ChaosCluster, wait

pytestmark = [pytest.mark.kafka, pytest.mark.data]

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
QUANTILES = {"0.5": 50, "0.9": 90, "0.99": 99}
OLD = {"CXGAUGE_TOPICS_RETENTION": "-1", "CXGAUGE_EXPORTER_CLOCK": "event"}


def _cxgauge(rig: ChaosCluster, *arguments: str | Path) -> str:
    command = [sys.executable, "-m", "stream.cli", *arguments]
    env = {**os.environ, **rig.env}
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def replay(rig: ChaosCluster, file: Path, mapping: str) -> None:
    _cxgauge(rig, "replay", file, "--mapping", EXAMPLES / mapping)


def test_the_survey_of_san_francisco_airport(kafka: str, tmp_path: Path, data_folder: Path) -> None:
    """NPS +39.84 with n 2,746; CSAT by boarding area as counted in the file."""
    file = data_folder / "sfo_survey_2017" / "survey.csv"
    with ChaosCluster(kafka, tmp_path, **OLD) as rig:
        rig.start()
        exporter = rig.start("exporter")
        replay(rig, file, "sfo_survey_2017.toml")
        assert rig.settled(), rig.logs()
        n = 'cx_nps_responses{view="total",window="30d",category="%s"}'
        kinds = ("promoter", "passive", "detractor")
        wait(lambda: sum(rig.samples(exporter).get(n % kind, 0) for kind in kinds) == 2_746, rig.logs)
        samples = rig.samples(exporter)
        assert samples['cx_nps_score{view="total",window="30d"}'] == pytest.approx(39.84, abs=0.005)
        counted: Counter[tuple[str, str]] = Counter()
        with file.open(encoding="utf-8-sig", newline="") as rows:
            for row in csv.DictReader(rows):
                if row["Q7ALL"] in {"1", "2", "3", "4", "5"}:
                    counted[row["BAREA"], "true" if row["Q7ALL"] in "45" else "false"] += 1
        areas = {area for area, _ in counted}
        assert len(areas) > 3
        for area in areas:
            where = f'view="touchpoint",touchpoint="boarding area {area}",window="30d"'
            for satisfied in ("true", "false"):
                name = f'cx_csat_responses{{{where},satisfied="{satisfied}"}}'
                assert samples[name] == counted[area, satisfied]
            share = counted[area, "true"] / (counted[area, "true"] + counted[area, "false"])
            assert samples[f"cx_csat_ratio{{{where}}}"] == pytest.approx(share)


def test_the_log_of_an_italian_help_desk(kafka: str, tmp_path: Path, data_folder: Path) -> None:
    """XES: first responses and first solves of four years, as counted in the file."""
    file = data_folder / "helpdesk_italian" / "helpdesk.xes.gz"
    with ChaosCluster(kafka, tmp_path, **OLD, CXGAUGE_METRICS_WINDOWS='["1600d"]') as rig:
        rig.start()
        exporter = rig.start("exporter")
        replay(rig, file, "helpdesk_italian.toml")
        assert rig.settled("tickets"), rig.logs()
        responses, solves = _first("Take in charge ticket", file), _first("Resolve ticket", file)
        assert (len(responses), len(solves)) == (4_285, 4_569)
        where = 'view="total",window="1600d"'
        wait(lambda: rig.samples(exporter).get(f"cx_first_responses{{{where}}}") == 4_285, rig.logs)
        samples = rig.samples(exporter)
        assert samples[f"cx_first_response_mean_seconds{{{where}}}"] == pytest.approx(mean(responses))
        assert mean(responses) == pytest.approx(351_339, abs=0.5)
        solved = 'view="total",window="1600d",stage="first"'
        assert samples[f"cx_resolved_tickets{{{solved}}}"] == 4_569
        assert samples[f"cx_resolution_mean_seconds{{{solved}}}"] == pytest.approx(mean(solves))
        assert mean(solves) / 3600 == pytest.approx(266.9, abs=0.05)
        assert samples[f"cx_reopenings{{{where}}}"] == 0
        for quantile, percent in QUANTILES.items():
            response = samples[f'cx_first_response_seconds{{{where},quantile="{quantile}"}}']
            assert response == pytest.approx(_nearest_rank(responses, percent), rel=0.01)
            resolution = samples[f'cx_resolution_seconds{{{solved},quantile="{quantile}"}}']
            assert resolution == pytest.approx(_nearest_rank(solves, percent), rel=0.01)


def _first(what: str, file: Path) -> list[float]:
    """Seconds from the beginning of each case to the first event of a name, sorted; read as text, line by line."""
    found: list[float] = []
    began, name, done = None, "", False
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            if "<trace>" in line:
                began, done = None, False
            elif value := re.search(r'key="concept:name" value="(.*)"', line):
                name = value[1]
            elif value := re.search(r'key="time:timestamp" value="(.*)"', line):
                at = datetime.fromisoformat(value[1])
                began = began or at
                if name == what and not done:
                    found.append((at - began).total_seconds())
                    done = True
    return sorted(found)


def _nearest_rank(ordered: list[float], percent: int) -> float:
    return ordered[-(-len(ordered) * percent // 100) - 1]


def test_the_calls_of_a_bank(kafka: str, tmp_path: Path, data_folder: Path) -> None:
    """Mean handle time 394.4 s with n 1,552; quantiles within 1 % of the nearest rank."""
    file = data_folder / "bank_call_center_1999" / "december_sample.csv"
    with ChaosCluster(kafka, tmp_path, **OLD, CXGAUGE_METRICS_WINDOWS='["90d"]') as rig:
        rig.start()
        exporter = rig.start("exporter")
        replay(rig, file, "bank_calls_1999.toml")
        assert rig.settled("tickets"), rig.logs()
        with file.open(encoding="utf-8-sig", newline="") as rows:
            talks = sorted(float(row["ser_time"]) for row in csv.DictReader(rows))
        where = 'window="90d"'
        handled = f'cx_handled_interactions{{view="channel",channel="phone",{where}}}'
        wait(lambda: rig.samples(exporter).get(handled) == len(talks) == 1_552, rig.logs)
        samples = rig.samples(exporter)
        shown = samples[f'cx_handle_mean_seconds{{view="total",{where}}}']
        assert shown == pytest.approx(mean(talks))
        assert shown == pytest.approx(394.4, abs=0.05)
        for quantile, percent in QUANTILES.items():
            value = samples[f'cx_handle_seconds{{view="total",{where},quantile="{quantile}"}}']
            assert value == pytest.approx(_nearest_rank(talks, percent), rel=0.01)


def test_the_purchases_of_cdnow(kafka: str, tmp_path: Path, data_folder: Path) -> None:
    """Frequency, recency and T of 39 weeks as in the summary; 244,091.94 USD of 2,357 customers in the end.

    The whole file comes after its first part: what was there before changes nothing.
    """
    file, part = data_folder / "cdnow" / "CDNOW_sample.txt", tmp_path / "part.txt"
    lines = file.read_text(encoding="ascii").splitlines()
    part.write_text("".join(f"{line}\n" if line.split()[2] <= "19970930" else "\n" for line in lines))
    with ChaosCluster(kafka, tmp_path, **OLD, CXGAUGE_METRICS_WINDOWS='["600d"]') as rig:
        rig.start()
        replay(rig, part, "cdnow.toml")
        assert rig.settled("customers"), rig.logs()
        with (data_folder / "cdnow" / "cdnow_customers_summary.csv").open(newline="") as rows:
            summary = {row["ID"]: row for row in csv.DictReader(rows)}
        bought = _days(rig)
        assert len(bought) == len(summary) == 2_357
        last = (date(1997, 9, 30) - date(1970, 1, 1)).days
        for customer, days in bought.items():
            row = summary[str(int(customer))]
            assert days.count - 1 == int(row["frequency"])
            assert (days.last - days.first) / 7 == pytest.approx(float(row["recency"]), abs=0.0051)
            assert (last - days.first) / 7 == pytest.approx(float(row["T"]), abs=0.0051)

        explained = _cxgauge(rig, "explain", "--customer", "0001")
        assert "frequency: 2; recency: 213 d;" in explained
        assert "net revenue: 74.02 USD" in explained

        exporter = rig.start("exporter")
        replay(rig, file, "cdnow.toml")
        assert rig.settled("customers"), rig.logs()
        revenue = 'cx_revenue{view="total",window="600d",currency="USD"}'
        wait(lambda: rig.samples(exporter).get(revenue) == pytest.approx(244_091.94, abs=0.001), rig.logs)
        samples = rig.samples(exporter)
        assert samples['cx_clv_customers{view="total",cohort="all"}'] == 2_357
        worth = samples['cx_clv_historical_mean{view="total",cohort="all",currency="USD"}']
        assert worth * 2_357 == pytest.approx(244_091.94, abs=0.01)


def _days(rig: ChaosCluster) -> dict[str, PurchaseDays]:
    """On which days each customer bought."""
    return {
        key[1:].decode(): days
        for (domain, _), partition in rig.partitions().items()
        if domain == "customers"
        for key, raw in partition.store.entities.items()
        if key.startswith(CUSTOMER) and (days := unpack(raw).purchase_days)
    }
