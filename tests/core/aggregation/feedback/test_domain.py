"""Revisions, deletions, duplicates, offers and reasons of answers."""

import pytest

from schemas.times import from_ms
from stream.core.aggregation import cardinality
from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.feedback import Feedback
from stream.core.metrics import csat, nps, reasons, response_rate
from stream.core.model.aggregate import COMPONENT_MASK
from stream.core.model.aggregates.feedback import CesLayout
from stream.core.model.money import join
from tests.core.aggregation.feedback.events import answer, deletion, offer, outcomes, score
from tests.support import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    aggregation_config,
    count,
    figures,
    records,
    single,
)


def test_a_higher_revision_replaces_the_answer_in_its_first_bucket() -> None:
    """NPS-4a and 4b: a revision two hours later counts at the time of the first answer."""
    first = [answer("r1", 3), answer("r2", 9), answer("r3", 6)]
    assert score(count(Feedback(), first)) == pytest.approx(-100 / 3)
    edit = answer("r1", 9, NOW + 2 * HOUR, revision=2)
    edited = count(Feedback(), [*first, edit])
    assert score(edited, window="24h") == pytest.approx(100 / 3)
    assert score(edited, NOW + 2 * HOUR, window="1h") is None
    assert score(edited, NOW + 2 * HOUR, window="24h") == pytest.approx(100 / 3)


def test_a_repeated_revision_is_a_duplicate() -> None:
    """NPS-4c: a known revision changes nothing."""
    edit = answer("r1", 9, NOW + MINUTE, revision=2)
    partition = count(Feedback(), [answer("r1", 3), answer("r2", 9), answer("r3", 6), edit, edit])
    assert score(partition, NOW + MINUTE) == pytest.approx(100 / 3)
    assert outcomes(partition) == {"accepted": 4, "duplicate": 1}


def test_an_older_revision_that_arrives_late_is_a_duplicate_but_moves_the_bucket() -> None:
    """The answer counts at its earliest time, in any order of arrival."""
    partition = count(
        Feedback(), [answer("r", 9, NOW, revision=2), answer("r", 0, NOW - 2 * HOUR, NOW, revision=1)]
    )
    assert outcomes(partition) == {"accepted": 1, "duplicate": 1}
    assert score(partition, NOW, window="1h") is None
    assert score(partition, NOW - 2 * HOUR, window="24h") == 100


def test_an_answer_is_premature_by_the_time_of_its_counting_revision() -> None:
    """The bucket is the first time, which is before the transaction."""
    revised = answer("r", 9, NOW, revision=1, transaction_time=from_ms(NOW - HOUR))
    partition = count(Feedback(), [answer("r", 3, NOW - 2 * HOUR), revised])
    assert score(partition, window="24h") == 100
    earlier = answer("r", 9, NOW - 2 * HOUR, NOW, revision=1, transaction_time=from_ms(NOW - HOUR))
    partition = count(Feedback(), [answer("r", 3, NOW), earlier])
    assert score(partition, window="24h") is None


def test_only_nps_has_premature_answers() -> None:
    early = answer("r", 5, survey="csat", transaction_time=from_ms(NOW + 1))
    assert figures(csat.METRIC, count(Feedback(), [early]), NOW)["cx_csat_ratio",] == 1


def test_dismissed_answers_do_not_count() -> None:
    """NPS-3: 50.0 with n 4, not 33.33."""
    events = [answer(f"r{i}", s) for i, s in enumerate([10, 10, 9, 2, None, None])]
    assert score(count(Feedback(), events)) == 50


def test_a_premature_answer_is_counted_apart() -> None:
    """Premature answers have no score, but count as answered and with their reasons."""
    premature = answer("r", 9, transaction_time=from_ms(NOW + 1), reasons=("speed",))
    partition = count(Feedback(), [offer("r"), premature])
    by_series = figures(nps.METRIC, partition, NOW)
    assert by_series["cx_nps_premature_responses",] == 1
    assert ("cx_nps_score",) not in by_series
    assert figures(response_rate.METRIC, partition, NOW)["cx_survey_response_ratio", "nps"] == 1
    assert figures(reasons.METRIC, partition, NOW) == {("cx_feedback_reasons", "nps", "speed"): 1}


