"""Tickets against an oracle that recomputes everything: any order, duplicates, batches, neighbours, new rules."""

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

KINDS = {
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
described = {"dimensions": dimensions, "topic": st.sampled_from([None, None, "bill"])}
FIELDS: dict[str, dict[str, Any]] = {
    "created": {"opened_by": st.sampled_from(["customer", "agent", "agent", "bot"]), **described},
    "message": {
        "author": st.sampled_from(["agent", "agent", "customer", "bot", "system"]),
        "public": st.sampled_from([True, True, False]),
    },
    "status": {
        "status": st.sampled_from(["open", "pending", "solved", "solved", "closed"]),
        "by": st.sampled_from([None, "agent", "customer", "bot", "timeout"]),
    },
    "handoff": {},
    "updated": described,
    "merged": {},
    "deleted": {},
}
OFTEN = ["created"] * 4 + ["message"] * 8 + ["status"] * 8 + ["handoff"] * 2 + ["updated"] * 2 + ["merged"]


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events of a few tickets of two people, many at the same moment."""
    events = []
    for n in range(draw(st.integers(0, 22))):
        kind = draw(st.sampled_from([*OFTEN, "deleted"]))
        event = {"type": kind, "at": draw(times), "id": draw(st.sampled_from("abc")) + f"{n}"}
        event |= {"person": draw(st.sampled_from(["p", "p", "q"])), "ticket": draw(st.sampled_from("uuuvw"))}
        events.append(event | {name: draw(field) for name, field in FIELDS[kind].items()})
    events += [
        {"type": "created", "at": draw(times), "id": f"first {who}", "person": "p", "ticket": who}
        | {name: draw(field) for name, field in FIELDS["created"].items()}
        for who in ("u", "v")
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
    return Event(KINDS[event["type"]](**fields), event["at"], NOW, event["id"])


def listed(history: list[dict[str, Any]]) -> list[FakeRecord]:
    return records([typed(event) for event in history])


def held(partition: PartitionTask) -> Figures:
    """What hour panes and standing minutes hold."""
    out: Figures = Counter()
    for key, block in partition.panes.blocks.items():
        if key.resolution in (3, 4):
            for pane, component, n in unpack_block(key.resolution, key.block, block):
                out[*key.cell, component, pane] += n
    return Counter({key: n for key, n in out.items() if n})


@settings(max_examples=300)
@given(histories(), st.randoms(use_true_random=False), st.integers(1, 9))
def test_any_order_with_duplicates_in_any_batches_gives_the_oracles_figures(
    history: list[dict[str, Any]], random: Any, size: int
) -> None:
    """Reopenings, merges, bots, handoffs, agent-opened tickets, neighbours: shuffled, repeated, cut into flushes."""
    again = [*history, *random.sample(history, len(history) // 3)]
    random.shuffle(again)
    partition = single(Tickets())
    read = listed(again)
    for i in range(0, len(read), size):
        partition.process(read[i : i + size], NOW)
        partition.prepare_flush(NOW, 0)
    assert held(partition) == tickets(history, VIEWS)
    assert partition.outcome_counts["accepted"] == len(history)
    assert partition.outcome_counts["duplicate"] == len(again) - len(history)


@pytest.mark.parametrize("other", ["c", "é", "€", "😀"])
def test_long_ids_of_one_moment_are_in_order_whatever_they_are_written_in(other: str) -> None:
    """The cut after 64 bytes may go through a character: solved, then opened, and the last channel holds."""
    base: dict[str, Any] = {"person": "p", "ticket": "t", "at": START}
    history = [
        base | {"type": "created", "id": "c", "opened_by": "customer", "dimensions": {}, "topic": None},
        base | {"type": "status", "id": "s" * 63 + "b", "status": "solved", "by": "agent"},
        base | {"type": "status", "id": "s" * 63 + other, "status": "open", "by": "agent"},
        base | {"type": "updated", "id": "u" * 63 + "b", "dimensions": {"channel": "web"}, "topic": None},
        base | {"type": "updated", "id": "u" * 63 + other, "dimensions": {"channel": "chat"}, "topic": None},
    ]
    partition = single(Tickets())
    partition.process(listed(history), NOW)
    partition.prepare_flush(NOW, 0)
    assert held(partition) == tickets(history, VIEWS)


@given(histories())
def test_what_is_kept_is_the_sum_of_what_was_contributed(history: list[dict[str, Any]]) -> None:
    """Panes are stored contributions, expanded: also after new rules and back, and from bytes."""
    partition = single(Tickets())
    partition.process(listed(history), NOW)
    flush = partition.prepare_flush(NOW, 0)
    views = {"total": (), "where": ("priority", "channel")}
    for changed in (
        aggregation_config(config_hash="other", views=views, response_target=DAY),
        aggregation_config(),
    ):
        again = PartitionTask(Tickets(), 0, 1, changed)
        for key, value in flush.state:
            again.restore_state(key, value)
        again.checkpoint = flush.checkpoint
        again.finish_restore()
        assert held(again) == tickets(history, changed.views, changed.response_target)
        flush = again.prepare_flush(NOW, 0)._replace(state=list(again.store.entities.items()))


@given(histories())
def test_erasing_a_person_retracts_unresolved_tickets(history: list[dict[str, Any]]) -> None:
    """Resolved tickets stay counted, the other person's tickets stay as they were, nothing of the person is kept."""
    partition = single(Tickets())
    erasure = Event(CustomerErased(customer_id="p"), NOW, NOW)
    partition.process(records([*(typed(event) for event in history), erasure]), NOW)
    partition.prepare_flush(NOW, 0)
    views = {"total": ()}
    stay = Counter({key: n for key, n in held(partition).items() if key[1] == "total"})
    everything = tickets(history, views)
    others = tickets([event for event in history if event["person"] != "p"], views)
    assert {key: n for key, n in stay.items() if key[0] in ("waiting", "open")} == {
        key: n for key, n in others.items() if key[0] in ("waiting", "open")
    }
    assert all(others[key] <= n <= everything[key] for key, n in stay.items())
    full = {
        key: n
        for key, n in everything.items()
        if key[0] == "resolution" and ResolutionLayout.ONCE <= key[4] < ResolutionLayout.FIRST
    }
    assert {key: n for key, n in stay.items() if key in full} == full
    assert not any(
        partition.kinds.of(key).person_key(key, raw) == b"p"
        for key, raw in partition.store.entities.items()
        if key[:1] in b"tfi"
    )


@given(histories())
def test_closed_tickets_are_forgotten_and_open_ones_kept(history: list[dict[str, Any]]) -> None:
    """When the watermark has passed by 38 days and a bit, what is left is open, and stands."""
    partition = single(Tickets())
    partition.process(listed(history), NOW)
    partition.prepare_flush(NOW, 0)
    partition.checkpoint.watermark = later = NOW + 39 * DAY
    partition.prepare_flush(later, 0)
    standing = sum(n for key, n in tickets(history, {"total": ()}).items() if key[0] == "open")
    assert len(partition.store.entities) == standing
    assert {key.cell.aggregate for key in partition.panes.blocks} <= {"open", "waiting"}
