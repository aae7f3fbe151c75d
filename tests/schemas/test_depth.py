"""The limit on nesting, counted like a parser, whatever is in strings."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import depth
from schemas.depth import MAX_DEPTH, is_too_deep

JSON = st.recursive(
    st.none() | st.integers() | st.text(r"""[]{}"\\a"""),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(r"""[]{}"\\a"""), inner, max_size=3),
)


def levels(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(levels, inner), default=0)


@given(value=JSON, indent=st.none() | st.just(1))
def test_the_depth_of_any_json_is_measured(value: object, indent: int | None) -> None:
    """JSON is too deep from the first level past the limit on."""
    raw = json.dumps(value, indent=indent).encode()
    actual = levels(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(depth, "MAX_DEPTH", actual)
        assert not is_too_deep(raw)
        if actual:
            patch.setattr(depth, "MAX_DEPTH", actual - 1)
            assert is_too_deep(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"[" * MAX_DEPTH, False),
        (b"[" * (MAX_DEPTH + 1), True),
        (b"[]" * (MAX_DEPTH + 1), False),
        (b'["' + b"[" * (MAX_DEPTH + 1), False),
        (b'["\\"' + b"[" * (MAX_DEPTH + 1) + b'"]', False),
        (b'["\\\\"' + b"[" * (MAX_DEPTH + 1), True),
        (b"]" * (MAX_DEPTH + 1) + b"[" * (MAX_DEPTH + 1), False),
    ],
)
def test_invalid_json_is_measured_by_its_brackets(raw: bytes, expected: bool) -> None:
    """Truncated or unbalanced JSON is measured by its brackets outside strings."""
    assert is_too_deep(raw) == expected
