"""An index of the entities that are in a list. It does no I/O.

Entities are decoded once, when they are read. Those in no list, such as most resolved tickets, take no memory.
"""

from collections.abc import Callable, Iterable
from heapq import nsmallest
from typing import Any

from schemas.topics import DomainName
from stream.core.aggregation.customers import listing as customers
from stream.core.aggregation.customers.entity import CUSTOMER
from stream.core.aggregation.tickets import listing as tickets
from stream.core.aggregation.tickets.entity import TICKET
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.listing import (
    WINDOWED_LISTS,
    LeavingRow,
    Listing,
    Row,
    TicketListName,
    TicketRow,
    Wanted,
)
from stream.core.model.time_buckets import Window

PREFIXES: dict[DomainName, bytes] = {"tickets": TICKET, "customers": CUSTOMER}
"""The kind of the listed entities of each domain that has lists."""


class ListIndex:
    """The listed entities of each partition, by ID."""

    def __init__(self, config: AggregationConfig) -> None:
        self._config = config
        self._listed: dict[tuple[DomainName, int], dict[str, Any]] = {}

    def apply(self, domain: DomainName, partition: int, key: bytes, raw: bytes | None) -> None:
        """Apply a record of a state topic. `raw` is None for a deletion.

        Raises msgspec's ValidationError and DecodeError for an entity that cannot be decoded.
        """
        if not key.startswith(PREFIXES[domain]):
            return
        listed: tickets.ListedTicket | customers.LeavingCustomer | None = None
        if raw is not None:
            listed = tickets.listed(raw, self._config) if domain == "tickets" else customers.leaving(raw)
        of_partition, name = self._listed.setdefault((domain, partition), {}), key[1:].decode()
        if listed is None:
            of_partition.pop(name, None)
        else:
            of_partition[name] = listed

    def tickets(
        self, name: TicketListName, window: Window, now: int, most: int | None, wanted: Wanted
    ) -> Callable[[], Listing[TicketRow]]:
        """Return a function that lists the tickets as they are now. It may run in another thread.

        Args:
            name: the list
            window: the window of a list of moments. The others have none.
            now: the end of the window, and the present for targets, in ms
            most: the number of rows, None for all
            wanted: the values that the rows must have
        """
        listed = self._copies("tickets")
        newest_first = name in WINDOWED_LISTS
        return lambda: _first(
            (
                row
                for of_partition in listed
                for ticket_id, ticket in of_partition.items()
                for row in tickets.rows(ticket_id, ticket, name, window, now)
                if wanted.includes(row)
            ),
            most,
            newest_first=newest_first,
        )

    def leaving(self, window: Window, now: int, most: int | None) -> Callable[[], Listing[LeavingRow]]:
        """Return a function that lists the customers who gave notice, or churned in the window, the last ones first."""
        listed = self._copies("customers")
        return lambda: _first(
            (
                row
                for of_partition in listed
                for customer_id, customer in of_partition.items()
                for row in customers.rows(customer_id, customer, window, now)
            ),
            most,
            newest_first=True,
        )

    def _copies(self, domain: DomainName) -> list[dict[str, Any]]:
        """Return a copy of each partition, because they change while a thread reads. Entries themselves never change."""
        return [listed.copy() for (name, _), listed in self._listed.items() if name == domain]


def _first(rows: Iterable[Row], most: int | None, *, newest_first: bool) -> Listing[Row]:
    """Return the first rows by time, then by ID, and the number of all."""

    def order(row: Row) -> tuple[int, str]:
        return -row.since if newest_first else row.since, row.id

    total = 0

    def counted() -> Iterable[Row]:
        nonlocal total
        for row in rows:
            total += 1
            yield row

    ordered = sorted(counted(), key=order) if most is None else nsmallest(most, counted(), key=order)
    return Listing(ordered, total)
