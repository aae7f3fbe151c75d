"""Entities of customers, their retention and their summaries."""

from typing import Any

import msgspec
import pytest

from schemas.customers import CustomerActivated
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.customers.entity import ORDER, child_key, unpack
from stream.core.aggregation.customers.summary import summarize
from stream.core.aggregation.entity_kind import EntityKinds
from stream.core.aggregation.task import PartitionTask
from stream.core.metrics import churn, clv, referral
from stream.core.model.time_buckets import Window
from tests.core.aggregation.customers import events as make
from tests.core.aggregation.customers.events import (
    activated,
    bought,
    churned,
    counted,
    notice,
    outcomes,
    refunded,
    responded,
)
from tests.support import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    Event,
    aggregation_config,
    figures,
    finish_restore,
    records,
    single,
)

RETENTION = 38 * DAY


def process_and_flush(partition: PartitionTask, *events: Event) -> None:
    """Process further events and flush."""
    partition.process(records(events, partition.next_offset), max(event.stamp for event in events))
    partition.prepare_flush(max(event.stamp for event in events), 0)


def kinds(partition: PartitionTask) -> set[bytes]:
    return {key[:1] for key in partition.store.entities}


def test_orders_and_referrals_expire_38_days_after_their_last_record() -> None:
    """They are removed 38 days after their last record. The customer and the totals stay."""
    partition = counted([activated("a"), bought("a", "1", 100), make.referral("sent", "a", "r")])
    process_and_flush(partition, make.referral("converted", "a", "r", NOW + DAY))
    for at, kinds_left in ((RETENTION - 1, b"cof"), (RETENTION, b"cf"), (RETENTION + DAY, b"c")):
        partition.checkpoint.watermark = NOW + at
        partition.prepare_flush(NOW + at, 0)
        assert kinds(partition) == {bytes([kind]) for kind in kinds_left}
    assert figures(clv.METRIC, partition, NOW + 40 * DAY)["cx_clv_historical_mean", "all", "EUR"] == 1


def test_an_event_of_an_expired_order_counts_again() -> None:
    """After 38 days the same order is new. Before, it is a duplicate that does not extend its retention."""
    partition = counted([activated("a"), bought("a", "1", 100)])
    process_and_flush(partition, bought("a", "1", 100, NOW, NOW + RETENTION - 1))
    assert outcomes(partition) == {"accepted": 2, "duplicate": 1}
    process_and_flush(partition, activated("b", NOW + RETENTION))
    process_and_flush(partition, bought("a", "1", 100, NOW, NOW + RETENTION))
    assert partition.outcome_counts["duplicate"] == 1
    assert figures(clv.METRIC, partition, NOW + RETENTION)["cx_clv_historical_mean", "all", "EUR"] == 1


@pytest.mark.parametrize("later", [27 * HOUR, 28 * HOUR, 29 * HOUR, RETENTION])
def test_panes_do_not_depend_on_the_order_of_two_records_of_one_event(later: int) -> None:
    """The second record is a duplicate, and its timestamp has no effect."""
    sent, once = make.referral("sent", "a", "r", NOW + 17 * MINUTE), responded("a")
    second_record = once._replace(stamp=NOW + later)
    assert (
        counted([sent, once, second_record]).panes.blocks == counted([second_record, sent, once]).panes.blocks
    )


@pytest.mark.parametrize("flushes", [True, False])
def test_forgetting_is_decided_when_an_event_is_judged(flushes: bool) -> None:
    """Orders, refunds and referrals are forgotten by the partition's newest record, with or without a flush between."""
    late = NOW + RETENTION
    repeated = [bought("a", "1", 100), refunded("a", "1", 50), make.referral("sent", "a", "r")]
    for newest, accepted in ((late - 1, 4), (late, 7)):
        partition = single(Customers())
        history = [*repeated, activated("b", newest)]
        copies = [event._replace(stamp=newest, id="new") for event in repeated]
        for batch in [history, copies] if flushes else [[*history, *copies]]:
            process_and_flush(partition, *batch)
        assert partition.outcome_counts["accepted"] == accepted


