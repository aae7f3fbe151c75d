"""All domains. A new domain needs a package, a line here, and a topic in `schemas.topics`."""

from stream.core.aggregation.customers import Customers
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.tickets import Tickets

DOMAIN_REGISTRY: tuple[Domain, ...] = (Feedback(), Tickets(), Customers())
