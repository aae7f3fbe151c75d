"""Records of a batch have the same outcome whether they are processed together or one by one."""

import json
import random

from schemas.codec import CONTENT_TYPE, Decoder, Undecodable
from schemas.feedback import FeedbackSubmitted
from schemas.topics import FEEDBACK, partition_of
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from tests.chaos.feedback_load import load
from tests.support import DAY, NOW, Event, FakeRecord, aggregation_config, records, single


def mixed_batch(seed: int, junk: float) -> list[FakeRecord]:
    """Return records of partition 0 of 2, with misrouted records, junk, repetitions and erasures."""
    rng = random.Random(seed)
    sent = list(load(600, now=NOW, seed=seed, junk=junk, customers=40))
    mixed_records = []
    for number, sent_record in enumerate(sent):
        if partition_of(sent_record.key, 2) == 0 or rng.random() < junk:
            mixed_records.append(FakeRecord(number, sent_record.at, sent_record.key, sent_record.value))
    erased = b'{"id":"%d","type":"cx.customer.erased.v1","time":"2026-09-21T14:00:00Z","data":{"customer_id":"%s"}}'
    for person in (b"c-1", b"c-2", b"c-3"):
        mixed_records.insert(len(mixed_records) // 2, FakeRecord(0, NOW, person, erased % (NOW, person)))
    return [record._replace(offset=i) for i, record in enumerate(mixed_records)]


def state(records: list[FakeRecord], at_once: int) -> tuple[object, ...]:
    partition = PartitionTask(Feedback(), 0, 2, aggregation_config())
    for i in range(0, len(records), at_once):
        partition.process(records[i : i + at_once], NOW)
    flush = partition.prepare_flush(NOW, 0)
    return (
        partition.outcome_counts,
        partition.checkpoint,
        partition.store.entities,
        partition.panes.blocks,
        flush.forwards,
        flush.dead_letters,
    )


def test_a_batch_gives_the_same_state_as_its_records_one_by_one() -> None:
    """Clean batches, and batches with forwards, erasures and dead letters."""
    for seed, junk in enumerate((0.0, 0.002, 0.1, 0.5)):
        records = mixed_batch(seed, junk)
        together, single = state(records, len(records)), state(records, 1)
        assert together == single
        assert sum(together[0].values()) == len(records)  # type: ignore[attr-defined]


def test_decode_all_equals_decode() -> None:
    """`decode_all` returns the same events, or None when one of them must be decoded alone."""
    decoder = Decoder(FEEDBACK)
    decoded = 0
    for record in mixed_batch(9, 0.2):
        together = decoder.decode_all([record.value])
        try:
            expected = decoder.decode(record.value, ())
        except Undecodable:
            assert together is None
        else:
            decoded += 1
            assert together in (([expected], {}), None)
            if b'"specversion":"1.0"' in (record.value or b""):
                assert together == ([expected], {})
    assert decoded > 100


def test_a_null_header_of_ours_is_ignored() -> None:
    """The record is classified by its own timestamp. An invalid one becomes a dead letter."""
    partition = PartitionTask(Feedback(), 0, 1, aggregation_config())
    partition.process([FakeRecord(0, NOW, b"c", b"{", [("cx_timestamp", None), ("other", None)])], NOW)
    (dead_letter,) = partition.prepare_flush(NOW, 0).dead_letters
    assert ("cx_timestamp", b"%d" % NOW) in dead_letter.headers
    assert ("other", None) in dead_letter.headers


def test_the_cardinality_limit_holds_when_values_expire_and_new_ones_arrive() -> None:
    """Each expired value makes room for one new value."""
    partition = single(Feedback(), aggregation_config(max_values=1))
    for at, values in ((NOW, ["old"]), (NOW + 60 * DAY, range(12)), (NOW + 60 * DAY, range(20, 32))):
        events = [
            Event(
                FeedbackSubmitted(feedback_id=f"{at} {value}", survey="nps", score=9, channel=f"{value}"),
                at,
                at,
            )
            for value in values
        ]
        partition.process(records(events, partition.next_offset), at)
        partition.prepare_flush(at, 0)
    stored_values = {key.cell.values for key in partition.panes.blocks if key.cell.view == "channel"}
    assert len(stored_values - {("__other__",)}) <= 10


def test_records_with_the_header_of_structured_mode_are_processed_together() -> None:
    """Publishers that follow the CloudEvents binding send it with every record."""
    partition = PartitionTask(Feedback(), 0, 2, aggregation_config())
    batch = [
        record._replace(headers=[CONTENT_TYPE])
        for record in mixed_batch(0, 0.0)
        if b"erased" not in (record.value or b"")
    ]
    assert partition._validate_batch(batch, NOW) is not None
    assert (
        partition._validate_batch([*batch, batch[0]._replace(headers=[("cx_forwarded", b"1")])], NOW) is None
    )


def test_an_answer_belongs_to_its_own_id_whatever_its_key_is() -> None:
    """Neither the key of the record nor the IDs of customer and ticket are used."""
    own_id = next(f"f-{i}" for i in range(99) if partition_of(f"f-{i}".encode(), 2) == 0)
    data = {"feedback_id": own_id, "survey": "nps", "score": 9, "ticket_id": "t-1", "customer_id": "c-1"}
    event = {"specversion": "1.0", "id": "1", "source": "/test", "time": "2026-09-21T12:00:00Z", "data": data}
    value = json.dumps(event | {"type": FeedbackSubmitted.TYPE}).encode()
    partition = PartitionTask(Feedback(), 0, 2, aggregation_config())
    keys = [None, b"", b"c-1", b"t-1", own_id.encode()]
    batch = partition._validate_batch([FakeRecord(i, NOW, key, value, ()) for i, key in enumerate(keys)], NOW)
    assert batch is not None
    assert batch.owners == [own_id.encode()] * len(keys)


def test_a_forward_has_no_later_timestamp_than_its_record() -> None:
    """A header with a far timestamp is kept, and the owning partition classifies the event by it."""
    key = next(f"c-{i}".encode() for i in range(99) if partition_of(f"c-{i}".encode(), 2) == 1)
    far_future, earlier = NOW + 400 * DAY, NOW - DAY
    headers = [[("cx_timestamp", b"%d" % moment)] for moment in (far_future, earlier)]
    value = (
        b'{"id":"1","type":"cx.feedback.deleted.v1","time":"2026-09-21T00:00:00Z","data":{"feedback_id":"r"}}'
    )
    partition = PartitionTask(Feedback(), 0, 2, aggregation_config())
    partition.process([FakeRecord(i, NOW, key, value, header) for i, header in enumerate(headers)], NOW)
    forwards = partition.prepare_flush(NOW, 0).forwards
    assert [dead_letter.timestamp for dead_letter in forwards] == [NOW, earlier]
    assert [dict(dead_letter.headers)["cx_timestamp"] for dead_letter in forwards] == [
        b"%d" % far_future,
        b"%d" % earlier,
    ]


def test_details_of_dead_letters_have_readable_times() -> None:
    """Also of a header that names a time after the year 9999."""
    task = single(Feedback())
    answer = FeedbackSubmitted(feedback_id="f", survey="nps", score=9)
    old, ahead = Event(answer, NOW - 40 * DAY, NOW), Event(answer, NOW, NOW)
    late, future = records([old, ahead])
    task.process([late, future._replace(headers=[("cx_timestamp", b"9" * 15)])], NOW)
    details = [
        dict(dead_letter.headers)["cx_detail"] for dead_letter in task.prepare_flush(NOW, 0).dead_letters
    ]
    assert details == [
        b"time: 2026-08-12T14:13:20Z is more than 31 d before its record at 2026-09-21T14:13:20Z",
        b"timestamp: 999999999999999 ms is more than 5 minutes ahead of the worker's clock",
    ]
