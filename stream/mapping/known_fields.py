"""Fields that no worker reads: in files that people write, they are most often misspelt."""

from difflib import get_close_matches

from schemas.codec import Undecodable
from schemas.fields import Data, abbreviated


def unknown_field(name: str, kind: type[Data], prefix: str) -> Undecodable:
    """Return the error of a field of an event's data, which names the nearest one. `prefix` is its place."""
    nearest = get_close_matches(name, kind.__struct_fields__, n=1, cutoff=0.0)
    return Undecodable(
        "invalid",
        f"{prefix}{abbreviated(name)[1:-1]}: unknown field of {kind.TYPE}, did you mean {nearest[0]!r}",
    )
