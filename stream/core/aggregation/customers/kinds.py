"""Kinds of entities of customers."""

import msgspec

from stream.core.aggregation.customers import referrals
from stream.core.aggregation.customers.derive import derive, refresh_attributes
from stream.core.aggregation.customers.entity import (
    CUSTOMER,
    ORDER,
    REFERRAL,
    REFUND,
    Activated,
    customer_of_key,
    pack,
    retention_start,
    unpack,
    unpack_timestamp,
)
from stream.core.aggregation.entity_kind import EntityKind
from stream.core.aggregation.entity_store import EntityStore
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregation_config import AggregationConfig


class _OfCustomer(EntityKind):
    """A kind whose keys hold the customer's ID."""

    def person_key(self, key: bytes, raw: bytes) -> bytes:
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
        """Remap the values of activations, and set the attributes that follow from the config."""
        del key
        customer, replace = unpack(raw), msgspec.structs.replace
        customer.life_events = [
            replace(event, values=store.remap_values(event.values, old_dimensions))
            if isinstance(event, Activated)
            else event
            for event in customer.life_events
        ]
        customer.retention_start = retention_start(customer.newest_minute, store.config)
        refresh_attributes(customer, store.config)
        return pack(customer)


class TransactionKind(_OfCustomer):
    """Orders and refunds that were counted, so that a repeated event is a duplicate."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the end of the retention after the record, in ms."""
        del key
        return unpack_timestamp(raw) + config.entity_retention


class ReferralKind(_OfCustomer):
    """Referrals. Their contributions are the customer's."""

    def expires_at(self, key: bytes, raw: bytes, config: AggregationConfig) -> int:
        """Return the end of the retention after the newest record, in ms."""
        del key
        return referrals.unpack(raw).record + config.entity_retention


KINDS = (
    CustomerKind(CUSTOMER, "customer", unpack),
    TransactionKind(ORDER, "orders", unpack_timestamp),
    TransactionKind(REFUND, "refunds", unpack_timestamp),
    ReferralKind(REFERRAL, "referrals", referrals.unpack),
)
