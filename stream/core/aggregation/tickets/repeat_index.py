"""The pages that a flush opens: what the tickets of a person about a topic know of each other."""

from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.tickets import repeat_contacts
from stream.core.aggregation.tickets.entity import ContactSummary, expires_at, hashed_key
from stream.core.aggregation.tickets.repeat_contacts import RepeatContacts

REPEATS = b"f"


class RepeatContactIndex:
    """Pages by key, with the tickets that what they were told concerns."""

    def __init__(self, store: EntityStore) -> None:
        self.store = store
        self.expired_before = store.record_timestamp - store.rules.entity_retention
        """What is told of before is forgotten, in ms."""
        self.affected: dict[bytes, RepeatContacts] = {}
        """Keys of tickets that are to be judged anew, with the page that decides."""
        self._loaded: dict[bytes, RepeatContacts] = {}

    def update(
        self, key: bytes, person_key: bytes, old: ContactSummary | None, new: ContactSummary | None
    ) -> None:
        """Replace what a ticket told by what it tells now."""
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
        """Keep the pages as they are now, without what is too old."""
        store = self.store
        for key, contacts in self._loaded.items():
            contacts.forget(self.expired_before)
            newest = contacts.newest_time
            if newest is None:
                store.put(key, None, None)
            else:
                due = None if key in store.entities else expires_at(newest, store.rules)
                store.put(key, repeat_contacts.pack(contacts), due)
