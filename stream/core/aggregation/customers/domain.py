"""The domain of `cx.customers`."""

from schemas.envelope import Event
from schemas.fields import Data
from schemas.topics import CUSTOMERS
from stream.core.aggregation.customers.events import process
from stream.core.aggregation.customers.kinds import KINDS
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.outcomes import Outcome


class Customers(Domain):
    """Subscription periods, purchases and referrals of customers."""

    name = "customers"
    topic = CUSTOMERS
    oldest_readable_version = 1
    kinds = KINDS
    open_codes = frozenset({"churned"})
    keyed_by_data = True

    def rejects_late(self, data: Data) -> bool:
        """Return False: customer events of any age are used."""
        del data
        return False

    def process(self, store: EntityStore, event: Event, event_time: int, person_key: bytes) -> Outcome:
        """Change a customer by an event, and the deltas at once."""
        return process(store, event, event_time, person_key)
