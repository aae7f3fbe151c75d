"""Summaries of tickets for `cx.customers`."""

from itertools import pairwise
from typing import Any

from schemas.codec import Decoder
from schemas.customers import CustomerErased
from schemas.keys import owner_of
from schemas.tickets import TicketSummarized
from schemas.times import to_ms
from schemas.topics import CUSTOMERS
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.model.response_targets import ResponseTarget
from tests.core.aggregation.tickets.events import created, handled, merged, message, status, updated
from tests.support import DAY, HOUR, MINUTE, NOW, Event, aggregation_config, finish_restore, records, single

_decode = Decoder(CUSTOMERS).decode


def written(*flushes: list[Event]) -> list[list[TicketSummarized]]:
    """Return the summaries of each flush, read as `cx.customers` reads them."""
    task = single(Tickets())
    return [_flush(task, events) for events in flushes]


def _flush(task: PartitionTask, events: list[Event]) -> list[TicketSummarized]:
    clock = max([NOW, *(event.stamp for event in events)])
    task.process(records(events, task.next_offset), clock)
    summaries = []
    for outgoing in task.prepare_flush(clock, 0).forwards:
        event = _decode(outgoing.value, outgoing.headers)
        assert outgoing.domain == "customers"
        assert outgoing.key == owner_of(event.data).encode()
        assert isinstance(event.data, TicketSummarized)
        summaries.append(event.data)
    return summaries


def test_a_summary_says_what_fcr_needs() -> None:
    """With the dimensions at the first solve by people, and the offset and times of the ticket's last record."""
    task = single(Tickets())
    events = [
        created(NOW, customer_id="c", topic="bill", team="front", labels={"brand": "acme", "x": "y"}),
        message(NOW + 1),
        status(NOW + 2, "solved"),
        updated(NOW + 3, team="back", topic="login"),
        status(NOW + DAY, "open", stamp=NOW + DAY + 7),
    ]
    task.process(records(events, 40), NOW + DAY + 7)
    (outgoing,) = task.prepare_flush(NOW + DAY + 7, 0).forwards
    event = _decode(outgoing.value, outgoing.headers)
    data: Any = event.data
    assert outgoing.timestamp == NOW + DAY + 7
    assert to_ms(event.time) == NOW + DAY
    assert (data.ticket_id, data.customer_id, data.topic, data.number) == ("t", "c", "login", 44)
    assert [to_ms(at) for at in (data.created, data.solved, data.reopened)] == [NOW, NOW + 2, NOW + DAY]
    assert (data.one_contact, data.resolved, data.gone) == (True, False, False)
    assert (data.team, data.ticket_topic, data.labels) == ("front", "bill", {"brand": "acme"})


def test_one_summary_for_a_ticket_and_flush_and_only_when_it_says_something_else() -> None:
    """Messages of the customer, or a later solve, change nothing that it says."""
    opened = [created(NOW, customer_id="c"), message(NOW + 1, "customer"), message(NOW + 2)]
    solved, noted = [status(NOW + 3, "solved")], [message(NOW + 4, "customer")]
    first, second, third, fourth = written(opened, solved, noted, [created(NOW + 5)])
    assert [summary.solved is None for summary in (*first, *second)] == [True, False]
    assert (third, fourth) == ([], [])


def test_a_ticket_without_creation_is_not_summarized() -> None:
    """It is not before its creation is known, from then on with everything read before."""
    assert written([message(NOW + 1), status(NOW + 2, "solved")], [created(NOW)])[0] == []
    (summary,) = written([message(NOW + 1), status(NOW + 2, "solved")], [created(NOW)])[1]
    assert summary.one_contact
    assert summary.customer_id is None


def test_a_ticket_that_moves_leaves_its_former_customer_first() -> None:
    """From nobody to somebody, and on. The same number stands in both."""
    moves = [[created(NOW)], *([updated(NOW + n, customer_id=f"c{n}")] for n in (1, 2))]
    summaries = written(*moves)
    assert [[(s.customer_id, s.gone) for s in flush] for flush in summaries] == [
        [(None, False)],
        [(None, True), ("c1", False)],
        [("c1", True), ("c2", False)],
    ]
    assert all(len({summary.number for summary in flush}) == 1 for flush in summaries)
    numbers = [flush[0].number for flush in summaries]
    assert all(first < later for first, later in pairwise(numbers))


def test_merged_and_deleted_tickets_are_gone() -> None:
    """Once, and not at all if nobody was told of them."""
    first, second, third = written([created(NOW, customer_id="c")], [merged(NOW + 1)], [message(NOW + 2)])
    assert [summary.gone for summary in (*first, *second)] == [False, True]
    assert third == []
    assert written([created(NOW), merged(NOW + 1)]) == [[]]


def test_an_interaction_is_the_one_contact() -> None:
    """It also names the customer."""
    events = [
        created(NOW),
        handled(NOW + HOUR, 60, ticket_id="t", customer_id="c"),
        status(NOW + HOUR, "solved"),
    ]
    ((summary,),) = written(events)
    assert (summary.customer_id, summary.one_contact) == ("c", True)


