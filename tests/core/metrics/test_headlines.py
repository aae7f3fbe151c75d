"""Headlines, and the names of tiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.metrics import REGISTRY, reasons
from stream.core.metrics.headlines import (
    DOMAIN_OF_FAMILY,
    HEADLINES,
    Tile,
    decode,
    encode,
    fits,
    label_pattern,
    matches,
)
from stream.core.metrics.metric import Metric

texts = st.text(max_size=5)


@pytest.mark.parametrize("registered", HEADLINES, ids=lambda registered: registered.headline.title)
def test_headlines_refer_to_existing_families(registered: object) -> None:
    """A headline has a value or None for every label, and its families exist in its metric."""
    headline, metric = registered.headline, registered.metric  # type: ignore[attr-defined]
    assert headline.family in metric.families
    assert len(label_pattern(headline)) == len(headline.family.labels)
    for family in (headline.low, headline.high):
        assert family is None or (family in metric.families and family.labels == headline.family.labels)
    assert headline.sample_size is None or headline.sample_size.name in DOMAIN_OF_FAMILY
    sample_labels = headline.sample_size.labels if headline.sample_size else ()
    assert headline.sample_labels.keys() <= set(sample_labels)
    # the stages of resolution count the same tickets, so they must never be added up
    assert "stage" not in set(sample_labels) - set(headline.family.labels) - headline.sample_labels.keys()
    assert headline.timeline_family is None or (
        headline.timeline_family in metric.families and headline.timeline_family.windowed
    )


def test_every_metric_but_the_reasons_has_a_headline() -> None:
    """A new metric needs a headline."""
    assert {name for name, metric in REGISTRY.items() if not metric.headlines} == {"reasons"}


def test_families_are_headlines_once() -> None:
    """The name of a tile is unique."""
    keys = [(registered.headline.family, label_pattern(registered.headline)) for registered in HEADLINES]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("metric", REGISTRY.values(), ids=REGISTRY)
def test_families_shown_together_have_one_unit(metric: Metric) -> None:
    """The names say ratio and seconds, as Prometheus' conventions ask; a panel's axis and a figure's bounds have one unit.

    The impact of a reason has the unit of its score, also without saying so.
    """
    for family in metric.families:
        assert ("_seconds" in family.name) is (family.unit == "seconds")
        of_ratio = "_ratio" in family.name or family.name.startswith(reasons.CSAT_IMPACT.name)
        assert of_ratio is (family.unit == "ratio")
    for panel in metric.panels:
        shown = [*(line.family for line in panel.lines), *(panel.bounds or ())]
        assert {family.unit for family in shown} == {panel.unit}
    for headline in metric.headlines:
        bounds = [family for family in (headline.low, headline.high) if family]
        assert {family.unit for family in bounds} <= {headline.unit}


@given(st.integers(0, len(HEADLINES) - 1), st.lists(texts, min_size=4, max_size=4))
def test_encoded_names_decode_to_the_tile(number: int, values: list[str]) -> None:
    """For any label values."""
    pattern = label_pattern(HEADLINES[number].headline)
    tile = Tile(
        number,
        tuple(value if label is None else label for label, value in zip(pattern, values, strict=False)),
    )
    assert fits(tile)
    assert decode(encode(tile)) == tile


@given(st.text() | st.text(alphabet="cx_nps_score/%2F0.9"))
def test_unknown_names_are_refused(name: str) -> None:
    """Unknown names are refused."""
    tile = decode(name)
    assert tile is None or fits(tile)


def test_samples_match_by_their_common_labels() -> None:
    """Samples of a survey match headlines with the same survey, or without the label."""
    by_name = {registered.headline.family.name: registered.headline for registered in HEADLINES}
    rate, score = by_name["cx_survey_response_ratio"], by_name["cx_nps_score"]
    assert rate.sample_size is not None
    assert matches(rate.sample_size, ("nps",), {"survey": "nps"})
    assert not matches(rate.sample_size, ("csat",), {"survey": "nps"})
    assert score.sample_size is not None
    assert matches(score.sample_size, ("promoter",), {})
