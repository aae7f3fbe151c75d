"""The repeat-contact index of one flush: a write-back cache of `RepeatContacts`."""

from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.tickets import repeat_contacts
from stream.core.aggregation.tickets.entity import ContactSummary, expires_at, hashed_key
from stream.core.aggregation.tickets.repeat_contacts import RepeatContacts

REPEATS = b"f"


class RepeatContactIndex:
    """Loaded `RepeatContacts` by key, and the tickets that their changes affect."""

    def __init__(self, store: EntityStore) -> None:
        self.store = store
        self.expired_before = store.record_timestamp - store.config.entity_retention
        """Entries before this time are dropped, in ms."""
        self.affected: dict[bytes, RepeatContacts] = {}
        """Keys of tickets to be reevaluated, each with the contacts that decide."""
        self._loaded: dict[bytes, RepeatContacts] = {}

    def update(
        self, key: bytes, person_key: bytes, old: ContactSummary | None, new: ContactSummary | None
    ) -> None:
        """Replace the old summary of a ticket by the new one. None: the ticket has none."""
        if old is not None and new is not None and old.topic != new.topic:
            self.update(key, person_key, old, None)
            old = None
        either = new or old
        contacts = self._load(person_key, either.topic if either else "")
        for created in contacts.replace(key, old, new):
            for neighbour in contacts.affected(created):
                self.affected[neighbour] = contacts
        if new is not None:
            self.affected[key] = contacts

    def _load(self, person_key: bytes, topic: str) -> RepeatContacts:
        key = hashed_key(REPEATS, person_key, topic)
        contacts = self._loaded.get(key)
        if contacts is None:
            raw = self.store.entities.get(key)
            contacts = self._loaded[key] = (
                RepeatContacts(person_key) if raw is None else repeat_contacts.unpack(raw)
            )
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
