"""Expected metrics of a story, counted directly from its events without the product's own code."""

from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean

from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from stream.demo.story import TimedEvent

Series = tuple[str, frozenset[tuple[str, str]]]
"""The name and labels of a series."""


def series(name: str, **labels: str) -> Series:
    """Return a series."""
    return name, frozenset(labels.items())


def expected(story: Iterable[TimedEvent]) -> dict[Series, float]:
    """Return the values of the 30 d window, in total and by channel. All events must be in that window."""
    offers: list[FeedbackOffered] = []
    answers: dict[str, FeedbackSubmitted] = {}
    deleted: set[str] = set()
    for _, _, data in story:
        match data:
            case FeedbackOffered():
                offers.append(data)
            case FeedbackSubmitted():
                earlier = answers.get(data.feedback_id)
                answers[data.feedback_id] = (
                    data if earlier is None else max(earlier, data, key=lambda revised: revised.revision)
                )
            case FeedbackDeleted():
                deleted.add(data.feedback_id)
    kept = {feedback_id: answer for feedback_id, answer in answers.items() if feedback_id not in deleted}
    figures = dict(_figures(offers, kept, {"view": "total"}))
    for channel in sorted({offer.channel for offer in offers if offer.channel}):
        of_channel = [offer for offer in offers if offer.channel == channel]
        answers_there = {key: answer for key, answer in kept.items() if answer.channel == channel}
        figures |= _figures(of_channel, answers_there, {"view": "channel", "channel": channel})
    return figures


def _points(answer: FeedbackSubmitted) -> int:
    """Return the points of an NPS answer, whose mean is the score."""
    score = answer.score or 0
    return 100 * ((score >= 9) - (score <= 6))


def _figures(
    offers: list[FeedbackOffered], answers: Mapping[str, FeedbackSubmitted], view_labels: Mapping[str, str]
) -> Iterator[tuple[Series, float]]:
    labels = {**view_labels, "window": "30d"}
    scores: dict[str, list[int]] = {"nps": [], "csat": [], "ces": []}
    for answer in answers.values():
        if answer.score is not None:
            scores[answer.survey].append(answer.score)

    nps = scores["nps"]
    promoters, detractors = sum(score >= 9 for score in nps), sum(score <= 6 for score in nps)
    if nps:
        yield series("cx_nps_score", **labels), 100 * (promoters - detractors) / len(nps)
    yield series("cx_nps_responses", category="promoter", **labels), promoters
    yield series("cx_nps_responses", category="passive", **labels), len(nps) - promoters - detractors
    yield series("cx_nps_responses", category="detractor", **labels), detractors

    of_nps = [answer for answer in answers.values() if answer.survey == "nps" and answer.score is not None]
    for reason in {reason for answer in of_nps for reason in answer.reasons or ()}:
        without = [_points(answer) for answer in of_nps if reason not in (answer.reasons or ())]
        if without:
            impact = fmean(map(_points, of_nps)) - fmean(without)
            yield series("cx_nps_reason_impact", reason=reason, **labels), impact

    csat = scores["csat"]
    satisfied = sum(score >= 4 for score in csat)
    if csat:
        yield series("cx_csat_ratio", **labels), satisfied / len(csat)
        yield series("cx_csat_score", **labels), fmean(25 * (score - 1) for score in csat)
    yield series("cx_csat_responses", satisfied="true", **labels), satisfied
    yield series("cx_csat_responses", satisfied="false", **labels), len(csat) - satisfied

    ces = scores["ces"]
    easy = sum(score <= 2 for score in ces)
    if ces:
        yield series("cx_ces_score", **labels), fmean(25 * (5 - score) for score in ces)
        yield series("cx_ces_easy_ratio", **labels), easy / len(ces)
    yield series("cx_ces_responses", easy="true", **labels), easy
    yield series("cx_ces_responses", easy="false", **labels), len(ces) - easy

    for survey in scores:
        offered = [offer.feedback_id for offer in offers if offer.survey == survey]
        answered = sum(key in answers and answers[key].score is not None for key in offered)
        dismissed = sum(key in answers and answers[key].score is None for key in offered)
        yield series("cx_survey_offered", survey=survey, **labels), len(offered)
        yield series("cx_survey_answered", survey=survey, **labels), answered
        yield series("cx_survey_dismissed", survey=survey, **labels), dismissed
        if offered:
            yield series("cx_survey_response_ratio", survey=survey, **labels), answered / len(offered)
