"""The decoder of events of every type that publishers send."""

from schemas.codec import Decoder
from schemas.envelope import EVENTS
from schemas.topics import DERIVED, Topic

DECODER = Decoder(Topic("any topic", "any", tuple(kind for kind in EVENTS if kind not in DERIVED)))
"""A decoder of events of every type but those that only workers write."""
