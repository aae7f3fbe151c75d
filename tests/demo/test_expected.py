import pytest

from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from stream.demo.expected import expected, series
from stream.demo.story import TimedEvent


def offered(number, survey="nps", channel="web"):
    """An offer."""
    return FeedbackOffered(feedback_id=f"f-{number}", survey=survey, channel=channel)


def answered(number, score, survey="nps", revision=0, channel="web"):
    """An answer."""
    return FeedbackSubmitted(
        feedback_id=f"f-{number}", survey=survey, score=score, revision=revision, channel=channel
    )


def figures(*data, **where):
    """What is expected of a story of these events, name and remaining labels to value, in one view."""
    at = {"window": "30d", **(where or {"view": "total"})}
    told = [TimedEvent(number, str(number), each) for number, each in enumerate(data)]
    return {
        (name, *sorted(value for key, value in labels if key not in at)): figure
        for (name, labels), figure in expected(told).items()
        if dict(labels).items() >= at.items()
    }


def test_nps_of_a_worked_case():
    """Four promoters, two passives, four detractors of ten."""
    found = figures(
        *(answered(number, score) for number, score in enumerate([10, 9, 9, 8, 7, 6, 3, 0, 10, 5]))
    )
    assert found["cx_nps_score",] == 0
    assert found["cx_nps_responses", "promoter"] == 4
    assert found["cx_nps_responses", "passive"] == 2
    assert found["cx_nps_responses", "detractor"] == 4


def test_csat_of_a_worked_case():
    """Five of eight satisfied, on a scale from 1 to 5."""
    scores = enumerate([5, 5, 4, 3, 2, 1, 4, 5])
    found = figures(*(answered(number, score, "csat") for number, score in scores))
    assert found["cx_csat_ratio",] == 0.625
    assert found["cx_csat_score",] == pytest.approx(65.625)
    assert (found["cx_csat_responses", "true"], found["cx_csat_responses", "false"]) == (5, 3)


def test_ces_of_a_worked_case():
    """Efforts, of which 1 and 2 are easy."""
    found = figures(*(answered(number, score, "ces") for number, score in enumerate([1, 2, 2, 5, 1])))
    assert found["cx_ces_score",] == 70
    assert found["cx_ces_easy_ratio",] == 0.8
    assert (found["cx_ces_responses", "true"], found["cx_ces_responses", "false"]) == (4, 1)


def test_the_highest_revision_counts_whatever_the_order():
    """Not the last one told."""
    found = figures(answered(1, 10), answered(1, 0, revision=2), answered(1, 8, revision=1))
    assert found["cx_nps_score",] == -100


def test_dismissed_and_deleted_answers_count_for_nothing_but_themselves():
    """Four offers, one answer left."""
    found = figures(
        *(offered(number) for number in range(4)),
        answered(0, 10),
        answered(1, None),
        answered(2, 0),
        FeedbackDeleted(feedback_id="f-2"),
    )
    assert found["cx_nps_score",] == 100
    assert found["cx_survey_offered", "nps"] == 4
    assert found["cx_survey_answered", "nps"] == 1
    assert found["cx_survey_dismissed", "nps"] == 1
    assert found["cx_survey_response_ratio", "nps"] == 0.25


def test_channels_have_figures_of_their_own():
    """The total is that of all answers, not of the channels' scores."""
    story = [offered(1), answered(1, 10), offered(2, channel="app"), answered(2, 3, channel="app")]
    story += [offered(3, channel="app"), answered(3, 2, channel="app")]
    assert figures(*story, view="channel", channel="web")["cx_nps_score",] == 100
    assert figures(*story, view="channel", channel="app")["cx_nps_score",] == -100
    assert figures(*story)["cx_nps_score",] == pytest.approx(-100 / 3)


def test_without_answers_there_is_no_score():
    """The counts are there, as zero."""
    found = figures(offered(1))
    assert ("cx_nps_score",) not in found
    assert found["cx_nps_responses", "promoter"] == 0
    assert ("cx_survey_response_ratio", "csat") not in found


def test_a_series_is_its_name_and_labels():
    """In whatever order the labels come."""
    assert series("cx", view="total", window="30d") == series("cx", window="30d", view="total")
