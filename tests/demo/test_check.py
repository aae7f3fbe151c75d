from stream.demo.check import differences, format_series, parse_metrics
from stream.demo.expected import series

SCORE = series("cx_nps_score", view="channel", channel="web", window="30d")
EXPOSITION = """# HELP cx_nps_score Net Promoter Score
# TYPE cx_nps_score gauge
cx_nps_score{view="channel",channel="web",window="30d"} 33.333333333333336
"""


def test_figures_equal_up_to_rounding_are_no_difference():
    """A sum in another order is no fault."""
    assert differences({SCORE: 100 / 3 + 1e-12}, parse_metrics(EXPOSITION)) == []


def test_a_wrong_figure_is_named_with_both_values():
    """As PromQL writes the series."""
    assert differences({SCORE: 33}, parse_metrics(EXPOSITION)) == [
        'cx_nps_score{channel="web",view="channel",window="30d"}: expected 33, got 33.333333333333336'
    ]


def test_an_absent_figure_is_named():
    """Zero expected is not absent."""
    assert differences({SCORE: 0}, {}) == [f"{format_series(SCORE)}: expected 0, got no value"]
