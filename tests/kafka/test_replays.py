"""Real data through Kafka, with an event clock: figures equal a direct count of the file."""

import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.rig import Rig, wait

pytestmark = [pytest.mark.kafka, pytest.mark.data]

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
OLD = {"CXGAUGE_TOPICS_RETENTION": "-1", "CXGAUGE_EXPORTER_CLOCK": "event"}


def replay(rig: Rig, file: Path, mapping: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "stream.cli", "replay", file, "--mapping", EXAMPLES / mapping],
        env={**os.environ, **rig.env},
        check=True,
        capture_output=True,
    )


def test_the_survey_of_san_francisco_airport(kafka: str, tmp_path: Path, data_folder: Path) -> None:
    """NPS +39.84 with n 2,746; CSAT by boarding area as counted in the file."""
    file = data_folder / "sfo_survey_2017" / "survey.csv"
    with Rig(kafka, tmp_path, **OLD) as rig:
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
