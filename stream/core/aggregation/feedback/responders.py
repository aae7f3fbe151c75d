"""Customers who answer surveys: one `CustomerResponded` event is derived for each."""

from hashlib import blake2b

from schemas.customers import CustomerResponded
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback.entity import RESPONDER
from stream.core.aggregation.outgoing import DerivedEvent


def record_response(store: EntityStore, customer: str, event_time: int, person_key: bytes) -> None:
    """Derive the event that this customer answers surveys, unless it was derived before.

    If the answer is keyed by its own ID, the customer's erasure goes to another partition. Only a hash is kept then.
    """
    name = customer.encode()
    key = RESPONDER + (name if name == person_key else blake2b(name, digest_size=16).digest())
    if key not in store.entities:
        store.put(key, b"", None)
        data, event_id = CustomerResponded(customer_id=customer), f"responded/{customer}"[:256]
        store.derived.append(DerivedEvent(data, event_id, event_time, store.record_timestamp))
