"""Fields that no worker reads: in files that people write, they are most often misspelt."""

from schemas.codec import Undecodable
from schemas.fields import Data, abbreviated
from stream.suggestions import suggestion


def unknown_field(name: str, kind: type[Data], prefix: str) -> Undecodable:
    """Return the error of a field of an event's data, with the nearest one or all. `prefix` is its place."""
    return Undecodable(
        "invalid",
        f"{prefix}{abbreviated(name)[1:-1]}: unknown field of {kind.TYPE}{suggestion(name, kind.__struct_fields__)}",
    )
