"""The generated reference pages say what the services serve and what the decoder takes."""

import json
import re
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from msgspec import inspect
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.envelope import EVENTS
from schemas.examples import EXAMPLES
from schemas.fields import Data
from stream.cli import main, metric_reference, references
from stream.cli.event_reference import type_text
from stream.config import Settings
from stream.core.aggregation.feedback import Feedback
from stream.core.metrics import REGISTRY, business_hours, churn, csat, nps, resolution, retention
from stream.core.metrics.metric import Metric
from stream.exporter import unusual
from stream.intake.metrics import IntakeMetrics
from stream.kafka.reading import OffsetRange
from stream.worker.disk.folders import claim
from stream.worker.disk.local_state import LocalState, TopicFacts
from stream.worker.disk_metrics import DiskCollector
from tests.deploy.served import complete_exporter, serve_worker
from tests.support import single

PAGES = {path: content.decode() for path, content in references.documents(main).items()}
METRICS, EVENT_TYPES, SERIES = (PAGES[f"deploy/docs/{name}.md"] for name in ("metrics", "events", "series"))
VIEWS = Settings().metrics.views
WORKER_PREFIX = "cxgauge_"


def rows(page: str) -> Iterator[list[str]]:
    """Yield the cells of the rows of a page's tables, without marks of code."""
    for row in re.findall(r"^\| (.*) \|$", page, re.MULTILINE):
        yield [cell.strip().replace("`", "") for cell in row.split(" | ")]


def served(text: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the name, type and labels of every series, by the name of its family."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = family.name if family.type == "histogram" else sample.name
            labels = {key: value for key, value in sample.labels.items() if key != "le"}
            yield name, family.type, labels


@pytest.fixture(scope="module")
def exporter() -> list[tuple[str, str, dict[str, str]]]:
    """The series of an exporter with data for every metric but referrals."""
    return list(served(complete_exporter().exposition.plain.decode()))


@pytest.fixture(scope="module")
def worker() -> list[tuple[str, str, dict[str, str]]]:
    """The operational series of a worker with a partition."""
    with serve_worker() as port, urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    return [
        sample
        for sample in served(text)
        if sample[0].startswith(WORKER_PREFIX) and "_created" not in sample[0]
    ]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, dict[str, str]]]:
    """The series of a worker's databases, of which there is one."""
    local = LocalState(
        claim(tmp_path_factory.mktemp("state"), ["cluster"], None), {"feedback": TopicFacts(b"", 0)}
    )
    local.open(single(Feedback()), OffsetRange(0, 0))
    registry = CollectorRegistry()
    registry.register(DiskCollector(local.opened))
    text = generate_latest(registry).decode()
    local.stop()
    return served(text)


@pytest.fixture(scope="module")
def intake() -> list[tuple[str, str, dict[str, str]]]:
    """The operational series of an intake that has answered a request."""
    metrics = IntakeMetrics()
    metrics.count("shop", "accepted")
    series = served(generate_latest(metrics.registry).decode())
    return [
        sample for sample in series if sample[0].startswith(WORKER_PREFIX) and "_created" not in sample[0]
    ]


def test_series_have_the_labels_of_their_page(
    exporter: list[tuple[str, str, dict[str, str]]],
    worker: list[tuple[str, str, dict[str, str]]],
    disk: list[tuple[str, str, dict[str, str]]],
    intake: list[tuple[str, str, dict[str, str]]],
) -> None:
    """Those about the pipeline, of the worker, its databases and of the intake, with their types. A note has the label of its channel, too."""
    listed = {
        (name, kind, frozenset(filter(None, labels.split(", "))))
        for name, kind, labels, _ in (row for row in rows(SERIES) if len(row) == 4)
        if name.startswith("cx") and "view" not in labels
    }
    pipeline = [sample for sample in exporter if "view" not in sample[2]]
    samples = [*pipeline, *worker, *disk, *intake]
    seen = {(name, kind, frozenset(labels.keys() - {"channel"})) for name, kind, labels in samples}
    assert seen == listed


