"""Event data decoded without `__post_init__`, for a caller that checks most of a batch by a cache."""

from typing import Any, NamedTuple

from msgspec import NODEFAULT, defstruct
from msgspec.structs import fields

from schemas.envelope import EVENTS, Event
from schemas.fields import Data


class Unchecked(NamedTuple):
    """A type of data, and a copy of it without `__post_init__`. Decoding checks each field of the copy on its own."""

    checked: type[Data]
    data: type[Data]
    event: type[Event]
    """An event with data of the copied type."""

    def validated(self, event: Event) -> Event:
        """Return an unchecked event as a checked one. Raises ValueError if its data is invalid."""
        data: Any = self.validated_data(event.data)
        return EVENTS[self.checked](
            specversion=event.specversion, id=event.id, source=event.source, time=event.time, data=data
        )

    def validated_data(self, data: Data) -> Any:
        """Return unchecked data as checked and trimmed data. Raises ValueError if it is invalid."""
        return self.checked(**{name: getattr(data, name) for name in self.checked.__struct_fields__})


def unchecked(checked: type[Data]) -> Unchecked:
    """Copy a type of data without its `__post_init__`."""
    copied: list[Any] = [
        (field.name, field.type) if field.default is NODEFAULT else (field.name, field.type, field.default)
        for field in fields(checked)
    ]
    name = f"Unchecked{checked.__name__}"
    data: Any = defstruct(name, copied, bases=(Data,), module=__name__, kw_only=True)
    event: Any = defstruct(
        f"{name}Event", [("data", data)], bases=(Event,), module=__name__, kw_only=True, tag=checked.TYPE
    )
    return Unchecked(checked, data, event)
