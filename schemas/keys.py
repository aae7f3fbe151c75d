"""What a record is keyed by."""

from collections import OrderedDict

from .fields import Data
from .tickets import InteractionHandled
from .topics import CUSTOMERS

Entity = tuple[str, str]


def default_record_key(data: Data) -> str:
    """The key of a record that has none: the customer, else the answer, the ticket, the interaction."""
    return _customer(data) or _entity(data)[1]


class KeyMemory:
    """The keys that answers and tickets were sent under, so that all events of one carry one key.

    An event without a `customer_id` goes where earlier events of its answer or ticket went. One that began under
    its own id stays there, also when its customer becomes known. The `limit` entities seen last are remembered.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._keys: OrderedDict[Entity, str] = OrderedDict()

    def key(self, data: Data, given: str | None = None) -> str:
        """The key of the record that carries `data`; `given` goes before all but a customer event's own."""
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
    """What an event of feedback or tickets is about: kind and id."""
    if (answer := getattr(data, "feedback_id", None)) is not None:
        return "feedback", answer
    if isinstance(data, InteractionHandled) and data.ticket_id is None:
        return "interaction", data.interaction_id
    ticket: str = data.ticket_id  # type: ignore[attr-defined]  # all others of cx.tickets
    return "ticket", ticket
