from stream.demo.check import differences, label, shown
from stream.demo.expected import series

SCORE = series("cx_nps_score", view="channel", channel="web", window="30d")
EXPOSITION = """# HELP cx_nps_score Net Promoter Score
# TYPE cx_nps_score gauge
cx_nps_score{view="channel",channel="web",window="30d"} 33.333333333333336
"""


def test_figures_equal_up_to_rounding_are_no_difference():
    """A sum in another order is no fault."""
    assert differences({SCORE: 100 / 3 + 1e-12}, shown(EXPOSITION)) == []


def test_a_wrong_figure_is_named_with_both_values():
    """As PromQL writes the series."""
    assert differences({SCORE: 33}, shown(EXPOSITION)) == [
        'cx_nps_score{channel="web",view="channel",window="30d"}: 33 was expected, 33.333333333333336 is shown'
    ]


def test_an_absent_figure_is_named():
    """Zero expected is not absent."""
    assert differences({SCORE: 0}, {}) == [f"{label(SCORE)}: 0 was expected, nothing is shown"]