def test_an_old_record_that_is_read_late_is_remembered_by_the_newest() -> None:
    """A forward has its first timestamp. It is judged when it is read."""
    partition = counted([activated("b", NOW + 30 * DAY), bought("a", "1", 100)])
    process_and_flush(partition, bought("a", "1", 100, NOW, NOW + 60 * DAY))
    assert outcomes(partition) == {"accepted": 2, "duplicate": 1}


def test_a_redelivery_under_a_new_id_is_a_duplicate() -> None:
    """Of every type. The fields count as they are checked, of labels the usable ones that are configured."""
    labels = {"region": " eu ", "shoe": "42", "brand": 7}
    events = [
        activated("a", plan="pro", margin_rate=0.5, labels=labels),
        make.updated("a", plan=" free "),
        notice("a", NOW),
        make.withdrawn("a", NOW),
        churned("a", NOW, reason="price"),
        bought("a", "1", 100),
        refunded("a", "1", 100),
        make.referral("sent", "a", "r"),
        make.referral("converted", "a", "r"),
        make.referral("reversed", "a", "r"),
    ]
    copies = [event._replace(id=f"new {n}", source="/other", stamp=NOW + 1) for n, event in enumerate(events)]
    copies[0] = activated("a", plan="pro", margin_rate=0.5, labels={"region": "eu", "hat": "7"}, id="new")
    copies[1] = make.updated("a", plan="free", id="new")
    copies[4] = churned("a", NOW, reason="moved", id="new")
    partition = counted([*events, *copies])
    assert outcomes(partition) == {"accepted": len(events), "duplicate": len(events)}
    assert partition.checkpoint.ignored_labels == {"shoe": 1, "brand": 1}
    assert partition.panes.blocks == counted(events).panes.blocks


def test_two_changes_of_a_moment_are_both_used_by_id() -> None:
    """In any order of reading. The last one decides, and both what the other does not name."""
    changes = [
        make.updated("a", id="1", plan="pro", channel="web"),
        make.updated("a", id="2", plan="free", margin_rate=0.5),
        activated("a", id="3", plan="old"),
    ]
    for events in (changes, changes[::-1]):
        partition = counted(events)
        assert outcomes(partition) == {"accepted": 3}
        summary = summarize(partition.store.entities[b"ca"], NOW)
        assert (summary.plan, summary.margin) == ("free", 5_000)
        assert (
            figures(churn.METRIC, partition, NOW, view="channel", values=("web",))["cx_active_customers",]
            == 1
        )


def test_a_switch_of_plan_is_no_churn() -> None:
    """The customer stays in the opening cohort, with the new plan, which is a dimension."""
    config = aggregation_config(views={"total": (), "plan": ("plan",)})
    events = [
        activated("a", NOW - 40 * DAY, plan="pro"),
        notice("a", NOW - DAY),
        churned("a", id="1"),
        activated("a", id="2", plan="free"),
    ]
    by_series = figures(churn.METRIC, counted(events, config=config), NOW)
    assert by_series["cx_churn_ratio", "cohort"] == by_series["cx_cancel_scheduled_customers",] == 0
    assert by_series["cx_churn_ratio", "seed"] == by_series["cx_churn_ignored",] == 0
    for plan, active in (("free", 1), ("pro", 0)):
        in_view = figures(churn.METRIC, counted(events, config=config), NOW, view="plan", values=(plan,))
        assert in_view["cx_active_customers",] == active


def test_ignored_churns_are_windowed() -> None:
    """Also those that are rolled up: they are pruned and counted at their time."""
    partition = counted([churned("a", NOW - 2 * HOUR)])
    for window, n in (("1h", 0), ("24h", 1)):
        assert figures(churn.METRIC, partition, NOW, window)["cx_churn_ignored",] == n
    many = counted([churned("a", NOW - n * MINUTE) for n in range(100)])
    assert len(msgspec.msgpack.decode(many.store.entities[b"ca"])[0]) < 20
    for window, n in (("5m", 5), ("1h", 60), ("24h", 100)):
        assert figures(churn.METRIC, many, NOW, window)["cx_churn_ignored",] == n
    process_and_flush(many, notice("b", NOW + 3 * DAY), churned("a", NOW + 3 * DAY))
    assert len(unpack(many.store.entities[b"ca"]).ignored_churns) <= 3
    assert figures(churn.METRIC, many, NOW + 3 * DAY, "7d")["cx_churn_ignored",] == 101
    process_and_flush(many, activated("a", NOW + 75 * DAY))
    assert unpack(many.store.entities[b"ca"]).ignored_churns == {}
    assert figures(churn.METRIC, many, NOW + 75 * DAY, "30d")["cx_churn_ignored",] == 0


