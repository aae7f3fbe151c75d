"""The domain of `cx.customers`."""

from schemas.envelope import Event
from schemas.feedback import AnswerSummarized
from schemas.fields import Data
from schemas.tickets import TicketSummarized
from schemas.topics import CUSTOMERS, DERIVED
from stream.core.aggregation.customers import events, ticket_records
from stream.core.aggregation.customers.entity import CUSTOMER
from stream.core.aggregation.customers.kinds import KINDS
from stream.core.aggregation.customers.ticket_changes import derive_changes
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.outgoing import is_from_another_installation
from stream.core.model.outcomes import Outcome

_SUMMARIES = {TicketSummarized, AnswerSummarized}


class Customers(Domain):
    """Subscription periods, purchases and referrals of customers, joined with their tickets and answers."""

    name = "customers"
    topic = CUSTOMERS
    oldest_readable_version = 5
    owned = CUSTOMER
    kinds = KINDS
    open_codes = frozenset({"churned", "churn_exit_reasons"})

    def rejects_late(self, data: Data) -> bool:
        """Return False: customer events of any age are used."""
        del data
        return False

    def process(self, store: EntityStore, event: Event, event_time: int, owner: bytes) -> Outcome:
        """Change a customer by an event, and the deltas at once. The summary of a ticket stays dirty until the flush.

        Summaries of another installation, which reads the same inputs, change nothing: this one writes its own.
        """
        kind = type(event.data)
        if kind in _SUMMARIES and is_from_another_installation(event, store.config.installation):
            return "derived"
        if isinstance(event.data, TicketSummarized):
            ticket_records.process(store, event.data)
            return "derived"
        outcome = events.process(store, event, event_time, owner)
        return "derived" if kind in DERIVED else outcome

    def derive_changes(self, store: EntityStore) -> None:
        """Derive the dirty summaries of tickets and pack them."""
        derive_changes(store)
