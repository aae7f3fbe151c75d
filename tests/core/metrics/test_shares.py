"""Shares with their bounds, wherever a metric shows one."""

import pytest

from stream.core.metrics import ces, first_response
from stream.core.model.confidence import wilson
from tests.exporter.live.world import shop
from tests.exporter.memory import Worker, exporter, feed, refresh


@pytest.fixture(scope="module")
def page() -> dict[str, float]:
    """What an exporter of a shop serves."""
    shown = exporter()
    feed(shown, Worker(shown)(shop()))
    return refresh(shown)


def both(page: dict[str, float], family: str, labels: str) -> tuple[float, float]:
    """The bounds that are served."""
    return page[f"{family}_low{{{labels}}}"], page[f"{family}_high{{{labels}}}"]


@pytest.mark.parametrize("window", ["1h", "24h", "7d", "30d"])
def test_bounds_are_those_of_the_parts(page: dict[str, float], window: str) -> None:
    """Wilson's, of the successes and the sample size beside them."""
    where = f'view="total",window="{window}"'
    easy, hard = (page[f'cx_ces_responses{{{where},easy="{each}"}}'] for each in ("true", "false"))
    assert both(page, "cx_ces_easy_ratio", where) == wilson(int(easy), int(easy + hard))
    within, n = page[f"cx_first_responses_within_target{{{where}}}"], page[f"cx_first_responses{{{where}}}"]
    if n:
        assert both(page, "cx_first_response_within_target_ratio", where) == wilson(int(within), int(n))


def test_nothing_without_a_share(page: dict[str, float]) -> None:
    """Bounds come and go with it, in every view."""
    for metric in (ces, first_response):
        for family in metric.METRIC.families:
            if family.name.endswith("_low"):
                share = family.name.removesuffix("_low")
                have = {name.partition("{")[2] for name in page if name.startswith(f"{share}{{")}
                for side in ("low", "high"):
                    assert have == {
                        name.partition("{")[2] for name in page if name.startswith(f"{share}_{side}{{")
                    }
                assert have
