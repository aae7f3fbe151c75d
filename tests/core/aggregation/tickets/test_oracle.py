"""Ticket figures compared with an oracle, for any order, duplicates, batches, neighbours and settings."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.customers import CustomerErased
from schemas.tickets import (
    TicketCreated,
    TicketDeleted,
    TicketHandoff,
    TicketMerged,
    TicketMessage,
    TicketStatus,
    TicketUpdated,
)
from stream.core.aggregation.task import PartitionTask
from stream.core.aggregation.tickets import Tickets
from stream.core.model.aggregates.tickets import ResolutionLayout
from stream.core.model.pane_blocks import unpack_block
from tests.core.aggregation.tickets.oracle import Figures, tickets
from tests.support import DAY, MINUTE, NOW, VIEWS, Event, FakeRecord, aggregation_config, records, single

EVENT_CLASSES = {
    "created": TicketCreated,
    "message": TicketMessage,
    "status": TicketStatus,
    "handoff": TicketHandoff,
    "updated": TicketUpdated,
    "merged": TicketMerged,
    "deleted": TicketDeleted,
}
START = NOW - 20 * DAY
times = st.builds(
    lambda day, minute: START + day * DAY + minute * MINUTE + minute,
    st.sampled_from([0, 0, 1, 7, 8]),
    st.integers(-1, 1),
)
dimensions = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["web", "chat"]),
        "touchpoint": st.sampled_from(["help", "shop"]),
        "priority": st.just("high"),
    },
)
text_fields = {"dimensions": dimensions, "topic": st.sampled_from([None, None, "bill"])}
FIELDS: dict[str, dict[str, Any]] = {
    "created": {"opened_by": st.sampled_from(["customer", "agent", "agent", "bot"]), **text_fields},
    "message": {
        "author": st.sampled_from(["agent", "agent", "customer", "bot", "system"]),
        "public": st.sampled_from([True, True, False]),
    },
    "status": {
        "status": st.sampled_from(["open", "pending", "solved", "solved", "closed"]),
        "by": st.sampled_from([None, "agent", "customer", "bot", "timeout"]),
    },
    "handoff": {},
    "updated": text_fields,
    "merged": {},
    "deleted": {},
}
EVENT_TYPES = (
    ["created"] * 4 + ["message"] * 8 + ["status"] * 8 + ["handoff"] * 2 + ["updated"] * 2 + ["merged"]
)


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw events of a few tickets of two customers, many at the same moment."""
    events = []
    for n in range(draw(st.integers(0, 22))):
        event_type = draw(st.sampled_from([*EVENT_TYPES, "deleted"]))
        event = {"type": event_type, "at": draw(times), "id": draw(st.sampled_from("abc")) + f"{n}"}
        event |= {"person": draw(st.sampled_from(["p", "p", "q"])), "ticket": draw(st.sampled_from("uuuvw"))}
        events.append(event | {name: draw(field) for name, field in FIELDS[event_type].items()})
    events += [
        {"type": "created", "at": draw(times), "id": f"first {ticket_id}", "person": "p", "ticket": ticket_id}
        | {name: draw(field) for name, field in FIELDS["created"].items()}
        for ticket_id in ("u", "v")
    ]
    return draw(st.permutations(events))


def typed(event: dict[str, Any]) -> Event:
    fields = {
        k: v for k, v in event.items() if k not in ("type", "at", "id", "person", "ticket", "dimensions")
    }
    fields |= event.get("dimensions", {}) | {"ticket_id": event["ticket"], "customer_id": event["person"]}
    if event["type"] == "message":
        fields["message_id"] = event["id"]
    if event["type"] == "merged":
        fields["into"] = "another"
    return Event(EVENT_CLASSES[event["type"]](**fields), event["at"], NOW, event["id"])


def to_records(history: list[dict[str, Any]]) -> list[FakeRecord]:
    return records([typed(event) for event in history])


def stored_figures(partition: PartitionTask) -> Figures:
    """Return the figures in hour panes and in the minutes of open items."""
    out: Figures = Counter()
    for key, block in partition.panes.blocks.items():
        if key.resolution in (3, 4):
            for pane, component, n in unpack_block(key.resolution, key.block, block):
                out[*key.cell, component, pane] += n
    return Counter({key: n for key, n in out.items() if n})