def test_an_update_of_somebody_never_activated_is_for_their_money_only() -> None:
    """It opens no life, and their ignored churns and referrals carry no dimensions."""
    partition = counted(
        [
            make.updated("a", channel="web", margin_rate=0.5),
            bought("a", "1", 100),
            churned("a"),
            make.referral("converted", "a", "r"),
        ]
    )
    assert figures(churn.METRIC, partition, NOW)["cx_active_customers",] == 0
    in_view = {"view": "channel", "values": ("web",)}
    assert figures(clv.METRIC, partition, NOW, **in_view)["cx_revenue", "EUR"] == 1
    assert figures(churn.METRIC, partition, NOW, **in_view)["cx_churn_ignored",] == 0
    assert figures(referral.METRIC, partition, NOW, **in_view)["cx_referrers",] == 0
    process_and_flush(partition, activated("a", NOW - DAY, NOW))
    assert figures(referral.METRIC, partition, NOW, **in_view)["cx_referrers",] == 1


def test_a_withdrawn_notice_leaves_the_dimensions() -> None:
    """Only the schedule changes."""
    events = [activated("a", NOW - DAY, channel="web", plan="pro"), notice("a", NOW - HOUR)]
    for withdrawal, scheduled in (([], 1), ([make.withdrawn("a", NOW)], 0)):
        in_view = figures(churn.METRIC, counted([*events, *withdrawal]), NOW, view="channel", values=("web",))
        assert in_view["cx_cancel_scheduled_customers",] == scheduled
        assert in_view["cx_active_customers",] == 1


def test_a_late_churn_does_not_end_a_later_life() -> None:
    """Former lives are removed. A churn before the present life is ignored, one after it ends the life."""
    partition = counted([activated("a", NOW - 9 * DAY), churned("a", NOW - 8 * DAY), activated("a", NOW)])
    later = NOW + 80 * DAY
    process_and_flush(partition, notice("a", later, later))
    assert len(msgspec.msgpack.decode(partition.store.entities[b"ca"])[0]) == 2
    process_and_flush(partition, churned("a", NOW - DAY, later + 1))
    by_series = figures(churn.METRIC, partition, later + DAY)
    assert by_series["cx_active_customers",] == 1
    process_and_flush(partition, churned("a", NOW + DAY, later + 2))
    assert figures(churn.METRIC, partition, later + DAY)["cx_active_customers",] == 0


def test_old_activations_load_the_customer_base() -> None:
    """Old activations in present records are active and in every opening cohort, without panes in the past."""
    base = [activated(f"c{i}", NOW - 3650 * DAY, NOW, channel="web") for i in range(100)]
    partition = counted(base)
    for window in ("5m", "30d"):
        by_series = figures(churn.METRIC, partition, NOW, window)
        assert (by_series["cx_opening_customers",], by_series["cx_active_customers",]) == (100, 100)
    assert {key.resolution for key in partition.panes.blocks} == {0}


def test_money_loaded_with_history_is_in_totals_only() -> None:
    """Money older than any window is in the value to date only, not in the customer's buckets."""
    partition = counted([activated("a", NOW - 900 * DAY, NOW), bought("a", "1", 500, NOW - 800 * DAY, NOW)])
    by_series = figures(clv.METRIC, partition, NOW, "30d")
    assert by_series["cx_clv_historical_mean", "all", "EUR"] == 5
    assert ("cx_revenue", "EUR") not in by_series


def test_a_customer_without_history_is_small() -> None:
    """IDs of 36 characters, a plan and two dimensions take at most 120 bytes."""
    customer_id = "7b1c2d3e-0000-4000-8000-0123456789ab"
    event = activated(customer_id, NOW - 900 * DAY, NOW, plan="pro", channel="web", labels={"brand": "acme"})
    partition = counted([event._replace(id=customer_id, source="/crm/export")])
    assert len(partition.store.entities[b"c" + customer_id.encode()]) <= 120