def test_a_deletion_removes_the_answer_for_good_and_keeps_the_offer() -> None:
    """A revision after the deletion is accepted and contributes nothing."""
    partition = count(
        Feedback(), [offer("r"), answer("r", 9), deletion("r"), answer("r", 10, revision=1), deletion("r")]
    )
    assert outcomes(partition) == {"accepted": 4, "duplicate": 1}
    assert score(partition) is None
    rate = figures(response_rate.METRIC, partition, NOW)
    assert (rate["cx_survey_offered", "nps"], rate["cx_survey_answered", "nps"]) == (1, 0)


def test_the_first_offer_read_counts() -> None:
    """A second one with another content is a duplicate, whatever its time is."""
    partition = count(Feedback(), [offer("r"), offer("r", NOW - HOUR, survey="csat")])
    assert outcomes(partition) == {"accepted": 1, "duplicate": 1}
    assert figures(response_rate.METRIC, partition, NOW, "24h")["cx_survey_offered", "nps"] == 1
    assert ("cx_survey_response_ratio", "csat") not in figures(response_rate.METRIC, partition, NOW, "24h")


def test_a_deletion_may_come_first() -> None:
    """A deletion before the answer removes it."""
    assert score(count(Feedback(), [deletion("r"), answer("r", 9)])) is None


def test_the_response_rate_counts_in_the_bucket_of_the_offer() -> None:
    """CSAT-4: 40 offers and 10 answers are 25 %, in the bucket of the offers."""
    offers = [offer(f"r{i}", NOW - 3 * HOUR, survey="csat") for i in range(40)]
    answers = [answer(f"r{i}", 5 if i < 8 else 1, survey="csat") for i in range(10)]
    partition = count(Feedback(), [*offers, *answers])
    figures_then = figures(response_rate.METRIC, partition, NOW - 3 * HOUR, "24h")
    assert figures_then["cx_survey_response_ratio", "csat"] == 0.25
    assert ("cx_survey_response_ratio", "csat") not in figures(response_rate.METRIC, partition, NOW)
    assert figures(csat.METRIC, partition, NOW)["cx_csat_ratio",] == 0.8


def test_an_exit_survey_with_reasons_is_an_answer_without_a_score() -> None:
    """A reason code counts once for each answer, by survey."""
    exit_answer = answer("r", None, survey="exit", reasons=("price", "price", "moved"))
    partition = count(Feedback(), [offer("r", survey="exit"), exit_answer])
    assert figures(response_rate.METRIC, partition, NOW)["cx_survey_answered", "exit"] == 1
    assert figures(reasons.METRIC, partition, NOW) == {
        ("cx_feedback_reasons", "exit", "price"): 1,
        ("cx_feedback_reasons", "exit", "moved"): 1,
    }


def test_views_need_their_labels() -> None:
    """An event without the label of a view counts in the total only."""
    partition = count(Feedback(), [answer("r", 9, channel=" web "), answer("s", 0)])
    assert score(partition) == 0
    assert score(partition, view="channel", values=("web",)) == 100


def test_events_far_ahead_or_behind_are_dead_lettered() -> None:
    """The limits are five minutes ahead of the record, and the longest window and a day behind its hour."""
    hour_start = NOW // HOUR * HOUR
    events = [
        answer("a", 9, NOW + 5 * MINUTE, NOW),
        answer("b", 9, NOW + 5 * MINUTE + 1, NOW),
        answer("c", 9, hour_start - 31 * DAY, NOW),
        answer("d", 9, hour_start - 31 * DAY - 1, NOW),
    ]
    partition = single(Feedback())
    partition.process(records(events), NOW)
    assert outcomes(partition) == {"accepted": 2, "future": 1, "late": 1}
    reasons_given = [
        dict(dead_letter.headers)["cx_reason"] for dead_letter in partition.prepare_flush(NOW, 0).dead_letters
    ]
    assert reasons_given == [b"future", b"late"]


def test_a_record_ahead_of_the_clock_does_not_move_the_watermark() -> None:
    """A device with a clock in 2030 must not expire present state."""
    partition = single(Feedback())
    partition.process(records([answer("a", 9), answer("b", 9, NOW + 900 * DAY)]), NOW)
    partition.prepare_flush(NOW, 0)
    assert outcomes(partition) == {"accepted": 1, "future": 1}
    assert score(partition) == 100


