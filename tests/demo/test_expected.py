import pytest

from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from stream.demo.expected import expected, series
from stream.demo.story import TimedEvent


def offered(number, survey="nps", channel="web"):
    """Return an offer."""
    return FeedbackOffered(feedback_id=f"f-{number}", survey=survey, channel=channel)


def answered(number, score, survey="nps", revision=0, channel="web"):
    """Return an answer."""
    return FeedbackSubmitted(
        feedback_id=f"f-{number}", survey=survey, score=score, revision=revision, channel=channel
    )


def figures(*data, **filters):
    """Return the expected figures of these events in one view, by name and remaining labels."""
    labels_of_view = {"window": "30d", **(filters or {"view": "total"})}
    events = [TimedEvent(number, str(number), event_data) for number, event_data in enumerate(data)]
    return {
        (name, *sorted(value for key, value in labels if key not in labels_of_view)): figure
        for (name, labels), figure in expected(events).items()
        if dict(labels).items() >= labels_of_view.items()
    }


def test_nps_of_a_worked_case():
    """Four promoters, two passives, four detractors of ten."""
    actual = figures(
        *(answered(number, score) for number, score in enumerate([10, 9, 9, 8, 7, 6, 3, 0, 10, 5]))
    )
    assert actual["cx_nps_score",] == 0
    assert actual["cx_nps_responses", "promoter"] == 4
    assert actual["cx_nps_responses", "passive"] == 2
    assert actual["cx_nps_responses", "detractor"] == 4


def test_the_impact_of_a_reason():
    """An NPS of 0. Without the answer that names the reason it is 100."""
    slow = FeedbackSubmitted(feedback_id="slow", survey="nps", score=3, channel="web", reasons=("slow",))
    assert figures(slow, answered(1, 9))["cx_nps_reason_impact", "slow"] == -100


def test_csat_of_a_worked_case():
    """Five of eight satisfied, on a scale from 1 to 5."""
    scores = enumerate([5, 5, 4, 3, 2, 1, 4, 5])
    actual = figures(*(answered(number, score, "csat") for number, score in scores))
    assert actual["cx_csat_ratio",] == 0.625
    assert actual["cx_csat_score",] == pytest.approx(65.625)
    assert (actual["cx_csat_responses", "true"], actual["cx_csat_responses", "false"]) == (5, 3)


def test_ces_of_a_worked_case():
    """Efforts, of which 1 and 2 are easy."""
    actual = figures(*(answered(number, score, "ces") for number, score in enumerate([1, 2, 2, 5, 1])))
    assert actual["cx_ces_score",] == 70
    assert actual["cx_ces_easy_ratio",] == 0.8
    assert (actual["cx_ces_responses", "true"], actual["cx_ces_responses", "false"]) == (4, 1)


def test_the_highest_revision_counts_in_any_order():
    """The order of arrival does not matter."""
    actual = figures(answered(1, 10), answered(1, 0, revision=2), answered(1, 8, revision=1))
    assert actual["cx_nps_score",] == -100


def test_dismissed_and_deleted_answers_are_no_responses():
    """Four offers, one answer left."""
    actual = figures(
        *(offered(number) for number in range(4)),
        answered(0, 10),
        answered(1, None),
        answered(2, 0),
        FeedbackDeleted(feedback_id="f-2"),
    )
    assert actual["cx_nps_score",] == 100
    assert actual["cx_survey_offered", "nps"] == 4
    assert actual["cx_survey_answered", "nps"] == 1
    assert actual["cx_survey_dismissed", "nps"] == 1
    assert actual["cx_survey_response_ratio", "nps"] == 0.25


def test_channels_have_separate_figures():
    """The total is that of all answers, not of the channels' scores."""
    events = [offered(1), answered(1, 10), offered(2, channel="app"), answered(2, 3, channel="app")]
    events += [offered(3, channel="app"), answered(3, 2, channel="app")]
    assert figures(*events, view="channel", channel="web")["cx_nps_score",] == 100
    assert figures(*events, view="channel", channel="app")["cx_nps_score",] == -100
    assert figures(*events)["cx_nps_score",] == pytest.approx(-100 / 3)


def test_without_answers_there_is_no_score():
    """The counts are 0."""
    actual = figures(offered(1))
    assert ("cx_nps_score",) not in actual
    assert actual["cx_nps_responses", "promoter"] == 0
    assert ("cx_survey_response_ratio", "csat") not in actual


def test_a_series_is_identified_by_name_and_labels():
    """The order of the labels does not matter."""
    assert series("cx", view="total", window="30d") == series("cx", window="30d", view="total")
