"""Which label sets are within another one, and which panes have reason codes."""

import pytest

from stream.core.detection.incident import CARRIED, Panes
from stream.core.detection.judge import Judge
from stream.core.detection.streams import STREAMS
from stream.core.model.aggregates.feedback import ReasonsLayout
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.rolling import RollingWindows
from tests.support import aggregation_config

VIEWS = {"total": (), "channel": ("channel",), "plan": ("plan",), "both": ("plan", "channel"), "all": ()}
APP, WEB = LabelSet("channel", ("app",)), LabelSet("channel", ("web",))
PRO_APP, PRO_WEB = LabelSet("both", ("pro", "app")), LabelSet("both", ("pro", "web"))


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        (APP, TOTAL_LABELS, True),
        (PRO_APP, TOTAL_LABELS, True),
        (PRO_APP, APP, True),
        (PRO_WEB, APP, False),
        (APP, PRO_APP, False),
        (APP, APP, False),
        (WEB, APP, False),
        (LabelSet("plan", ("app",)), APP, False),
        (TOTAL_LABELS, APP, False),
        (TOTAL_LABELS, TOTAL_LABELS, False),
    ],
)
def test_a_label_set_is_within_another_if_it_has_its_labels(
    inner: LabelSet, outer: LabelSet, expected: bool
) -> None:
    """A value of another label does not count, and nothing is within itself."""
    windows = RollingWindows(aggregation_config(views=VIEWS), [])
    assert Panes(Judge(windows, []), windows, 0).within(inner, outer) is expected


def test_codes_are_those_of_the_survey_and_of_its_worst_class() -> None:
    """Of detractors, and not of exit surveys."""
    source = CARRIED["nps"].reasons
    assert source is not None
    entries = [
        (("nps", "slow"), ReasonsLayout.DETRACTORS, 3),
        (("nps", "slow"), ReasonsLayout.ANSWERS, 9),
        (("nps", "slow"), ReasonsLayout.DETRACTORS, 4),
        (("csat", "slow"), ReasonsLayout.DETRACTORS, 5),
        (("exit", "price"), ReasonsLayout.ANSWERS, 6),
    ]
    assert source.codes(entries) == {"slow": 7}


def test_carried_streams_count_one_part() -> None:
    """It is one of those of the stream."""
    widths = {stream.of: stream.width for stream in STREAMS}
    assert all(carried.part < widths[of] for of, carried in CARRIED.items())
