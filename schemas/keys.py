"""The keys of records."""

from collections import OrderedDict

from .fields import Data
from .tickets import InteractionHandled
from .topics import CUSTOMERS

Entity = tuple[str, str]


def default_record_key(data: Data) -> str:
    """Return the key for a record without one: the ID of the customer, else of the answer, ticket or interaction."""
    return _customer(data) or _entity(data)[1]


class KeyMemory:
    """The record keys of answers and tickets, so that all events of an entity have the same key.

    An event without a `customer_id` gets the key of earlier events of its answer or ticket. An entity that began under
    its own ID keeps this key when its customer becomes known. The `limit` entities used last are remembered.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._keys: OrderedDict[Entity, str] = OrderedDict()

    def key(self, data: Data, given: str | None = None) -> str:
        """Return the key for the record of an event.

        `given` takes precedence, except for customer events. None: the key follows from the event and earlier ones.
        """
        if type(data) in CUSTOMERS.types:
            return default_record_key(data)
        entity = _entity(data)
        known = self._keys.pop(entity, None)
        own_key = known if known == entity[1] else _customer(data)
        key = given or own_key or known or entity[1]
        self._keys[entity] = key
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)
        return key


def _customer(data: Data) -> str | None:
    customer: str | None = data.customer_id  # type: ignore[attr-defined]  # every event has one, most of them optional
    return customer


def _entity(data: Data) -> Entity:
    """Return the kind and ID of the entity of a feedback or ticket event."""
    if (answer := getattr(data, "feedback_id", None)) is not None:
        return "feedback", answer
    if isinstance(data, InteractionHandled) and data.ticket_id is None:
        return "interaction", data.interaction_id
    ticket: str = data.ticket_id  # type: ignore[attr-defined]  # all others of cx.tickets
    return "ticket", ticket