def test_metrics_have_the_labels_of_their_page(exporter: list[tuple[str, str, dict[str, str]]]) -> None:
    """Every series of a metric has its view's labels, those in its row and values that the page lists."""
    of_metrics = METRICS.partition("\n## Names of figures\n")[0]
    listed = {row[0]: row for row in rows(of_metrics) if row[0].startswith("cx_")}
    assert set(listed) == {family.name for metric in REGISTRY.values() for family in metric.families}
    for name, kind, labels in exporter:
        if "view" not in labels or name in unusual.FAMILIES:
            continue
        if name.endswith("_previous"):
            assert f"`{name}`" in METRICS
        _, type_, label_names, windowed, *_ = listed[name.removesuffix("_previous")]
        own_labels = label_names.split(", ") if label_names else []
        extra = ["window"] if windowed else []
        assert sorted(labels) == sorted(["view", *VIEWS[labels["view"]], *own_labels, *extra])
        assert kind == type_
        for label in own_labels:
            values = metric_reference.LABEL_VALUES[label]
            assert isinstance(values, str) or labels[label] in values


@pytest.mark.parametrize("metric", REGISTRY.values(), ids=REGISTRY)
def test_a_metric_is_described(metric: Metric) -> None:
    """Name, version, definition, formula, source; and the events that it does not count."""
    _, _, section = METRICS.partition(f"\n## {metric.title}\n")
    section = section.partition("\n## ")[0].replace("`", "")
    for text in (metric.definition, metric.formula, metric.source, metric.excluded, metric.example):
        assert text
        assert text in section
    assert f"{metric.name}, version {metric.version}, from cx." in section
    assert metric_reference.LABEL_VALUES.keys() >= {
        label for family in metric.families for label in family.labels
    }


def test_sample_sizes_and_bounds_are_those_of_panels_and_headlines() -> None:
    """A figure shown beside another without being its sample size does not count as one."""
    sizes, bounds = metric_reference.sample_sizes, metric_reference.bounds
    assert sizes(nps.METRIC, nps.SCORE) == [nps.RESPONSES]
    assert bounds(nps.METRIC, nps.SCORE) == (nps.LOW, nps.HIGH)
    assert sizes(csat.METRIC, csat.SCORE) == [csat.RESPONSES]
    assert bounds(csat.METRIC, csat.SCORE) == ()
    assert sizes(retention.METRIC, retention.RATIO) == [churn.OPENING]
    assert sizes(resolution.METRIC, resolution.OPEN) == []
    assert sizes(business_hours.METRIC, business_hours.RESPONSE) == [business_hours.RESPONSES]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TYPE)
def test_an_event_type_is_described(kind: type[Data]) -> None:
    """Every field of a type, once, and whether it is required; the dimensions have a section of their own."""
    _, _, section = EVENT_TYPES.partition(f"\n## {kind.TYPE}\n")
    listed = {row[0]: row for row in rows(section.partition("\n## ")[0])}
    if "[dimensions](#dimensions)" in listed:
        listed |= {
            row[0]: row for row in rows(EVENT_TYPES.partition("\n## Dimensions\n")[2].partition("\n## ")[0])
        }
    listed = {name: row for name, row in listed.items() if re.fullmatch(r"[a-z_]+", name)}
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    listed.pop("field")
    assert {name: row[1] == "yes" for name, row in listed.items()} == {
        field.encode_name: field.required for field in info.fields
    }
    assert all(row[2] and row[4] for row in listed.values())
    assert json.loads(EXAMPLES[kind])["data"].keys() <= listed.keys()


def test_a_type_without_a_text_is_named() -> None:
    """A field of a new kind must be described before the page can be written."""
    with pytest.raises(TypeError, match="add it to _TEXTS"):
        type_text(inspect.type_info(bytes))
