import pytest

from schemas.codec import make
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from stream.demo.story import CHANNELS, DAY, HISTORY, MINUTE, SURVEYS, TOUCHPOINTS, Story

NOW = 1_790_000_000_000


@pytest.fixture(scope="module")
def history():
    """The story as the demo tells it."""
    return Story().history(NOW)


def scores(events, channel, touchpoint):
    """Of its NPS answers."""
    return [
        event.data.score
        for event in events
        if isinstance(event.data, FeedbackSubmitted)
        and (event.data.survey, event.data.channel, event.data.touchpoint) == ("nps", channel, touchpoint)
        and event.data.score is not None
    ]


def test_the_same_seed_tells_the_same_story(history):
    """And another seed another one."""
    assert Story().history(NOW) == history
    assert Story(seed=2).history(NOW) != history


def test_it_is_told_in_order_and_within_29_days(history):
    """No event is ahead of the clock, none near the edge of the longest window."""
    times = [event.time for event in history]
    assert times == sorted(times)
    assert times[0] >= NOW - HISTORY
    assert times[-1] <= NOW


def test_every_window_has_answers(history):
    """The nearer to the present the denser."""
    answered = [event.time for event in history if isinstance(event.data, FeedbackSubmitted)]
    for window, least in ((5 * MINUTE, 10), (60 * MINUTE, 50), (DAY, 300), (7 * DAY, 1_000)):
        assert sum(at > NOW - window for at in answered) >= least


def test_every_event_is_valid_and_has_an_id_of_its_own(history):
    """As a reader of the topic would judge it."""
    for event in history:
        make(event.data, id=event.id, source="/demo", time=event.time)
    assert len({event.id for event in history}) == len(history)


def test_all_kinds_of_events_and_dimensions_occur(history):
    """Offers, answers of each survey, dismissals, edits, deletions; all channels and touchpoints."""
    data = [event.data for event in history]
    answers = [each for each in data if isinstance(each, FeedbackSubmitted)]
    assert {type(each) for each in data} == {FeedbackOffered, FeedbackSubmitted, FeedbackDeleted}
    assert {each.survey for each in answers} == set(SURVEYS)
    assert {each.channel for each in answers} == set(CHANNELS)
    assert {each.touchpoint for each in answers} == set(TOUCHPOINTS)
    assert {each.revision for each in answers} == {0, 1}
    assert any(each.score is None for each in answers)
    assert any(each.reasons for each in answers)


def test_the_app_got_a_bad_checkout_three_days_ago(history):
    """Its scores fall, those of the web do not."""
    before = [event for event in history if event.time < NOW - 3 * DAY]
    after = [event for event in history if event.time > NOW - 3 * DAY]

    def mean(events, channel):
        found = scores(events, channel, "checkout")
        return sum(found) / len(found)

    assert mean(after, "app") < mean(before, "app") - 3
    assert abs(mean(after, "web") - mean(before, "web")) < 1


def test_visits_go_on_in_the_present(history):
    """All of a visit at the moment given, under ids that the history does not use."""
    visitors = Story(name="visitor")
    going_on = [event for _ in range(50) for event in visitors.visit(NOW)]
    assert {event.time for event in going_on} == {NOW}
    assert {type(event.data) for event in going_on} >= {FeedbackOffered, FeedbackSubmitted}
    assert len({event.id for event in going_on}) == len(going_on)
    assert not {event.id for event in going_on} & {event.id for event in history}
