"""JMESPath expressions, and texts with expressions in braces."""

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jmespath import compile as parse
from jmespath.exceptions import JMESPathError

from schemas.fields import abbreviated
from stream.mapping.functions import OPTIONS, MappingFunctions

Scope = Mapping[str, Any]
"""The names that expressions read: the fields of a record, and given ones that begin with `_`."""

MAX_CHARACTERS = 1_000
"""Allowed length of an expression and of a text."""
MAX_LABEL = 60
"""Characters of an expression that an error shows."""
EVALUATION_ERRORS = (
    JMESPathError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Errors of functions and comparisons for values that they do not take. The library raises more than its own."""

_ONLY_TEXTS = {str}
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FIRST_CHILD_ONLY = {
    "subexpression",
    "index_expression",
    "projection",
    "value_projection",
    "filter_projection",
    "pipe",
}
"""Nodes whose other children read the result of the first."""


class PathExpression:
    """A compiled JMESPath expression. Raises ValueError if it cannot be used. `label` is its text in errors."""

    def __init__(self, text: str) -> None:
        self.label = shortened(text)
        self._parsed = _parse(text)
        tree = self._parsed.parsed
        _check_functions(tree)
        self.names = frozenset(_root_names(tree))
        """Names of the scope that the expression reads."""
        self.field: str | None = tree["value"] if tree["type"] == "field" else None
        """The name of the scope whose value it is, None for other expressions."""
        field = self.field
        self._evaluate: Callable[[Scope], Any] = (
            (lambda scope: self._parsed.search(scope, options=OPTIONS))
            if field is None
            else lambda scope: scope.get(field)
        )

    def __call__(self, scope: Scope) -> Any:
        """Return the value, None for nothing. Raises ValueError if a function does not take its arguments."""
        try:
            return self._evaluate(scope)
        except EVALUATION_ERRORS as error:
            raise ValueError(f"{self.label}: {_first_line(error)}") from None


class TextTemplate:
    """A text with expressions in braces. Braces themselves are doubled. Raises ValueError if it cannot be used."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise ValueError(f"got {len(text):,} characters, allowed are {MAX_CHARACTERS:,}")
        self._parts = list(_parts(text))
        self.expressions = [part for part in self._parts if isinstance(part, PathExpression)]
        self.names: frozenset[str] = frozenset().union(*(part.names for part in self.expressions))
        """Names of the scope that the text reads."""
        self.constant = "".join(map(str, self._parts)) if not self.expressions else None
        """The text, None if it has expressions."""
        self.field = self.expressions[0].field if len(self._parts) == len(self.expressions) == 1 else None
        """The name of the scope whose value it is as text, None for other texts."""
        self._fields = [part.field for part in self.expressions if part.field is not None]
        self._is_plain = len(self._fields) == len(self.expressions)
        """Whether all expressions are names."""
        self._format = "".join(
            "%s" if isinstance(part, PathExpression) else part.replace("%", "%%") for part in self._parts
        )

    def __call__(self, scope: Scope) -> str | None:
        """Return the text, None if it is a single expression without a value.

        Raises ValueError if an expression among other text has no value, or has an array or object.
        """
        if self.constant is not None:
            return self.constant or None
        if self.field is not None and type(value := scope.get(self.field)) is str:
            return value or None
        if self._is_plain:
            values = tuple(map(scope.get, self._fields))
            if all(values) and set(map(type, values)) == _ONLY_TEXTS:
                return self._format % values
        if len(self._parts) == 1:
            return self._text(self._parts[0], scope) or None
        return "".join([self._required(part, scope) for part in self._parts])

    def _text(self, part: str | PathExpression, scope: Scope) -> str:
        if isinstance(part, str):
            return part
        value = part(scope)
        try:
            return text_of(value)
        except ValueError as error:
            raise ValueError(f"{part.label}: {error}") from None

    def _required(self, part: str | PathExpression, scope: Scope) -> str:
        text = self._text(part, scope)
        if not text and isinstance(part, PathExpression):
            raise ValueError(f"{part.label}: got nothing, allowed is a text or a number")
        return text


def shortened(text: str) -> str:
    """Return an expression or text in one line of at most 60 characters, for errors."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_LABEL else line[: MAX_LABEL - 1] + "…"


def text_of(value: Any) -> str:
    """Return a text, number or boolean as text, and an empty one for null. Raises ValueError for other values."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    raise ValueError(f"got {abbreviated(value)}, allowed is a text, a number or a boolean")


def _parts(text: str) -> Iterable[str | PathExpression]:
    """Yield constants, without empty ones, and expressions in their order."""
    constant, end = "", 0
    for match in _TOKEN.finditer(text):
        constant += text[end : match.start()]
        end = match.end()
        if match[0] in {"{{", "}}"}:
            constant += match[0][0]
        elif match[1] is None:
            raise ValueError(
                f"got {abbreviated(text)}: a single {match[0]!r}, write {match[0] * 2!r} for the character"
            )
        else:
            if constant:
                yield constant
            constant = ""
            yield PathExpression(match[1])
    constant += text[end:]
    if constant or not text:
        yield constant


def _parse(text: str) -> Any:
    """Return the expression of jmespath's parser. Raises ValueError."""
    if not 0 < len(text.strip()) <= len(text) <= MAX_CHARACTERS:
        raise ValueError(
            f"got {abbreviated(text)}, allowed is a JMESPath expression of up to {MAX_CHARACTERS:,} characters"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # literals in a deprecated form
            return parse(text)
    except (*EVALUATION_ERRORS, PendingDeprecationWarning) as error:
        raise ValueError(
            f"got {abbreviated(text)}: {_first_line(error)}. Allowed is a JMESPath expression, in which names with other"
            """ characters than letters, digits and _ are quoted, in TOML '{"due date"}' or path = '"due date"'"""
        ) from None


def _first_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return (str(error).splitlines() or [type(error).__name__])[0].partition(", for expression")[0]


def _check_functions(node: Any) -> None:
    """Raise ValueError for functions that do not exist or take another number of arguments."""
    pending = [node]
    while pending:
        node = pending.pop()
        pending += node["children"] if node["type"] != "slice" else ()
        if node["type"] != "function_expression":
            continue
        name, given = node["value"], len(node["children"])
        if name not in MappingFunctions.FUNCTION_TABLE:
            raise ValueError(
                f"got {name}(), allowed is a function of {', '.join(sorted(MappingFunctions.FUNCTION_TABLE))}"
            )
        signature = MappingFunctions.FUNCTION_TABLE[name]["signature"]
        is_variadic = bool(signature) and signature[-1].get("variadic", False)
        if given < len(signature) or (given > len(signature) and not is_variadic):
            raise ValueError(
                f"{name}(): got {given} arguments, allowed are {len(signature)}{' or more' * is_variadic}"
            )


def _root_names(node: Any) -> Iterable[str]:
    """Yield the names that an expression reads from the scope itself, not from values in it."""
    pending = [node]
    while pending:
        node = pending.pop()
        kind = node["type"]
        if kind == "field":
            yield node["value"]
        elif kind in _FIRST_CHILD_ONLY:
            first, *others = node["children"]
            pending.append(first)
            if first["type"] in {"current", "identity"}:
                pending += others[:1]
        elif kind not in {"slice", "expref"}:
            pending += node["children"]
