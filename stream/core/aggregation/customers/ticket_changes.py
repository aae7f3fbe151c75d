"""Derive the contributions of dirty ticket summaries, and of other tickets that they affect."""

from stream.core.aggregation.customers.repeat_contacts import RepeatContacts
from stream.core.aggregation.customers.repeat_index import RepeatContactIndex
from stream.core.aggregation.customers.ticket_summary import (
    SUMMARY,
    TicketSummary,
    contact_summary,
    derive,
    expires_at,
    pack,
    unpack,
)
from stream.core.aggregation.entity_store import EntityStore


def derive_changes(store: EntityStore) -> None:
    """Derive the dirty summaries, apply the differences and pack them.

    Repeat contacts are resolved in three passes, so that the order of tickets does not matter: update the index with
    every changed ticket, reevaluate the affected tickets, derive contributions.
    """
    if not store.dirty:
        return
    index = RepeatContactIndex(store)
    for key, summary in store.dirty.items():
        contact = contact_summary(summary)
        if key.startswith(SUMMARY) and contact != summary.contact:
            index.update(key, summary.contact, contact)
            summary.contact = contact
    index.flush()
    for key, contacts in index.affected.items():
        _reevaluate(store, key, contacts)
    for key, summary in store.dirty.items():
        _save(store, key, summary)
    store.dirty = {}


def _reevaluate(store: EntityStore, key: bytes, contacts: RepeatContacts) -> None:
    """Reevaluate whether a ticket's solve was a first contact. An expired ticket stays as it was counted."""
    summary: TicketSummary | None = store.dirty.get(key)
    if summary is not None:
        summary.repeated = _is_repeated(summary, contacts)
    elif (raw := store.entities.get(key)) is not None:
        summary = unpack(raw)
        if (repeated := _is_repeated(summary, contacts)) != summary.repeated:
            summary.repeated = repeated
            _save(store, key, summary)


def _is_repeated(summary: TicketSummary, contacts: RepeatContacts) -> bool:
    return summary.contact is not None and contacts.is_repeated(summary.contact)


def _save(store: EntityStore, key: bytes, summary: TicketSummary) -> None:
    """Store a summary, and add the difference of its contributions from those of the stored one to the deltas."""
    raw, config = store.entities.get(key), store.config
    before = () if raw is None else derive(unpack(raw), config)
    after = derive(summary, config)
    if before != after:
        store.apply_difference(before, after)
    store.put(key, pack(summary), expires_at(summary, config))
