"""What an answer contributes, as a pure function of its facts."""

from functools import lru_cache
from typing import Literal

from schemas.feedback import Scale
from stream.core.book import project
from stream.core.buckets import HOUR
from stream.core.feedback.facts import Answer, Said
from stream.core.metrics import ces, csat, nps, response_rate
from stream.core.rules import Rules
from stream.core.tally import Contribution, Vector

Fate = Literal["offered", "answered", "dismissed"]
"""What became of an offer."""


def derive(answer: Answer, rules: Rules) -> list[Contribution]:
    """What an answer and its offer contribute: the former its own, the latter to the response rate."""
    said = answer.said if answer.deleted is None else None
    made = [] if said is None else _derive_said(said, answer.minute, rules)
    if (offer := answer.offer) is not None:
        fate: Fate = "offered" if said is None else "answered" if said.counts else "dismissed"
        vector = response_rate.vector(fate)
        values = project(offer.values, rules)
        made.append(Contribution("response", values, (offer.survey,), offer.minute, vector))
    return made


def _derive_said(said: Said, minute: int, rules: Rules) -> list[Contribution]:
    """What an answer contributes at its minute: its score and its reasons."""
    survey, made = said.survey, []
    values = rules.projected.get(said.values) or project(said.values, rules)
    if (score := said.score) is not None and (
        vector := scored(survey, score, said.scale, said.direction, said.premature)
    ):
        made.append(Contribution(survey, values, (), minute, vector))
    if said.reasons and said.counts:
        made += [Contribution("reasons", values, (survey, code), minute, {0: 1}) for code in said.reasons]
    return made


@lru_cache(maxsize=4_096)
def scored(survey: str, score: int, scale: Scale | None, direction: str | None, premature: bool) -> Vector:
    """What a score adds to its survey's tally; empty for a survey without one. One object for all: not to be changed."""
    match survey:
        case "nps":
            return nps.vector(score, premature)
        case "csat":
            return csat.vector(score, scale)
        case "ces":
            return ces.vector(score, scale, direction)
    return {}


def until(minute: int, rules: Rules) -> int:
    """The watermark in ms at which an answer is forgotten whose newest event is of that minute."""
    return (minute // 60 + 1) * HOUR + rules.lateness
