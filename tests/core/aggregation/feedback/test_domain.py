"""Answers, counted: revisions, deletions, duplicates, offers, reasons."""

from typing import Any

import pytest

from schemas.feedback import FeedbackDeleted, FeedbackOffered, FeedbackSubmitted
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import csat, nps, reasons, response_rate
from tests.support import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    Event,
    aggregation_config,
    count,
    figures,
    records,
    single,
)


def answer(feedback: str, score: int | None, at: int = NOW, stamp: int | None = None, **more: Any) -> Event:
    data = FeedbackSubmitted(feedback_id=feedback, survey=more.pop("survey", "nps"), score=score, **more)
    return Event(data, at, at if stamp is None else stamp)


def offer(feedback: str, at: int = NOW, **more: Any) -> Event:
    return Event(FeedbackOffered(feedback_id=feedback, survey=more.pop("survey", "nps"), **more), at, at)


def deletion(feedback: str, at: int = NOW) -> Event:
    return Event(FeedbackDeleted(feedback_id=feedback), at, at)


def outcomes(partition: PartitionTask) -> dict[str, int]:
    return {outcome: n for outcome, n in partition.outcome_counts.items() if n}


def score(partition: PartitionTask, now: int = NOW, **where: Any) -> float | None:
    return figures(nps.METRIC, partition, now, **where).get(("cx_nps_score",))


def test_a_higher_revision_replaces_the_answer_in_its_first_bucket() -> None:
    """NPS-4a and 4b: an edit two hours later counts where the answer was first given."""
    first = [answer("r1", 3), answer("r2", 9), answer("r3", 6)]
    assert score(count(Feedback(), first)) == pytest.approx(-100 / 3)
    edit = answer("r1", 9, NOW + 2 * HOUR, revision=2)
    edited = count(Feedback(), [*first, edit])
    assert score(edited, window="24h") == pytest.approx(100 / 3)
    assert score(edited, NOW + 2 * HOUR, window="1h") is None
    assert score(edited, NOW + 2 * HOUR, window="24h") == pytest.approx(100 / 3)


def test_the_same_update_again_is_a_duplicate() -> None:
    """NPS-4c: a revision that is known changes nothing."""
    edit = answer("r1", 9, NOW + MINUTE, revision=2)
    partition = count(Feedback(), [answer("r1", 3), answer("r2", 9), answer("r3", 6), edit, edit])
    assert score(partition, NOW + MINUTE) == pytest.approx(100 / 3)
    assert outcomes(partition) == {"accepted": 4, "duplicate": 1}


def test_an_older_revision_that_arrives_late_is_a_duplicate_but_moves_the_bucket() -> None:
    """The answer sits where it was first given, whatever arrives when."""
    partition = count(
        Feedback(), [answer("r", 9, NOW, revision=2), answer("r", 0, NOW - 2 * HOUR, NOW, revision=1)]
    )
    assert outcomes(partition) == {"accepted": 1, "duplicate": 1}
    assert score(partition, NOW, window="1h") is None
    assert score(partition, NOW - 2 * HOUR, window="24h") == 100


def test_dismissed_answers_do_not_count() -> None:
    """NPS-3: 50.0 with n 4, not 33.33."""
    events = [answer(f"r{i}", s) for i, s in enumerate([10, 10, 9, 2, None, None])]
    assert score(count(Feedback(), events)) == 50


def test_an_answer_before_its_transaction_is_counted_apart() -> None:
    """Premature answers are in no score, but answered and with their reasons."""
    from schemas.times import from_ms  # noqa: PLC0415

    early = answer("r", 9, transaction_time=from_ms(NOW + 1), reasons=("speed",))
    partition = count(Feedback(), [offer("r"), early])
    shown = figures(nps.METRIC, partition, NOW)
    assert shown["cx_nps_premature_responses",] == 1
    assert ("cx_nps_score",) not in shown
    assert figures(response_rate.METRIC, partition, NOW)["cx_survey_response_ratio", "nps"] == 1
    assert figures(reasons.METRIC, partition, NOW) == {("cx_feedback_reasons", "nps", "speed"): 1}


def test_deleting_takes_the_answer_and_leaves_the_offer_for_good() -> None:
    """A revision after the deletion is accepted and contributes nothing."""
    partition = count(
        Feedback(), [offer("r"), answer("r", 9), deletion("r"), answer("r", 10, revision=1), deletion("r")]
    )
    assert outcomes(partition) == {"accepted": 4, "duplicate": 1}
    assert score(partition) is None
    rate = figures(response_rate.METRIC, partition, NOW)
    assert (rate["cx_survey_offered", "nps"], rate["cx_survey_answered", "nps"]) == (1, 0)


