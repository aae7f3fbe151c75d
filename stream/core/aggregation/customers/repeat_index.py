"""The repeat-contact index of one flush: a write-back cache of `RepeatContacts`."""

from functools import lru_cache

from stream.core.aggregation.customers import repeat_contacts
from stream.core.aggregation.customers.entity import digest
from stream.core.aggregation.customers.repeat_contacts import RepeatContacts
from stream.core.aggregation.customers.ticket_summary import ContactSummary
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import HOUR

REPEATS = b"q"
_DIGEST_SIZE = len(digest(""))
_topic_digest = lru_cache(maxsize=1_024)(digest)


class RepeatContactIndex:
    """Loaded `RepeatContacts` by key, and the tickets that their changes affect."""

    def __init__(self, store: EntityStore) -> None:
        self.store = store
        self.expired_before = store.newest_timestamp - store.config.entity_retention
        """Entries before this time are dropped, in ms."""
        self.affected: dict[bytes, RepeatContacts] = {}
        """Keys of tickets to be reevaluated, each with the contacts that decide."""
        self._loaded: dict[bytes, RepeatContacts] = {}

    def update(self, key: bytes, old: ContactSummary | None, new: ContactSummary | None) -> None:
        """Replace the old summary of the ticket with this key by the new one. None: the ticket has none."""
        if old is not None and new is not None and old.topic != new.topic:
            self.update(key, old, None)
            old = None
        either = new or old
        contacts = self._load(key, either.topic if either else "")
        prefix, ticket = key[:-_DIGEST_SIZE], key[-_DIGEST_SIZE:]
        for created in contacts.replace(ticket, old, new):
            for neighbour in contacts.affected(created):
                self.affected[prefix + neighbour] = contacts
        if new is not None:
            self.affected[key] = contacts

    def _load(self, ticket_key: bytes, topic: str) -> RepeatContacts:
        key = repeats_key(ticket_key, topic)
        contacts = self._loaded.get(key)
        if contacts is None:
            raw = self.store.entities.get(key)
            contacts = self._loaded[key] = RepeatContacts() if raw is None else repeat_contacts.unpack(raw)
            contacts.forget(self.expired_before)
        return contacts

    def flush(self) -> None:
        """Store the loaded contacts without expired entries."""
        store = self.store
        for key, contacts in self._loaded.items():
            contacts.forget(self.expired_before)
            newest = contacts.newest_time
            if newest is None:
                store.put(key, None, None)
            else:
                due = None if key in store.entities else expires_at(newest, store.config)
                store.put(key, repeat_contacts.pack(contacts), due)


def repeats_key(ticket_key: bytes, topic: str) -> bytes:
    """Return the key of the contacts about a topic of the customer of a ticket. Absent topics are ""."""
    return REPEATS + ticket_key[1:-_DIGEST_SIZE] + _topic_digest(topic)


def expires_at(newest_time: int, config: AggregationConfig) -> int:
    """Return when contacts expire whose newest time is this one (ms), on the hour."""
    return (newest_time // HOUR + 1) * HOUR + config.entity_retention