@settings(max_examples=300)
@given(histories(), st.randoms(use_true_random=False), st.integers(1, 9))
def test_figures_equal_the_oracles_in_any_order_and_batches(
    history: list[dict[str, Any]], random: Any, size: int
) -> None:
    """Events are shuffled, repeated and cut into batches, with a flush after each."""
    shuffled = [*history, *random.sample(history, len(history) // 3)]
    random.shuffle(shuffled)
    partition = single(Tickets())
    batch_records = to_records(shuffled)
    for i in range(0, len(batch_records), size):
        partition.process(batch_records[i : i + size], NOW)
        partition.prepare_flush(NOW, 0)
    assert stored_figures(partition) == tickets(history, VIEWS)
    assert partition.outcome_counts["accepted"] == len(history)
    assert partition.outcome_counts["duplicate"] == len(shuffled) - len(history)


@pytest.mark.parametrize("other", ["c", "é", "€", "😀"])
def test_long_ids_of_one_moment_are_ordered_by_their_bytes(other: str) -> None:
    """IDs are truncated after 64 bytes, possibly inside a character. The last status and channel must win."""
    base: dict[str, Any] = {"person": "p", "ticket": "t", "at": START}
    history = [
        base | {"type": "created", "id": "c", "opened_by": "customer", "dimensions": {}, "topic": None},
        base | {"type": "status", "id": "s" * 63 + "b", "status": "solved", "by": "agent"},
        base | {"type": "status", "id": "s" * 63 + other, "status": "open", "by": "agent"},
        base | {"type": "updated", "id": "u" * 63 + "b", "dimensions": {"channel": "web"}, "topic": None},
        base | {"type": "updated", "id": "u" * 63 + other, "dimensions": {"channel": "chat"}, "topic": None},
    ]
    partition = single(Tickets())
    partition.process(to_records(history), NOW)
    partition.prepare_flush(NOW, 0)
    assert stored_figures(partition) == tickets(history, VIEWS)


@given(histories())
def test_panes_are_the_sum_of_contributions_under_changed_settings(history: list[dict[str, Any]]) -> None:
    """Panes equal the expanded contributions, also after the settings are changed and restored."""
    partition = single(Tickets())
    partition.process(to_records(history), NOW)
    flush = partition.prepare_flush(NOW, 0)
    views = {"total": (), "where": ("priority", "channel")}
    for config in (
        aggregation_config(config_hash="other", views=views, response_target=DAY),
        aggregation_config(),
    ):
        rebuilt = PartitionTask(Tickets(), 0, 1, config)
        for key, value in flush.state:
            rebuilt.restore_state(key, value)
        rebuilt.checkpoint = flush.checkpoint
        rebuilt.finish_restore()
        assert stored_figures(rebuilt) == tickets(history, config.views, config.response_target)
        flush = rebuilt.prepare_flush(NOW, 0)._replace(state=list(rebuilt.store.entities.items()))


@given(histories())
def test_erasing_a_person_retracts_unresolved_tickets(history: list[dict[str, Any]]) -> None:
    """Resolved tickets stay counted, other customers are not affected, no entity of the erased one is left."""
    partition = single(Tickets())
    erasure = Event(CustomerErased(customer_id="p"), NOW, NOW)
    partition.process(records([*(typed(event) for event in history), erasure]), NOW)
    partition.prepare_flush(NOW, 0)
    views = {"total": ()}
    actual = Counter({key: n for key, n in stored_figures(partition).items() if key[1] == "total"})
    everything = tickets(history, views)
    others = tickets([event for event in history if event["person"] != "p"], views)
    assert {key: n for key, n in actual.items() if key[0] in ("waiting", "open")} == {
        key: n for key, n in others.items() if key[0] in ("waiting", "open")
    }
    assert all(others[key] <= n <= everything[key] for key, n in actual.items())
    full_resolutions = {
        key: n
        for key, n in everything.items()
        if key[0] == "resolution" and ResolutionLayout.ONCE <= key[4] < ResolutionLayout.FIRST
    }
    assert {key: n for key, n in actual.items() if key in full_resolutions} == full_resolutions
    assert not any(
        partition.kinds.of(key).person_key(key, raw) == b"p"
        for key, raw in partition.store.entities.items()
        if key[:1] in b"tfi"
    )


@given(histories())
def test_closed_tickets_expire_and_open_ones_are_kept(history: list[dict[str, Any]]) -> None:
    """39 days later only open tickets are stored."""
    partition = single(Tickets())
    partition.process(to_records(history), NOW)
    partition.prepare_flush(NOW, 0)
    partition.checkpoint.watermark = later = NOW + 39 * DAY
    partition.prepare_flush(later, 0)
    open_tickets = sum(n for key, n in tickets(history, {"total": ()}).items() if key[0] == "open")
    assert len(partition.store.entities) == open_tickets
    assert {key.cell.aggregate for key in partition.panes.blocks} <= {"open", "waiting"}
