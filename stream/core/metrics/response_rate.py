"""Survey response rate."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stream.core.buckets import Window
from stream.core.metric import Family, Metric, Sample, Sight
from stream.core.tally import Tally, Vector

if TYPE_CHECKING:
    from stream.core.feedback import Answer

SURVEYS = ("nps", "csat", "ces", "exit")
OFFERED, ANSWERED, DISMISSED = range(3)

RATIO = Family(
    "cx_survey_response_ratio", "Share of the offers of the window that were answered, 0 to 1", ("survey",)
)
COUNTS = (
    Family("cx_survey_offered", "Surveys offered in the window", ("survey",)),
    Family("cx_survey_answered", "Offers of the window whose answer, given at any time, counts", ("survey",)),
    Family("cx_survey_dismissed", "Offers of the window that were dismissed", ("survey",)),
)


def vector(answer: "Answer") -> Vector:
    """What an offer adds, given what became of it."""
    made = {OFFERED: 1}
    if answer.counts:
        made[ANSWERED] = 1
    elif answer.dismissed:
        made[DISMISSED] = 1
    return made


def read(sight: Sight, _: Window) -> Iterator[Sample]:
    """The ratio where something was offered; the counts of every survey."""
    cells = sight.flow("response")
    for survey in SURVEYS:
        have = cells.get((survey,), {})
        if offered := have.get(OFFERED, 0):
            yield Sample(RATIO, (survey,), have.get(ANSWERED, 0) / offered)
        for component, family in enumerate(COUNTS):
            yield Sample(family, (survey,), have.get(component, 0))


METRIC = Metric(
    name="response_rate",
    title="Response rate",
    definition=(
        "Of the surveys offered in the window, the share whose answer counts, whenever it was given: by the offer's "
        "survey, dimensions and time. Dismissed and deleted answers do not count, premature ones do."
    ),
    formula="answered / offered",
    source="AAPOR Standard Definitions, response rate 1, with every offer eligible",
    example='cx_survey_response_ratio{view="total", window="7d", survey="nps"}',
    tallies=(Tally("response"),),
    families=(RATIO, *COUNTS),
    read=read,
)