def test_values_past_the_limit_are_counted_together() -> None:
    """A partition distinguishes ten times `max_values` values."""
    events = [answer(f"r{i}", 9, channel=f"c{i}") for i in range(25)]
    partition = count(Feedback(), events, aggregation_config(max_values=2))
    by_series = {key.cell.values[0] for key in partition.panes.blocks if key.cell.view == "channel"}
    assert len(by_series) == 21
    assert score(partition, view="channel", values=("__other__",)) == 100


def test_labels_that_are_not_allowed_are_ignored_and_counted() -> None:
    """Null is treated as absent. Numbers, blanks and unknown names are counted as ignored."""
    labels = {"brand": "acme", "region": 7, "segment": " ", "shoe": "x", "product": None}
    partition = count(
        Feedback(),
        [answer("r", 9, labels=labels)],
        aggregation_config(views={"total": (), "brand": ("brand",)}),
    )
    assert partition.checkpoint.ignored_labels == {"region": 1, "segment": 1, "shoe": 1}
    assert score(partition, view="brand", values=("acme",)) == 100


def test_the_first_response_of_a_customer_is_forwarded_once() -> None:
    """The customers' topic gets an event with the time of the first response. Dismissals are no responses."""
    partition = single(Feedback())
    named = {"customer_id": "c-1"}
    partition.process(
        records([answer("a", None, **named), answer("b", 9, **named), answer("c", 3, NOW + 1, **named)]), NOW
    )
    forwards = partition.prepare_flush(NOW, 0).forwards
    responded = [forward for forward in forwards if b"cx.customer.responded.v1" in (forward.value or b"")]
    assert [(forward.domain, forward.key, forward.timestamp) for forward in responded] == [
        ("customers", b"c-1", NOW)
    ]


def test_the_scale_and_direction_of_ces_are_own_labels() -> None:
    """Raw scores are summed by direction and scale."""
    partition = count(
        Feedback(),
        [
            answer("a", 2, survey="ces"),
            answer("b", 3, survey="ces", direction="effort", scale=(1, 5)),
            answer("c", 7, survey="ces", direction="ease", scale=(1, 7)),
            answer("d", -3, survey="ces", direction="ease", scale=(-3, 3), revision=1),
        ],
    )
    raw: dict[tuple[str, ...], int] = {}
    for (aggregate, _, own_labels), vector in partition.expected_deltas(
        partition.store.entities.items()
    ).items():
        assert aggregate == "ces"
        values = {position & COMPONENT_MASK: n for position, n in vector.items()}
        raw[own_labels] = join(values, CesLayout.RAW)
    assert raw == {("effort", "1-5"): 5, ("ease", "1-7"): 7, ("ease", "-3-3"): -3}
    assert list(pane_differences(partition)) == []


def test_scales_past_the_limit_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """On both paths, and after the known scales were rebuilt from the panes."""
    monkeypatch.setattr(cardinality, "MAX_CODES", 2)
    partition = single(Feedback())
    for highest, more in ((range(5, 9), {}), (range(12, 4, -1), {"revision": 1})):
        events = [
            answer(
                f"{high} {direction} {more}", 3, survey="ces", scale=(1, high), direction=direction, **more
            )
            for high in highest
            for direction in ("effort", "ease")
        ]
        partition.process(records(events, partition.next_offset), NOW)
        partition.prepare_flush(NOW, 0)
        labels = {key.cell.own_labels for key in partition.panes.blocks if key.cell.view == "total"}
        assert labels == {(d, scale) for d in ("effort", "ease") for scale in ("1-5", "1-6", "__other__")}
        assert list(pane_differences(partition)) == []
        partition.store.cardinality.rebuild(partition.panes.cells, partition.domain.open_codes)


def test_program_is_a_dimension() -> None:
    """Values are trimmed. Offers and answers have it, on both paths."""
    config = aggregation_config(views={"total": (), "program": ("program",)})
    events = [
        offer("a", program="checkout"),
        answer("a", 9, program=" checkout "),
        answer("b", 0, program="relation", reasons=("slow",)),
        answer("c", 0),
    ]
    partition = count(Feedback(), events, config)
    assert score(partition, view="program", values=("checkout",)) == 100
    assert score(partition, view="program", values=("relation",)) == -100
    rate = figures(response_rate.METRIC, partition, NOW, view="program", values=("checkout",))
    assert rate["cx_survey_response_ratio", "nps"] == 1
