"""The rule engine of Prometheus on given series: `promtool test rules`."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stream.deployment import FOLDER

RULES = FOLDER / "prometheus" / "rules"
Labels = Mapping[str, str]


class Engine:
    """A scenario of samples, evaluated every `interval` with the shipped rules of a domain."""

    def __init__(self, promtool: Path, folder: Path, domain: str) -> None:
        self.interval = "5s"
        self._promtool = promtool
        self._rules = [str(RULES / f"{name}.yml") for name in ("thresholds", domain)]
        self._folder = folder
        self._expression_checks: list[dict] = []
        self._alert_checks: dict[tuple[str, str], list[dict]] = {}
        self._series: dict[str, str] = {}
        self.show_coverage(instance="a")

    def show_coverage(self, instance: str, covered: str = "36x1000") -> None:
        """Add an exporter with this coverage of partitions."""
        labels = f'{{job="cxgauge",instance="{instance}"}}'
        self._series[f"cx_partitions_expected{labels}"] = "36x1000"
        self._series[f"cx_partitions_covered{labels}"] = covered

    def add_series(
        self, name: str, values: str, instance: str = "a", job: str = "cxgauge", **labels: str
    ) -> None:
        """Add a series of an exporter, in promtool's notation."""
        all_labels = {"job": job, "instance": instance, **labels}
        label_list = ",".join(f'{key}="{value}"' for key, value in all_labels.items())
        self._series[f"{name}{{{label_list}}}"] = values

    def expect_firing(self, at: str, alert: str, *label_sets: Labels) -> None:
        """Expect the alert to fire at that time for these label sets only."""
        label_names = sorted({name for labels in label_sets for name in labels} | {"alertname"})
        self._expression_checks.append(
            {
                "expr": f'count by ({",".join(label_names)}) (ALERTS{{alertname="{alert}",alertstate="firing"}})',
                "eval_time": at,
                "exp_samples": [
                    {"labels": selector_of({"alertname": alert, **label_set}), "value": 1}
                    for label_set in label_sets
                ],
            }
        )

    def expect_silent(self, at: str, alert: str) -> None:
        """Expect the alert neither to fire nor to be pending at that time."""
        self._expression_checks.append(
            {"expr": f'ALERTS{{alertname="{alert}"}}', "eval_time": at, "exp_samples": []}
        )

    def expect_notification(self, at: str, alert: str, labels: Labels, **annotations: str) -> None:
        """Expect the alert to fire at that time with these labels and annotations, and for no label set that is not expected."""
        expected = {"exp_labels": dict(labels), "exp_annotations": annotations}
        self._alert_checks.setdefault((at, alert), []).append(expected)

    def run(self) -> None:
        """Run the scenario. Raises AssertionError with promtool's output."""
        document = {
            "rule_files": self._rules,
            "evaluation_interval": self.interval,
            "tests": [
                {
                    "interval": self.interval,
                    "input_series": [{"series": s, "values": values} for s, values in self._series.items()],
                    "promql_expr_test": self._expression_checks,
                    "alert_rule_test": [
                        {"eval_time": at, "alertname": alert, "exp_alerts": expected}
                        for (at, alert), expected in self._alert_checks.items()
                    ],
                }
            ],
        }
        path = self._folder / "test.yml"
        path.write_text(json.dumps(document))
        result = subprocess.run(
            [self._promtool, "test", "rules", path], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


def selector_of(labels: Labels) -> str:
    return "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
