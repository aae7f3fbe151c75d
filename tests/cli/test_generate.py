"""`cxgauge generate`: files generated from the code."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import generate_latest

from schemas.generate import documents
from stream.cli import chart_schema, main, references
from stream.config import Settings
from stream.core.metrics import REGISTRY
from stream.intake.metrics import IntakeMetrics
from stream.monitoring.alerts import prometheus_files
from stream.resources import series as resources
from stream.worker.checkpoint_writer import KafkaCheckpointStore
from stream.worker.disk_metrics import DiskCollector
from stream.worker.health import Health
from stream.worker.task_manager import TaskManager

TEXT = "# Title\n\n<!-- metrics:begin -->\nold\n<!-- metrics:end -->\n\nThe end\n"


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A runner in a project folder without generated files."""
    monkeypatch.chdir(tmp_path)
    Path("README.md").write_text(TEXT)
    schema = Path(chart_schema.PATH)
    schema.parent.mkdir(parents=True)
    schema.write_text('{"properties": {"config": {}, "image": {"type": "object"}}}')
    return CliRunner()


def test_generate_writes_every_file_once(runner: CliRunner) -> None:
    """Schemas, rules and the table are written. A second run changes nothing."""
    assert runner.invoke(main, ["generate"]).exit_code == 0
    written = documents() | prometheus_files.documents()
    assert all(Path(path).read_bytes() == content for path, content in written.items())
    text = Path("README.md").read_text()
    assert text.startswith("# Title\n\n<!-- metrics:begin -->\n| metric |")
    assert text.endswith("<!-- metrics:end -->\n\nThe end\n")
    for metric in REGISTRY.values():
        assert re.search(
            rf"^\| \[{metric.title}\]\(deploy/docs/metrics.md#.*\) \| `{metric.name}` \| `.*` \| `cx_",
            text,
            re.MULTILINE,
        )
    properties = json.loads(Path(chart_schema.PATH).read_text())["properties"]
    assert properties["config"]["properties"]["clv"]["properties"]["margin_rate"]["type"] == "number"
    assert properties["image"] == {"type": "object"}
    result = runner.invoke(main, ["generate"])
    assert (result.exit_code, result.output) == (0, "")
    assert runner.invoke(main, ["generate", "--check"]).exit_code == 0


def test_the_page_of_series_lists_those_of_a_worker_and_an_intake() -> None:
    """Names are those that Prometheus scrapes. Counters end in _total."""
    health = Health()
    health.watch(TaskManager(KafkaCheckpointStore(Settings()), wall_clock=lambda: 0))
    health.registry.register(DiskCollector({}))
    exposed = generate_latest(health.registry) + generate_latest(IntakeMetrics().registry)
    types = re.findall(r"^# TYPE (cxgauge_\w+) (\w+)$", exposed.decode(), re.MULTILINE)
    scraped = {*types, *((name, "gauge") for name in resources.FAMILIES)}
    document = references.documents(main)["deploy/docs/series.md"].decode()
    documented = re.findall(r"^\| `(cxgauge_\w+)` \| (\w+) \|", document, re.MULTILINE)
    assert sorted(documented) == sorted(
        (name, kind) for name, kind in scraped if not name.endswith("_created")
    )


def test_check_lists_stale_files_and_writes_nothing(runner: CliRunner) -> None:
    """An edited table, a missing and a superfluous file are listed, with exit code 1."""
    runner.invoke(main, ["generate"])
    Path("README.md").write_text(TEXT)
    Path("schemas/generated/asyncapi.json").unlink()
    Path("schemas/generated/old.json").touch()
    Path("deploy/prometheus/rules/old.yml").touch()
    result = runner.invoke(main, ["generate", "--check"])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "README.md: is stale",
        "deploy/prometheus/rules/old.yml: is stale",
        "schemas/generated/asyncapi.json: is stale",
        "schemas/generated/old.json: is stale",
    ]
    assert Path("README.md").read_text() == TEXT
    runner.invoke(main, ["generate"])
    assert runner.invoke(main, ["generate", "--check"]).exit_code == 0


@pytest.mark.parametrize("text", [None, "# Title\n", "<!-- metrics:begin -->\n"])
def test_a_readme_without_markers_is_refused(runner: CliRunner, text: str | None) -> None:
    """The exit code is 1, with the missing markers, and nothing is written."""
    Path("README.md").unlink()
    if text is not None:
        Path("README.md").write_text(text)
    result = runner.invoke(main, ["generate"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: README.md: ")
    assert not Path("schemas").exists()