def test_a_deletion_may_come_first() -> None:
    """Order does not matter."""
    assert score(count(Feedback(), [deletion("r"), answer("r", 9)])) is None


def test_the_response_rate_goes_by_the_offer() -> None:
    """CSAT-4: 40 offers, 10 answers: 25 %, in the offers' bucket."""
    offers = [offer(f"r{i}", NOW - 3 * HOUR, survey="csat") for i in range(40)]
    answers = [answer(f"r{i}", 5 if i < 8 else 1, survey="csat") for i in range(10)]
    partition = count(Feedback(), [*offers, *answers])
    then = figures(response_rate.METRIC, partition, NOW - 3 * HOUR, "24h")
    assert then["cx_survey_response_ratio", "csat"] == 0.25
    assert ("cx_survey_response_ratio", "csat") not in figures(response_rate.METRIC, partition, NOW)
    assert figures(csat.METRIC, partition, NOW)["cx_csat_ratio",] == 0.8


def test_an_exit_survey_with_reasons_is_an_answer_without_a_score() -> None:
    """Codes count once an answer, by survey."""
    leaving = answer("r", None, survey="exit", reasons=("price", "price", "moved"))
    partition = count(Feedback(), [offer("r", survey="exit"), leaving])
    assert figures(response_rate.METRIC, partition, NOW)["cx_survey_answered", "exit"] == 1
    assert figures(reasons.METRIC, partition, NOW) == {
        ("cx_feedback_reasons", "exit", "price"): 1,
        ("cx_feedback_reasons", "exit", "moved"): 1,
    }


def test_views_need_their_labels() -> None:
    """An event without a view's label is in the total only."""
    partition = count(Feedback(), [answer("r", 9, channel=" web "), answer("s", 0)])
    assert score(partition) == 0
    assert score(partition, view="channel", values=("web",)) == 100


def test_time_far_ahead_or_behind_is_not_used() -> None:
    """Five minutes ahead of the record, longest window and a day behind its hour."""
    edge = NOW // HOUR * HOUR
    events = [
        answer("a", 9, NOW + 5 * MINUTE, NOW),
        answer("b", 9, NOW + 5 * MINUTE + 1, NOW),
        answer("c", 9, edge - 31 * DAY, NOW),
        answer("d", 9, edge - 31 * DAY - 1, NOW),
    ]
    partition = single(Feedback())
    partition.process(records(events), NOW)
    assert outcomes(partition) == {"accepted": 2, "future": 1, "late": 1}
    reasons_given = [
        dict(letter.headers)["cx_reason"] for letter in partition.prepare_flush(NOW, 0).dead_letters
    ]
    assert reasons_given == [b"future", b"late"]


def test_a_record_ahead_of_the_clock_does_not_move_the_watermark() -> None:
    """One device with a clock in 2030 must not delete the present."""
    partition = single(Feedback())
    partition.process(records([answer("a", 9), answer("b", 9, NOW + 900 * DAY)]), NOW)
    partition.prepare_flush(NOW, 0)
    assert outcomes(partition) == {"accepted": 1, "future": 1}
    assert score(partition) == 100


def test_values_past_the_cap_are_counted_together() -> None:
    """A partition tells ten times max_values apart."""
    events = [answer(f"r{i}", 9, channel=f"c{i}") for i in range(25)]
    partition = count(Feedback(), events, aggregation_config(max_values=2))
    shown = {key.cell.values[0] for key in partition.panes.blocks if key.cell.view == "channel"}
    assert len(shown) == 21
    assert score(partition, view="channel", values=("__other__",)) == 100


def test_labels_that_are_not_allowed_are_ignored_and_counted() -> None:
    """Null is as if absent; numbers, blanks and unknown names are counted."""
    labels = {"brand": "acme", "region": 7, "segment": " ", "shoe": "x", "product": None}
    partition = count(
        Feedback(),
        [answer("r", 9, labels=labels)],
        aggregation_config(views={"total": (), "brand": ("brand",)}),
    )
    assert partition.checkpoint.labels_ignored == 3
    assert score(partition, view="brand", values=("acme",)) == 100


def test_one_event_is_derived_for_the_first_response_of_a_customer() -> None:
    """The customers' topic learns who answers; dismissals tell nothing."""
    partition = single(Feedback())
    who = {"customer_id": "c-1"}
    partition.process(
        records([answer("a", None, **who), answer("b", 9, **who), answer("c", 3, NOW + 1, **who)]), NOW
    )
    letters = partition.prepare_flush(NOW, 0).forwards
    assert [(letter.domain, letter.key, letter.timestamp) for letter in letters] == [
        ("customers", b"c-1", NOW)
    ]
