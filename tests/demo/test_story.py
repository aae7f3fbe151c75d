import pytest

from schemas.codec import make
from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from stream.demo.story import CHANNELS, DAY, HISTORY, MINUTE, SURVEYS, TOUCHPOINTS, Story

NOW = 1_790_000_000_000


@pytest.fixture(scope="module")
def history():
    """The history of the demo."""
    return Story().history(NOW)


def scores(events, channel, touchpoint):
    """Return the NPS scores of a channel and a touchpoint."""
    return [
        event.data.score
        for event in events
        if isinstance(event.data, FeedbackSubmitted)
        and (event.data.survey, event.data.channel, event.data.touchpoint) == ("nps", channel, touchpoint)
        and event.data.score is not None
    ]


def test_the_same_seed_gives_the_same_story(history):
    """Another seed gives another story."""
    assert Story().history(NOW) == history
    assert Story(seed=2).history(NOW) != history


def test_events_are_sorted_and_within_29_days(history):
    """No event is ahead of the clock, none near the edge of the longest window."""
    times = [event.time for event in history]
    assert times == sorted(times)
    assert times[0] >= NOW - HISTORY
    assert times[-1] <= NOW


def test_every_window_has_answers(history):
    """There are more answers near the present."""
    answered = [event.time for event in history if isinstance(event.data, FeedbackSubmitted)]
    for window, minimum in ((5 * MINUTE, 10), (60 * MINUTE, 50), (DAY, 300), (7 * DAY, 1_000)):
        assert sum(at > NOW - window for at in answered) >= minimum


def test_every_event_is_valid_and_has_an_id_of_its_own(history):
    """Events are valid for readers of the topic."""
    for event in history:
        make(event.data, id=event.id, source="/demo", time=event.time)
    assert len({event.id for event in history}) == len(history)


def test_all_kinds_of_events_and_dimensions_occur(history):
    """Offers, answers of each survey, dismissals, edits and deletions occur, in all channels and touchpoints."""
    data = [event.data for event in history]
    answers = [event_data for event_data in data if isinstance(event_data, FeedbackSubmitted)]
    assert {type(event_data) for event_data in data} == {FeedbackOffered, FeedbackSubmitted, FeedbackDeleted}
    assert {event_data.survey for event_data in answers} == set(SURVEYS)
    assert {event_data.channel for event_data in answers} == set(CHANNELS)
    assert {event_data.touchpoint for event_data in answers} == set(TOUCHPOINTS)
    assert {event_data.revision for event_data in answers} == {0, 1}
    assert any(event_data.score is None for event_data in answers)
    assert any(event_data.reasons for event_data in answers)


def test_checkout_scores_of_the_app_fall_three_days_ago(history):
    """Its scores fall, those of the web do not."""
    before = [event for event in history if event.time < NOW - 3 * DAY]
    after = [event for event in history if event.time > NOW - 3 * DAY]

    def mean(events, channel):
        figures_found = scores(events, channel, "checkout")
        return sum(figures_found) / len(figures_found)

    assert mean(after, "app") < mean(before, "app") - 3
    assert abs(mean(after, "web") - mean(before, "web")) < 1


def test_new_visits_are_in_the_present(history):
    """All events of a visit are at the given moment, with new IDs."""
    visitors = Story(name="visitor")
    going_on = [event for _ in range(50) for event in visitors.visit(NOW)]
    assert {event.time for event in going_on} == {NOW}
    assert {type(event.data) for event in going_on} >= {FeedbackOffered, FeedbackSubmitted}
    assert len({event.id for event in going_on}) == len(going_on)
    assert not {event.id for event in going_on} & {event.id for event in history}
