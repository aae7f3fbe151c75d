"""The functions that expressions have besides those of JMESPath."""

from typing import Any

import pytest

from stream.mapping.expressions import PathExpression

RECORD: dict[str, Any] = {
    "a": 0.3,
    "b": 0.1,
    "big": 2**53 - 1,
    "code": "eur",
    "name": "spéc",
    "users": [{"id": 1, "role": "agent"}, 3, None, {"id": "2", "role": "user"}, {"role": "none"}],
    "answers": {"q_1": 9},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("difference(a, b)", 0.2),
        ("difference(b, a)", -0.2),
        ("product(a, `10`)", 3),
        ("product(big, `100`)", (2**53 - 1) * 100),
        ("upper(name)", "SPÉC"),
        ("lower(upper(code))", "eur"),
        ("find(users, 'id', '1').role", "agent"),
        ("find(users, 'id', `2`).role", "user"),
        ("find(users, 'id', `3`)", None),
        ("find(users, 'id', nobody)", None),
        ("find(nobody, 'id', '1')", None),
        ("get(answers, join('_', ['q', '1']))", 9),
        ("get(answers, 'q_2')", None),
        ("get(nobody, 'q')", None),
    ],
)
def test_functions(path: str, value: object) -> None:
    result = PathExpression(path)(RECORD)
    assert (type(result), result) == (type(value), value)


@pytest.mark.parametrize(
    "path", ["upper(a)", "lower(nobody)", "difference(a, code)", "find(code, 'a', b)", "get(users, 'a')"]
)
def test_values_of_other_types_are_errors(path: str) -> None:
    with pytest.raises(ValueError, match=r"^[a-z]+\(.*\): In function [a-z]+\(\), invalid type for value"):
        PathExpression(path)(RECORD)
