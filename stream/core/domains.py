"""Every domain. To add one: its package, its line here, its topic in `schemas.topics`."""

from stream.core.customers import Customers
from stream.core.domain import Domain
from stream.core.feedback import Feedback
from stream.core.tickets import Tickets

DOMAINS: tuple[Domain, ...] = (Feedback(), Tickets(), Customers())
