"""Customers who answer surveys: the customers' topic is told of each, once."""

from hashlib import blake2b

from schemas.customers import CustomerResponded
from stream.core.book import Book
from stream.core.feedback.facts import RESPONDER


def respond(book: Book, customer: str, at: int, person: bytes) -> None:
    """Tell the customers' topic, unless it was told, that this customer answers surveys.

    Of one whose erasure may come to another partition, the answer being keyed by its own id, only a hash is kept.
    """
    name = customer.encode()
    key = RESPONDER + (name if name == person else blake2b(name, digest_size=16).digest())
    if key not in book.entities:
        book.put(key, b"", None)
        book.derived.append((CustomerResponded(customer_id=customer), at, book.record_time))
