"""Counts by names of unknown fields and ignored labels are limited."""

import pytest

from stream.core.aggregation.name_counts import MAX_NAMES, count_name


def counted(names: list[str]) -> dict[str, int]:
    """Return the counts of names in this order."""
    counts: dict[str, int] = {}
    for name in names:
        count_name(counts, name)
    return counts


@pytest.mark.parametrize("name", ["a", "a1_", "device_type", "a" * 64])
def test_names_of_code_are_counted(name: str) -> None:
    assert counted([name, name]) == {name: 2}


@pytest.mark.parametrize(
    "name", ["", "A", "deviceType", "_a", "1", "a-b", "a.b", "a b", "a\n", "é", "ann@example.com", "a" * 65]
)
def test_other_names_are_counted_together(name: str) -> None:
    assert counted([name, "a", name, "__other__"]) == {"__other__": 3, "a": 1}


def test_only_the_first_names_are_counted() -> None:
    """`__other__` takes no place of a name. A known name is counted past the limit, too."""
    names = [f"n{i}" for i in range(MAX_NAMES)]
    expected = {"__other__": 4} | dict.fromkeys(names, 1) | {"n0": 2}
    assert MAX_NAMES == 20
    assert counted(["A", *names, "last", "n0", "last", "B"]) == expected
