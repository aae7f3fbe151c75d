"""Every domain. To add one: its package, its line here, its topic in `schemas.topics`."""

from stream.core.aggregation.customers import Customers
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.tickets import Tickets

DOMAIN_REGISTRY: tuple[Domain, ...] = (Feedback(), Tickets(), Customers())
