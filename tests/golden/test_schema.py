"""The guard itself: changes of a struct that the schema detects."""

from typing import Any

import msgspec
import pytest

from tests.golden.schema import layout

FIELDS = [("one", int), ("two", str), ("three", int, 0)]
ARRAY = msgspec.defstruct("Stored", FIELDS, array_like=True, tag=1)
MAP = msgspec.defstruct("Stored", FIELDS)


@pytest.mark.parametrize(
    ("before", "fields", "config"),
    [
        pytest.param(ARRAY, [FIELDS[0], ("new", bool), *FIELDS[1:]], {}, id="added in the middle"),
        pytest.param(ARRAY, [*FIELDS, ("new", bool, False)], {}, id="added at the end"),
        pytest.param(ARRAY, FIELDS[:2], {}, id="removed"),
        pytest.param(ARRAY, [FIELDS[1], FIELDS[0], FIELDS[2]], {}, id="reordered"),
        pytest.param(ARRAY, [("one", float), *FIELDS[1:]], {}, id="retyped"),
        pytest.param(ARRAY, [("one", int | None), *FIELDS[1:]], {}, id="may be null"),
        pytest.param(ARRAY, [*FIELDS[:2], ("three", int, 1)], {}, id="another default"),
        pytest.param(ARRAY, FIELDS, {"tag": 2}, id="another tag"),
        pytest.param(ARRAY, FIELDS, {"array_like": False}, id="map, not array"),
        pytest.param(MAP, [FIELDS[0], ("second", str), FIELDS[2]], {}, id="renamed on the wire"),
        pytest.param(MAP, FIELDS, {"omit_defaults": True}, id="defaults omitted"),
    ],
)
def test_the_schema_detects_a_change(before: Any, fields: list[Any], config: dict[str, Any]) -> None:
    """A change of the bytes changes the lines of the schema, also deep inside another type."""
    settings = {"array_like": True, "tag": 1} if before is ARRAY else {}
    after = msgspec.defstruct("Stored", fields, **(settings | config))
    assert list(layout("x", dict[str, list[before]])) != list(layout("x", dict[str, list[after]]))


def test_the_schema_does_not_depend_on_python_names() -> None:
    """Classes and fields of array structs may be renamed, fields of map structs if `rename` keeps the wire name."""
    fields = [("first", int), ("second", str), ("third", int, 0)]
    array = msgspec.defstruct("Renamed", fields, array_like=True, tag=1)
    wire = {"first": "one", "second": "two", "third": "three"}
    assert list(layout("x", array)) == list(layout("x", ARRAY))
    assert list(layout("x", msgspec.defstruct("Renamed", fields, rename=wire))) == list(layout("x", MAP))
