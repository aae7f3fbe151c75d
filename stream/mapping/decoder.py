"""The decoder of events of every type."""

from schemas.codec import Decoder
from schemas.envelope import EVENTS
from schemas.topics import Topic

DECODER = Decoder(Topic("any topic", "any", tuple(EVENTS)))
"""A decoder of events of every type."""