def test_an_erasure_writes_no_summary() -> None:
    """Neither of the person's open tickets nor of resolved ones."""
    task = single(Tickets())
    events = [created(NOW, customer_id="c"), created(NOW, "u", customer_id="c"), status(NOW, "solved", "u")]
    assert len(_flush(task, events)) == 2
    assert _flush(task, [Event(CustomerErased(customer_id="c"), NOW + MINUTE, NOW + MINUTE)]) == []


def under(task: PartitionTask, **settings: Any) -> PartitionTask:
    """Restore a partition under other settings."""
    changed = single(Tickets(), aggregation_config(config_hash="other", **settings))
    changed.store.entities.update(task.store.entities)
    changed.checkpoint = task.checkpoint
    assert finish_restore(changed)
    return changed


def test_a_forgotten_ticket_is_not_summarized_under_other_settings() -> None:
    """The allowed labels changed meanwhile: it is summarized when they do, and not when it is forgotten."""
    task = single(Tickets())
    assert len(_flush(task, [created(NOW, labels={"brand": "acme"}), status(NOW, "solved")])) == 1
    changed = under(task, labels=())
    (summary,) = _flush(changed, [])
    assert (summary.labels, summary.present, summary.number) == (None, {}, 1)
    later = NOW + 38 * DAY
    assert _flush(changed, [message(later, "customer", stamp=later)]) == []


def test_a_summary_has_the_fate_of_the_first_response_and_the_present_dimensions() -> None:
    """Judged at the response, by the target of the dimensions then. A reopening has a response of its own."""
    targets = {"chat": ResponseTarget(MINUTE, "calendar")}
    task = single(Tickets(), aggregation_config(response_targets=targets))
    opened = _flush(task, [created(NOW, channel="chat")])
    replied = _flush(task, [message(NOW + 2 * MINUTE)])
    moved = _flush(task, [updated(NOW + 3 * MINUTE, channel="mail", team="a")])
    reopened = _flush(
        task,
        [
            status(NOW + HOUR, "solved"),
            status(NOW + 2 * HOUR, "open"),
            message(NOW + 2 * HOUR + 1, message_id="2"),
        ],
    )
    assert [(s.first_response, s.present) for s in [*opened, *replied, *moved, *reopened]] == [
        (None, {"channel": "chat"}),
        ("late", {"channel": "chat"}),
        ("late", {"channel": "mail", "team": "a"}),
        ("late", {"channel": "mail", "team": "a"}),
    ]


def test_under_other_targets_the_fates_that_change_are_written_again() -> None:
    """With the number of the partition's last record, which none is above."""
    task = single(Tickets())
    _flush(task, [created(NOW), message(NOW + 2 * MINUTE), created(NOW, "u"), message(NOW + 1, ticket="u")])
    changed = under(task, response_target=MINUTE)
    (summary,) = _flush(changed, [])
    assert (summary.ticket_id, summary.first_response, summary.number) == ("t", "late", 3)
    assert _flush(changed, []) == []


def test_a_note_changes_no_pane_and_no_summary() -> None:
    """Not in a flush of its own either. The ticket still knows the note, so that it is a duplicate the second time."""
    task = single(Tickets())
    _flush(task, [created(NOW, customer_id="c"), message(NOW + MINUTE)])
    note = message(NOW + 2 * MINUTE, public=False, customer_id="c")
    task.process(records([note], task.next_offset), NOW + DAY)
    flush = task.prepare_flush(NOW + DAY, 0)
    assert (flush.panes, flush.forwards) == ([], [])
    assert [key for key, _ in flush.state] == [b"tt"]
    task.process(records([note], task.next_offset), NOW + DAY)
    assert task.outcome_counts["duplicate"] == 1
    assert _flush(task, [status(NOW + 3 * MINUTE, "solved")])[0].one_contact


def test_a_new_customer_is_told_without_a_change_of_panes() -> None:
    """What a flush retracts and adds again is no change."""
    task = single(Tickets())
    _flush(task, [created(NOW, customer_id="c"), message(NOW + MINUTE)])
    task.process(records([updated(NOW + 2 * MINUTE, customer_id="d")], task.next_offset), NOW + DAY)
    flush = task.prepare_flush(NOW + DAY, 0)
    assert flush.panes == []
    assert [record.key for record in flush.forwards] == [b"c", b"d"]


def test_summaries_of_tickets_with_the_same_dimensions_are_their_own() -> None:
    """They begin as copies of one."""
    first, second = _flush(
        single(Tickets()),
        [
            created(NOW, "a", customer_id="c", team="front", topic="bill"),
            created(NOW, "b", team="front", topic="bill"),
            message(NOW + 1, ticket="a"),
            status(NOW + 2, "solved", "a"),
        ],
    )
    assert (first.ticket_id, first.customer_id, first.team, first.resolved) == ("a", "c", "front", True)
    assert (second.ticket_id, second.customer_id, second.team, second.resolved) == ("b", None, None, False)
    assert first.present == second.present == {"team": "front", "ticket_topic": "bill"}
