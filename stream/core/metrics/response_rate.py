"""Survey response rate."""

from collections.abc import Iterator
from typing import Literal

from stream.core.alerts.alert import Alert, Record, Threshold
from stream.core.alerts.promql import Z, both, complete, wilson_high, wilson_low
from stream.core.alerts.words import PERCENT, WHERE, of, sentence, value
from stream.core.buckets import Window
from stream.core.metric import Family, Headline, Line, Metric, Panel, Sample, Sight
from stream.core.tally import Tally, Vector

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

OWN = ("survey",)


def vector(fate: Literal["offered", "answered", "dismissed"]) -> Vector:
    """What an offer adds, given what became of it."""
    match fate:
        case "answered":
            return {OFFERED: 1, ANSWERED: 1}
        case "dismissed":
            return {OFFERED: 1, DISMISSED: 1}
    return {OFFERED: 1}


def read(sight: Sight, _: Window) -> Iterator[Sample]:
    """The ratio where something was offered; the counts of every survey."""
    cells = sight.flow("response")
    for survey in SURVEYS:
        have = cells.get((survey,), {})
        if offered := have.get(OFFERED, 0):
            yield Sample(RATIO, (survey,), have.get(ANSWERED, 0) / offered)
        for component, family in enumerate(COUNTS):
            yield Sample(family, (survey,), have.get(component, 0))


SHARE = Threshold(
    "response_rate_share",
    0.5,
    "Of the usual response rate so much is left: the latest offers may still be answered",
)
LEAST = Threshold("response_rate_offers", 30, "Offers a day below which nobody is told")


def _before(family: Family) -> str:
    """Of the month without the last day."""
    return complete(f'({family.name}{{window="30d"}} - ignoring (window) {family.name}{{window="24h"}})')


ALERTS = (
    Alert(
        name="CxResponseRateFall",
        severity="ticket",
        domain="feedback",
        window="24h",
        for_="5m",
        keep_firing_for="1h",
        records=(
            Record("cx:response_rate:value", complete(f'{RATIO.name}{{window="24h"}}')),
            Record("cx:response_rate:n", complete(f'{COUNTS[OFFERED].name}{{window="24h"}}')),
            Record("cx:response_rate:bound", wilson_high("cx:response_rate:value", "cx:response_rate:n")),
            Record("cx:response_rate:offered", _before(COUNTS[OFFERED])),
            Record("cx:response_rate:past", f"{_before(COUNTS[ANSWERED])} / cx:response_rate:offered"),
            Record("cx:response_rate:usual", wilson_low("cx:response_rate:past", "cx:response_rate:offered")),
        ),
        expr=both(
            "cx:response_rate:value",
            f"cx:response_rate:bound < {SHARE} * cx:response_rate:usual",
            f"cx:response_rate:n >= {LEAST}",
        ),
        thresholds=(Z, SHARE, LEAST),
        summary=sentence(
            f"{value(PERCENT)} of {of('cx:response_rate:n')} surveys{WHERE} offered within a day were answered (at most "
            f"{of('cx:response_rate:bound', PERCENT)} by the bound, usual are at least {of('cx:response_rate:usual', PERCENT)})"
        ),
        description="Customers no longer answer, or can no longer: every score is of fewer people than before.",
    ),
)

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
    panels=(
        Panel(
            title="Response rate",
            lines=(Line(RATIO, by=OWN),),
            unit="percentunit",
            samples=(Line(COUNTS[OFFERED], by=OWN),),
            least=0,
            most=1,
        ),
        Panel(
            title="Answered and dismissed",
            lines=(Line(COUNTS[ANSWERED], "answered", OWN), Line(COUNTS[DISMISSED], "dismissed", OWN)),
        ),
    ),
    read=read,
    alerts=ALERTS,
    headlines=(
        Headline("Response rate", RATIO, "ratio", "higher", (None,), n=COUNTS[OFFERED], over_time=RATIO),
    ),
)
