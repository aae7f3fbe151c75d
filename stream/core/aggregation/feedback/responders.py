"""Customers who answer surveys: one `CustomerResponded` event is derived for each."""

from schemas.customers import CustomerResponded
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback.entity import RESPONDER
from stream.core.aggregation.outgoing import DerivedEvent


def record_response(store: EntityStore, customer: str, event_time: int) -> None:
    """Derive the event that this customer answers surveys, unless it was derived before.

    Every partition with an answer of the customer derives one. They have the same ID.
    """
    key = RESPONDER + customer.encode()
    if key not in store.entities:
        store.put(key, b"", None)
        data, event_id = CustomerResponded(customer_id=customer), f"responded/{customer}"[:256]
        store.derived.append(DerivedEvent(data, event_id, event_time, store.record_timestamp))
