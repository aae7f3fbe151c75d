"""Requirements for a rate of events."""

import pytest
from click.testing import CliRunner

from schemas.topics import partition_of
from stream.cli import main
from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.operations.inspection.size import SAMPLE, estimates, report


@pytest.fixture(scope="module")
def text() -> str:
    """Return the report for 100 events a second."""
    return report(100, aggregation_config(Settings()))


def test_estimates_per_event_are_in_range() -> None:
    """An answer and its customer are entities, three ticket events are one, each of the documented size."""
    answers, tickets, orders = estimates(aggregation_config(Settings()))
    assert 1 <= answers.entities <= 2.05
    assert round(tickets.entities, 2) == 0.33
    assert 1 <= orders.entities <= 1.2
    for need in (answers, tickets, orders):
        assert 50 < need.topic / need.entities < 400
        assert need.topic < need.memory < 1_000 * need.entities


def test_caches_do_not_count_as_entities() -> None:
    """A cache that grows during the measurement is not part of an entity."""
    partition_of.cache_clear()
    for n in range(43_000):  # the cache doubles at 43,691 keys
        partition_of(b"k-%d" % n, 1)
    assert estimates(aggregation_config(Settings()))[0].memory < 1_000


def test_needs_grow_with_the_rate(text: str) -> None:
    """100 ticket events a second are kept for 38 days."""
    line = next(line for line in text.splitlines() if line.startswith("ticket events, kept 38 d"))
    events = 100 * 38 * 86_400
    assert int(line.split()[5].replace(",", "")) == pytest.approx(events / 3, rel=0.01)
    assert f"Measured on {SAMPLE:,}" in text
    assert "With worker.state_dir a worker has some 250 MB" in text


def test_the_size_option_needs_no_broker() -> None:
    """No broker is needed. The rate must be above zero."""
    result = CliRunner().invoke(main, ["doctor", "--size", "0.5"])
    assert result.exit_code == 0
    assert result.stdout.startswith("0.5 events per second need")
    assert CliRunner().invoke(main, ["doctor", "--size", "0"]).exit_code == 2
