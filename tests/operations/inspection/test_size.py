"""Requirements for a rate of events."""

import re

import pytest
from click.testing import CliRunner

from schemas.topics import partition_of
from stream.cli import main
from stream.config import Settings, load
from stream.config.aggregation import aggregation_config
from stream.operations.inspection.size import SAMPLE, StorageEstimate, estimates, report, requirements
from tests.style.sources import ROOT

PAGE = (ROOT / "deploy" / "docs" / "sizing.md").read_text(encoding="utf-8")


def figures(text: str) -> dict[str, list[float]]:
    """Return the numbers of each row of a table by its label."""
    rows = re.findall(r"^ *(\w[\w :()]*?)((?: {2,}[\d,.]+)+)$", text, flags=re.MULTILINE)
    return {label: [float(cell.replace(",", "")) for cell in cells.split()] for label, cells in rows}


@pytest.fixture(scope="module")
def text() -> str:
    """Return the report for 100 events a second."""
    return report(100, Settings())


def test_estimates_per_event_are_in_range() -> None:
    """An answer and its customer are entities, three ticket events are one, each of the documented size."""
    answers, tickets, orders = estimates(aggregation_config(Settings()))
    assert 1 <= answers.entities <= 2.05
    assert round(tickets.entities, 2) == 0.33
    assert 1 <= orders.entities <= 1.2
    for need in (answers, tickets, orders):
        assert 50 < need.topic / need.entities < 400
        assert need.topic < need.memory < 1_000 * need.entities
        assert 200 < need.inputs < 1_500


def test_caches_do_not_count_as_entities() -> None:
    """A cache that grows during the measurement is not part of an entity."""
    partition_of.cache_clear()
    for n in range(43_000):  # the cache doubles at 43,691 keys
        partition_of(b"k-%d" % n, 1)
    assert estimates(aggregation_config(Settings()))[0].memory < 1_000


def test_needs_grow_with_the_rate(text: str) -> None:
    """100 ticket events a second are kept for 38 days."""
    events = 100 * 38 * 86_400
    rows = figures(text)
    assert rows["kept (days)"] == [31, 38, 38]
    assert rows["entities (million)"][1] == pytest.approx(events / 3 / 1e6, rel=0.01)
    assert f"Measured on {SAMPLE:,}" in text


def test_requirements_follow_from_the_estimate() -> None:
    """10,000 answers a second of 100 B of state, kept for 10 days, are 8.64 billion, on workers of 8 or 100 GB."""
    topics = load(None, {"CXGAUGE_TOPICS_REPLICATION_FACTOR": "3", "CXGAUGE_TOPICS_RETENTION": "20d"}).topics
    need = requirements(
        StorageEstimate("answers", 1, 200, 100, inputs=500, kept=10 * 86_400_000), 10_000, topics
    )
    assert need.entities == 8.64e9
    assert need.state_topic == 864e9
    assert need.broker_disk == 3 * (20 * 86_400 * 10_000 * 500 + 2 * 864e9)
    assert need.brokers == 16
    assert need.memory_workers == 216
    assert need.memory_start == 8.64e9 / 50_000 / 216
    assert need.local_disk == 2 * 1.5 * 864e9
    assert need.disk_workers == 26


def test_workers_can_count_twice_the_rate() -> None:
    """Without much state, throughput decides."""
    estimate = StorageEstimate("answers", 1, 1, 1, inputs=1, kept=1)
    need = requirements(estimate, 100_000, Settings().topics)
    assert need.memory_workers == 8
    assert need.disk_workers > need.memory_workers


def test_the_tables_of_the_page_are_those_of_the_command() -> None:
    """Sizes of Python's objects differ somewhat between its versions."""
    settings = load(None, {"CXGAUGE_TOPICS_REPLICATION_FACTOR": "3"})
    rates = 1, 100, 10_000
    tables = PAGE.split(" events per second need")
    assert [table.split()[-1] for table in tables[:-1]] == [f"{rate:,}" for rate in rates]
    for rate, table in zip(rates, tables[1:], strict=True):
        expected, documented = figures(report(rate, settings)), figures(table)
        assert len(expected) == 14
        assert documented.keys() == expected.keys()
        for label, cells in expected.items():
            assert documented[label] == pytest.approx(cells, rel=0.1), f"{rate}: {label}"


def test_the_size_option_needs_no_broker() -> None:
    """No broker is needed. The rate must be above zero."""
    result = CliRunner().invoke(main, ["doctor", "--size", "0.5"])
    assert result.exit_code == 0
    assert result.stdout.startswith("0.5 events per second need")
    assert CliRunner().invoke(main, ["doctor", "--size", "0"]).exit_code == 2
