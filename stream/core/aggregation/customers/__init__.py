"""The domain of `cx.customers`: subscription periods, purchases and referrals of customers."""

from stream.core.aggregation.customers.domain import Customers

__all__ = ["Customers"]
