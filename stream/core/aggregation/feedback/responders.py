"""Customers who answer surveys: the customers' topic is told of each, once."""

from hashlib import blake2b

from schemas.customers import CustomerResponded
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback.entity import RESPONDER


def record_response(store: EntityStore, customer: str, event_time: int, person_key: bytes) -> None:
    """Tell the customers' topic, unless it was told, that this customer answers surveys.

    Of one whose erasure may come to another partition, the answer being keyed by its own id, only a hash is kept.
    """
    name = customer.encode()
    key = RESPONDER + (name if name == person_key else blake2b(name, digest_size=16).digest())
    if key not in store.entities:
        store.put(key, b"", None)
        store.derived.append((CustomerResponded(customer_id=customer), event_time, store.record_timestamp))
