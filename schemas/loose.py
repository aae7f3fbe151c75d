"""Events decoded by their fields alone, for whoever checks the rest of many at once."""

from typing import Any, NamedTuple

from msgspec import NODEFAULT, defstruct
from msgspec.structs import fields

from schemas.envelope import EVENTS, Event
from schemas.fields import Data


class Unchecked(NamedTuple):
    """A type of event twice over: what a call of Python for each checks (`__post_init__`) is left out of `data`."""

    kind: type[Data]
    data: type[Data]
    """The same fields, each with what it allows on its own."""
    event: type[Event]
    """An event with such data."""

    def validated(self, event: Event) -> Event:
        """The event with data of its kind. Raises ValueError where what came is not allowed."""
        data: Any = self.validated_data(event.data)
        return EVENTS[self.kind](
            specversion=event.specversion, id=event.id, source=event.source, time=event.time, data=data
        )

    def validated_data(self, data: Data) -> Any:
        """The data, checked and trimmed. Raises ValueError where what came is not allowed."""
        return self.kind(**{name: getattr(data, name) for name in self.kind.__struct_fields__})


def unchecked(kind: type[Data]) -> Unchecked:
    """The loose twin of a type of event."""
    listed: list[Any] = [
        (field.name, field.type) if field.default is NODEFAULT else (field.name, field.type, field.default)
        for field in fields(kind)
    ]
    name = f"Loose{kind.__name__}"
    data: Any = defstruct(name, listed, bases=(Data,), module=__name__, kw_only=True)
    event: Any = defstruct(
        f"{name}Event", [("data", data)], bases=(Event,), module=__name__, kw_only=True, tag=kind.TYPE
    )
    return Unchecked(kind, data, event)
