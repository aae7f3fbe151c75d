"""Kinds of entities of customers."""

import msgspec

from stream.core.aggregation.customers import (
    answer_records,
    referrals,
    repeat_contacts,
    repeat_index,
    ticket_summary,
)
from stream.core.aggregation.customers.derive import derive, refresh_attributes
from stream.core.aggregation.customers.entity import (
    CUSTOMER,
    ORDER,
    REFERRAL,
    REFUND,
    WITHDRAWN_ANSWER,
    Activated,
    Updated,
    customer_of_key,
    pack,
    retention_start,
    unpack,
    unpack_watermark,
)
from stream.core.aggregation.entity_kind import EntityKind
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregation_config import AggregationConfig


class _OfCustomer(EntityKind):
    """A kind whose keys hold the customer's ID."""

    def person(self, key: bytes, raw: bytes) -> bytes:
        """Return the customer's ID."""
        del raw
        return customer_of_key(key)


class CustomerKind(_OfCustomer):
    """Customers. They never expire."""

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Derive the contributions, which follow from the entity alone."""
        del key, config
        derived = derive(unpack(raw))
        return (*derived.present, *derived.past)

    def retracted_by_erasure(
        self, key: bytes, raw: bytes, config: AggregationConfig
    ) -> tuple[Contribution, ...]:
        """Return the contributions of the present life, its start included."""
        del key, config
        return tuple(derive(unpack(raw)).present)

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old_dimensions: tuple[str, ...]) -> bytes:
        """Remap the values of activations and updates, and set the attributes that follow from the config."""
        del key
        customer, replace = unpack(raw), msgspec.structs.replace
        customer.life_events = [
            replace(event, values=store.remap_values(event.values, old_dimensions))
            if isinstance(event, Activated | Updated)
            else event
            for event in customer.life_events
        ]
        customer.retention_start = retention_start(customer.newest_minute, store.config)
        refresh_attributes(customer, store.config)
        return pack(customer)


class TransactionKind(_OfCustomer):
    """Orders and refunds that were counted, so that a repeated event is a duplicate."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the end of the retention after the watermark at the record, in ms."""
        del key
        return unpack_watermark(raw) + config.entity_retention


class WithdrawnAnswerKind(_OfCustomer):
    """Answers that do not count, so that an older summary is recognised."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the end of the retention after the newest timestamp at the record, in ms."""
        del key
        return answer_records.unpack(raw)[1] + config.entity_retention


class ReferralKind(_OfCustomer):
    """Referrals. Their contributions are the customer's."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the end of the retention after the watermark at the newest record, in ms."""
        del key
        return referrals.unpack(raw).judged + config.entity_retention


class _OfTicket(EntityKind):
    """Summaries of tickets. Their contributions outlast an erasure."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int | None:
        """Return the end of the retention in ms, None for an unresolved ticket."""
        del key
        return ticket_summary.expires_at(ticket_summary.unpack(raw), config)

    def contributions(self, key: bytes, raw: bytes, config: AggregationConfig) -> tuple[Contribution, ...]:
        """Derive the contributions to FCR and ticket satisfaction."""
        del key
        return ticket_summary.derive(ticket_summary.unpack(raw), config)

    def migrate(self, key: bytes, raw: bytes, store: EntityStore, old_dimensions: tuple[str, ...]) -> bytes:
        """Remap the dimension values."""
        del key
        summary = ticket_summary.unpack(raw)
        summary.values = store.remap_values(summary.values, old_dimensions)
        summary.present = store.remap_values(summary.present, old_dimensions)
        return ticket_summary.pack(summary)


class TicketOfCustomerKind(_OfTicket, _OfCustomer):
    """Summaries of tickets of customers."""


class TicketOfNobodyKind(_OfTicket):
    """Summaries of tickets without customer."""


class RepeatContactsKind(_OfCustomer):
    """The tickets of a customer about a topic, as the repeat-contact index keeps them."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the end of the retention after the newest creation or solve, in ms."""
        del key
        return repeat_index.expires_at(repeat_contacts.unpack(raw).newest_time or 0, config)


KINDS = (
    CustomerKind(CUSTOMER, "customer", unpack),
    TransactionKind(ORDER, "orders", unpack_watermark),
    TransactionKind(REFUND, "refunds", unpack_watermark),
    ReferralKind(REFERRAL, "referrals", referrals.unpack),
    WithdrawnAnswerKind(WITHDRAWN_ANSWER, "withdrawn answers", answer_records.unpack, from_derived=True),
    TicketOfCustomerKind(ticket_summary.SUMMARY, "tickets", ticket_summary.unpack, from_derived=True),
    TicketOfNobodyKind(
        ticket_summary.SUMMARY_OF_NOBODY, "tickets without customer", ticket_summary.unpack, from_derived=True
    ),
    RepeatContactsKind(repeat_index.REPEATS, "topics of tickets", repeat_contacts.unpack, from_derived=True),
)
