"""Every domain. To add one: its package, its line here, its topic in `schemas.topics`."""

from stream.core.domain import Domain
from stream.core.feedback import Feedback

DOMAINS: tuple[Domain, ...] = (Feedback(),)
