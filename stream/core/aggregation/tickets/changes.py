"""Derive the contributions of dirty tickets, and of other tickets that they affect."""

from collections import defaultdict
from collections.abc import Callable

from stream.core.aggregation.entity_store import EntityStore, project_dimensions
from stream.core.aggregation.tickets.derive import derive
from stream.core.aggregation.tickets.entity import (
    ContactSummary,
    Ticket,
    TicketContributions,
    expires_at,
    pack,
    unpack,
)
from stream.core.aggregation.tickets.history import History, history
from stream.core.aggregation.tickets.repeat_index import RepeatContactIndex
from stream.core.model.aggregate import (
    COMPONENT_BITS,
    COMPONENT_MASK,
    AggregateName,
    Contribution,
    Vector,
    accumulate_vector,
    add,
)
from stream.core.model.aggregates.tickets import FCR, FcrLayout
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import MINUTE


def by_minute(contributions: TicketContributions, values: DimensionValues) -> tuple[Contribution, ...]:
    """Return contributions as the engine reads them, one for each aggregate and minute."""
    vectors: defaultdict[tuple[AggregateName, int], Vector] = defaultdict(dict)
    for aggregate, vector in contributions.items():
        for order, n in vector.items():
            vectors[aggregate, order >> COMPONENT_BITS][order & COMPONENT_MASK] = n
    return tuple(
        [
            Contribution(aggregate, values, (), minute, vector)
            for (aggregate, minute), vector in vectors.items()
        ]
    )


def derive_ticket(
    ticket: Ticket, history_: History | None, config: AggregationConfig
) -> tuple[DimensionValues, TicketContributions]:
    """Return the projected values of a ticket and its contributions. `history_` None: there are none."""
    if history_ is None:
        return (), {}
    values = ticket.dimensions(config)
    return project_dimensions(values, config), derive(history_, ticket.repeated, values, config)


def derive_changes(store: EntityStore) -> None:
    """Derive the dirty tickets, apply the differences and pack them.

    Repeat contacts are resolved in three passes, so that the order of tickets does not matter: update the index with
    every changed ticket, reevaluate the affected tickets, derive contributions.
    """
    index, config = RepeatContactIndex(store), store.config
    histories = []
    for key, ticket in store.dirty.items():
        history_ = history(ticket)
        histories.append(history_)
        contact = _contact_summary(ticket, history_)
        if contact != ticket.contact:
            index.update(key, ticket.person_key, ticket.contact, contact)
            ticket.contact, ticket.repeated = contact, False
    index.flush()
    for key, contacts in index.affected.items():
        _reevaluate(store, key, contacts.is_repeated)
    for (key, ticket), history_ in zip(store.dirty.items(), histories, strict=True):
        scheduled = ticket.forgettable and key in store.entities
        ticket.forgettable = history_ is None or history_.resolved
        _apply_difference(store, ticket, *derive_ticket(ticket, history_, config))
        due = expires_at(ticket.last_record, config) if ticket.forgettable and not scheduled else None
        store.put(key, pack(ticket), due)
    store.dirty = {}


def _contact_summary(ticket: Ticket, history_: History | None) -> ContactSummary | None:
    if history_ is None:
        return None
    solved = (
        history_.first_human_solve.time
        if history_.first_human_solve is not None and history_.first_contact
        else None
    )
    return ContactSummary(ticket.topic(), history_.created, solved)


def _reevaluate(store: EntityStore, key: bytes, repeated: Callable[[int], bool]) -> None:
    """Reevaluate whether a ticket's solve was a first contact. An expired ticket stays as it was counted."""
    if (ticket := store.dirty.get(key)) is not None:
        if ticket.contact is not None and ticket.contact.solved is not None:
            ticket.repeated = repeated(ticket.contact.solved)
        return
    if (raw := store.entities.get(key)) is None:
        return
    ticket = unpack(raw)
    solved = ticket.contact.solved if ticket.contact is not None else None
    if solved is not None and repeated(solved) != ticket.repeated:
        _flip_first_contact(store, ticket, solved)
        store.put(key, pack(ticket), None)


def _flip_first_contact(store: EntityStore, ticket: Ticket, solved: int) -> None:
    """Flip whether a solve was a first contact. Two counts of the ticket's contributions change."""
    ticket.repeated = not ticket.repeated
    start, sign = solved // MINUTE << COMPONENT_BITS, -1 if ticket.repeated else 1
    change = {start | FcrLayout.FIRST_CONTACT: sign, start | FcrLayout.OTHER: -sign}
    add(ticket.contributions[FCR.name], change)
    accumulate_vector(store.deltas, (FCR.name, ticket.values, ()), change)


def _apply_difference(
    store: EntityStore, ticket: Ticket, values: DimensionValues, contributions: TicketContributions
) -> None:
    """Add to the deltas the difference from the stored contributions, and store the new ones."""
    old, same = ticket.contributions, values == ticket.values
    for aggregate, vector in old.items():
        if not same or contributions.get(aggregate) != vector:
            accumulate_vector(
                store.deltas, (aggregate, ticket.values, ()), {order: -n for order, n in vector.items()}
            )
    for aggregate, vector in contributions.items():
        if not same or old.get(aggregate) != vector:
            accumulate_vector(store.deltas, (aggregate, values, ()), vector.copy())
    ticket.values, ticket.contributions = values, contributions
