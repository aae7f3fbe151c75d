"""Every aggregate, declared once with the layout of its vectors. A file for each domain, and `joined`.

Workers write these vectors and exporters read them: a change here changes both, and the stored state.
"""

from schemas.topics import DomainName
from stream.core.model.aggregate import Aggregate, by_name
from stream.core.model.aggregates import customers, feedback, joined, tickets

BY_DOMAIN: dict[DomainName, tuple[Aggregate, ...]] = {
    "feedback": feedback.ALL,
    "tickets": tickets.ALL,
    "customers": (*customers.ALL, *joined.ALL),
}
AGGREGATES: dict[str, Aggregate] = by_name(
    aggregate for aggregates in BY_DOMAIN.values() for aggregate in aggregates
)
