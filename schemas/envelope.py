"""The CloudEvents envelope: a struct for each event type, tagged by `type`, with typed data inside."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, defstruct

from .fields import Data, Defaulted, ident
from .times import Time, to_ms
from .topics import TOPICS

UNKNOWN_SOURCE = "/unknown"


class Attributes(Struct, kw_only=True, gc=False, omit_defaults=True):
    """Context attributes without the type. A bare event has no `specversion`, and its `source` may be missing."""

    specversion: Literal["1.0"] | None = None
    id: Annotated[str, ident("Unique within its source")]
    source: Defaulted[Annotated[str, Meta(min_length=1, description="URI reference of what sent it")]] = ""
    time: Annotated[Time, Meta(description="When it happened, RFC 3339 with an offset")]

    def complete(self) -> None:
        """Set the attributes that a bare event leaves out. Raises ValueError for a CloudEvent without a source."""
        if not self.source:
            if self.specversion is not None:
                raise ValueError("source: missing, a CloudEvent needs one")
            self.source = UNKNOWN_SOURCE
        self.specversion = "1.0"


class ContextAttributes(Attributes, kw_only=True):
    """The context attributes of an event of any type."""

    type: Annotated[str, Meta(min_length=1)]

    def __post_init__(self) -> None:
        self.complete()


class Event(Attributes, kw_only=True, tag_field="type"):
    """An event: `id`, `source`, `time` (aware) and typed `data`. Its type is `event.data.TYPE`.

    The decoder calls `complete` for bare events only. A `__post_init__` would cost a call of Python for every event.
    """

    data: Data


def _event(kind: type[Data]) -> Any:
    name = kind.__name__ + "Event"
    return defstruct(name, [("data", kind)], bases=(Event,), module=__name__, kw_only=True, tag=kind.TYPE)


EVENTS: dict[type[Data], type[Event]] = {
    kind: _event(kind) for topic in TOPICS.values() for kind in topic.types
}
"""The event structs by the type of their data."""


def at_ms(event: Event) -> int:
    """Return the time of an event in whole ms since the epoch, floored."""
    return to_ms(event.time)
