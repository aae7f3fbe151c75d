"""The pages that a flush opens: what the tickets of a person about a topic know of each other."""

from stream.core.book import Book
from stream.core.tickets import repeats
from stream.core.tickets.facts import Link, address, kept
from stream.core.tickets.repeats import Repeats

REPEATS = b"f"


class Pages:
    """Pages by key, with the tickets that what they were told concerns."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.oldest = book.record_time - book.rules.memory
        """What is told of before is forgotten, in ms."""
        self.concerned: dict[bytes, Repeats] = {}
        """Keys of tickets that are to be judged anew, with the page that decides."""
        self._open: dict[bytes, Repeats] = {}

    def tell(self, key: bytes, person: bytes, old: Link | None, new: Link | None) -> None:
        """Replace what a ticket told by what it tells now."""
        if old is not None and new is not None and old.topic != new.topic:
            self.tell(key, person, old, None)
            old = None
        either = new or old
        page = self._page(person, either.topic if either else "")
        for created in page.change(key, old, new):
            for neighbour in page.concerned(created):
                self.concerned[neighbour] = page
        if new is not None:
            self.concerned[key] = page

    def _page(self, person: bytes, topic: str) -> Repeats:
        key = address(REPEATS, person, topic)
        page = self._open.get(key)
        if page is None:
            raw = self.book.entities.get(key)
            page = self._open[key] = Repeats(person) if raw is None else repeats.unpack(raw)
            page.forget(self.oldest)
        return page

    def close(self) -> None:
        """Keep the pages as they are now, without what is too old."""
        book = self.book
        for key, page in self._open.items():
            page.forget(self.oldest)
            newest = page.newest
            if newest is None:
                book.put(key, None, None)
            else:
                due = None if key in book.entities else kept(newest, book.rules)
                book.put(key, repeats.pack(page), due)