def test_a_customer_who_buys_around_the_clock_stays_bounded() -> None:
    """A purchase every half hour for 80 days, of which 67 are kept."""
    partition = single(Customers())
    history = [bought("a", str(i), 1999, NOW + i * HOUR // 2) for i in range(80 * 48)]
    for i in range(0, len(history), 960):
        process_and_flush(partition, *history[i : i + 960])
    assert len(partition.store.entities[b"ca"]) < 25_000
    month = figures(clv.METRIC, partition, history[-1].at, "30d")["cx_revenue", "EUR"]
    assert month == pytest.approx(19.99 * 30 * 48)


def test_a_customer_who_is_activated_every_night_stays_small() -> None:
    """Repeated activations are one life with the last plan."""
    history = [activated("a", NOW + i * DAY // 2, plan=f"plan {i}") for i in range(70)]
    partition = counted(history)
    assert len(partition.store.entities[b"ca"]) < 1_500
    summary = summarize(partition.store.entities[b"ca"], history[-1].at)
    assert (summary.since, summary.plan) == (NOW, "plan 69")


def test_comments_are_not_kept() -> None:
    """Fields that no figure needs are not stored."""
    partition = single(Customers())
    written = b""
    partition.process(records([activated("a"), churned("a", comment="canary", reason="price")]), NOW)
    flush = partition.prepare_flush(NOW, 0)
    for key, value in [*flush.state, *flush.panes]:
        written += key + (value or b"")
    assert b"price" in written
    assert b"canary" not in written


def test_a_customer_responds_once() -> None:
    """The outcome is always "derived", as publishers send none of these."""
    partition = counted([responded("a"), responded("a", NOW + 1), responded("b")])
    assert outcomes(partition) == {"derived": 3}
    assert [key for key in partition.store.entities if key[:1] == b"c"] == [b"ca", b"cb"]


def test_keys_of_different_customers_never_meet() -> None:
    """IDs may contain any characters."""
    assert child_key(ORDER, "a", "\x00\x01b") != child_key(ORDER, "a\x00", "\x01b")
    kinds = EntityKinds(Customers.kinds)
    for customer_id in ("a", "a\x00\x01", "é" * 256):
        key = child_key(ORDER, customer_id, "1")
        assert kinds.of(key).person(key, b"") == customer_id.encode()


def test_customer_events_of_any_age_are_used() -> None:
    """Customer events are never late."""
    assert not Customers().rejects_late(CustomerActivated(customer_id="a"))
    partition = counted([activated("a", NOW - 20_000 * DAY, NOW)])
    assert outcomes(partition) == {"accepted": 1}
    assert figures(churn.METRIC, partition, NOW)["cx_active_customers",] == 1


def test_reasons_past_the_limit_are_counted_together() -> None:
    """A partition distinguishes a thousand codes. The others are counted together."""
    events = []
    for i in range(1010):
        events += [activated(f"c{i}", NOW - HOUR), churned(f"c{i}", reason=f"code {i}")]
    by_series = figures(churn.METRIC, counted(events, config=aggregation_config(top=2000)), NOW)
    reasons = {name[1]: n for name, n in by_series.items() if name[0] == "cx_churned_customers"}
    assert len(reasons) == 1001
    assert reasons["__other__"] == 10


def test_clv_6_in_a_summary() -> None:
    """Purchases on day 0, 10 and 40, observed on day 100: frequency 2, recency 40, age 100."""
    start = NOW // DAY * DAY
    events = [
        bought("a", str(i), amount, start + day * DAY)
        for i, (day, amount) in enumerate([(0, 4000), (10, 5000), (40, 7000)])
    ]
    partition = counted(
        [
            activated("a", start, margin_rate=0.5, plan="pro"),
            *events,
            refunded("a", "r", 1000, start + 41 * DAY),
        ]
    )
    summary = summarize(partition.store.entities[b"ca"], start + 100 * DAY)
    assert (summary.frequency, summary.recency_days, summary.age_days) == (2, 40, 100)
    assert (summary.active, summary.since, summary.plan, summary.margin) == (True, start, "pro", 5000)
    assert summary.net == {"EUR": 15_000}


def test_a_summary_of_a_customer_with_only_a_response() -> None:
    """Fields without events have their defaults."""
    summary = summarize(counted([responded("a")]).store.entities[b"ca"], NOW)
    expected: dict[str, Any] = {"active": False, "since": None, "cancel_scheduled": False, "plan": None}
    expected |= {
        "margin": 10_000,
        "responder": True,
        "net": {},
        "frequency": 0,
        "recency_days": 0,
        "age_days": 0,
    }
    assert summary._asdict() == expected


def test_a_reversal_of_an_expired_conversion_changes_only_its_own_count() -> None:
    """The conversion is older than every window."""
    partition = counted([make.referral("converted", "a", "r", NOW)])
    later = NOW + 40 * DAY
    process_and_flush(partition, activated("b", later))
    process_and_flush(partition, make.referral("reversed", "a", "r", later))
    by_series = figures(referral.METRIC, partition, later, "30d")
    assert (by_series["cx_referrers",], by_series["cx_referrals", "reversed"]) == (0, 1)
    assert all(n > 0 for block in partition.panes.blocks.values() for n in block.values())


def test_a_record_older_than_the_last_adds_to_the_downsampled_bucket() -> None:
    """A conversion is downsampled before its reversal arrives in an older record."""
    partition = counted([make.referral("converted", "a", "r", NOW)])
    process_and_flush(partition, activated("a", NOW + 3 * DAY))
    process_and_flush(partition, make.referral("reversed", "a", "r", NOW + HOUR // 2))
    assert figures(referral.METRIC, partition, NOW + 3 * DAY, "7d")["cx_referrers",] == 0


def test_downsampling_moves_nothing_out_of_a_window() -> None:
    """A purchase in the first quarter-hour of the last 24 h is downsampled when the customer buys again."""
    hour = NOW // HOUR * HOUR
    early_purchase = bought("a", "1", 100, hour + 50 * MINUTE)
    now = hour + 24 * HOUR + 30 * MINUTE
    partition = counted([early_purchase, bought("a", "2", 1, now)])
    assert figures(clv.METRIC, partition, now, "24h")["cx_revenue", "EUR"] == 1.01


def test_a_new_longer_window_includes_stored_lives() -> None:
    """With a new window of 60 days, a customer who came 50 days ago is not in its opening cohort."""
    before = counted([activated("a", NOW - 90 * DAY, NOW), activated("b", NOW - 50 * DAY, NOW)])
    longer = (*aggregation_config().windows, Window("60d", 60 * DAY))
    after = PartitionTask(Customers(), 0, 1, aggregation_config(windows=longer, config_hash="longer"))
    after.store.entities.update(before.store.entities)
    after.checkpoint = before.checkpoint
    assert finish_restore(after)
    after.prepare_flush(NOW, 0)
    for window, opening in (("30d", 2), ("60d", 1)):
        assert figures(churn.METRIC, after, NOW, window)["cx_opening_customers",] == opening


def test_other_labels_keep_the_values_of_updates() -> None:
    """The positions of labels change with the settings."""
    before = counted([activated("a"), make.updated("a", labels={"region": "eu", "brand": "x"})])
    config = aggregation_config(labels=("region",), views={"region": ("region",)}, config_hash="other")
    after = PartitionTask(Customers(), 0, 1, config)
    after.store.entities.update(before.store.entities)
    after.checkpoint = before.checkpoint
    assert finish_restore(after)
    after.prepare_flush(NOW, 0)
    in_view = figures(churn.METRIC, after, NOW, view="region", values=("eu",))
    assert in_view["cx_active_customers",] == 1


def test_unusable_labels_are_counted_of_accepted_events_only() -> None:
    """A duplicate is not counted."""
    event = Event(CustomerActivated(customer_id="a", labels={"shoe": "42"}), NOW, NOW)
    partition = counted([event, event])
    assert outcomes(partition) == {"accepted": 1, "duplicate": 1}
    assert partition.checkpoint.ignored_labels == {"shoe": 1}
