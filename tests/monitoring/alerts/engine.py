"""Prometheus' own rule engine on series that are written down: `promtool test rules`."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stream.deployment import FOLDER

RULES = FOLDER / "prometheus" / "rules"
Labels = Mapping[str, str]


class Engine:
    """Scenarios of samples and evaluations `every` so often, and what the shipped rules of a domain make of them."""

    def __init__(self, promtool: Path, folder: Path, domain: str) -> None:
        self.every = "5s"
        self._promtool = promtool
        self._rules = [str(RULES / f"{name}.yml") for name in ("thresholds", domain)]
        self._folder = folder
        self._checks: list[dict] = []
        self._told: list[dict] = []
        self._series: dict[str, str] = {}
        self.show(instance="a")

    def show(self, instance: str, covered: str = "36x1000") -> None:
        """An exporter whose partitions are covered like this."""
        where = f'{{job="cxgauge",instance="{instance}"}}'
        self._series[f"cx_partitions_expected{where}"] = "36x1000"
        self._series[f"cx_partitions_covered{where}"] = covered

    def feed(self, name: str, values: str, instance: str = "a", job: str = "cxgauge", **labels: str) -> None:
        """A series of an exporter, in promtool's notation."""
        given = {"job": job, "instance": instance, **labels}
        inside = ",".join(f'{key}="{value}"' for key, value in given.items())
        self._series[f"{name}{{{inside}}}"] = values

    def firing(self, at: str, alert: str, *label_sets: Labels) -> None:
        """At that time this alert fires for these label sets of its, and for no other."""
        by = sorted({name for labels in label_sets for name in labels} | {"alertname"})
        self._checks.append(
            {
                "expr": f'count by ({",".join(by)}) (ALERTS{{alertname="{alert}",alertstate="firing"}})',
                "eval_time": at,
                "exp_samples": [
                    {"labels": _written({"alertname": alert, **ls}), "value": 1} for ls in label_sets
                ],
            }
        )

    def silent(self, at: str, alert: str) -> None:
        """At that time this alert does not fire; nor would it soon, it is not even pending."""
        self._checks.append({"expr": f'ALERTS{{alertname="{alert}"}}', "eval_time": at, "exp_samples": []})

    def tells(self, at: str, alert: str, labels: Labels, **annotations: str) -> None:
        """At that time this alert fires for one label set, and says this."""
        wanted = {"exp_labels": dict(labels), "exp_annotations": annotations}
        self._told.append({"eval_time": at, "alertname": alert, "exp_alerts": [wanted]})

    def run(self) -> None:
        """All of it, or an AssertionError in promtool's words."""
        document = {
            "rule_files": self._rules,
            "evaluation_interval": self.every,
            "tests": [
                {
                    "interval": self.every,
                    "input_series": [{"series": s, "values": values} for s, values in self._series.items()],
                    "promql_expr_test": self._checks,
                    "alert_rule_test": self._told,
                }
            ],
        }
        path = self._folder / "test.yml"
        path.write_text(json.dumps(document))
        done = subprocess.run(
            [self._promtool, "test", "rules", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _written(labels: Labels) -> str:
    return "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
