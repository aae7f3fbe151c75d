"""A parser of PromQL, as far as alert rules use it.

Source: https://prometheus.io/docs/prometheus/latest/querying/basics/ and .../operators/. Not supported are `@`, native
histograms and `group_left` with extra labels.
"""

import re
from dataclasses import dataclass
from typing import Literal

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
AGGREGATIONS = {"sum", "min", "max", "avg", "count", "topk", "bottomk", "group"}
PRECEDENCE = {
    **dict.fromkeys(("or",), 1),
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
    "^": 7,
}
UNARY_PRECEDENCE = 6
TOKEN = re.compile(
    r"""\s*(?:
      (?P<duration>(?:\d+(?:ms|[smhdwy]))+(?![\w.]))
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<name>[a-zA-Z_][\w:]*)
    | (?P<operator>==|!=|=~|!~|<=|>=|[-+*/%^<>=(){}\[\],:])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Number:
    """A number."""

    value: float


@dataclass(frozen=True)
class Text:
    """A string."""

    value: str


@dataclass(frozen=True)
class LabelMatcher:
    """A label matcher of a selector."""

    label: str
    operator: Literal["=", "!=", "=~", "!~"]
    value: str

    def accepts(self, labels: dict[str, str]) -> bool:
        """Return whether the labels fulfil it. A missing label is an empty string."""
        value = labels.get(self.label, "")
        if self.operator in {"=", "!="}:
            return (value == self.value) == (self.operator == "=")
        return bool(re.fullmatch(self.value, value)) == (self.operator == "=~")


@dataclass(frozen=True)
class Selector:
    """An instant vector selector."""

    name: str
    matchers: tuple[LabelMatcher, ...]


@dataclass(frozen=True)
class OffsetExpression:
    """An expression some seconds ago."""

    expression: "Expression"
    seconds: float


@dataclass(frozen=True)
class RangeExpression:
    """A range of a selector, or a subquery with its step. Both are in seconds. A step of 0 is every evaluation."""

    expression: "Expression"
    seconds: float
    step: float


@dataclass(frozen=True)
class FunctionCall:
    """A call of a function."""

    function: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True)
class Aggregation:
    """An aggregation `by` labels, or without them. `parameter` is the k of topk and bottomk."""

    operator: str
    expression: "Expression"
    by: bool
    labels: tuple[str, ...]
    parameter: "Expression | None" = None


@dataclass(frozen=True)
class LabelMatching:
    """How a binary operator finds pairs: `on` labels, or ignoring them. `many` is the side of group_left or group_right."""

    on: bool = False
    labels: tuple[str, ...] = ()
    many: Literal["", "left", "right"] = ""


@dataclass(frozen=True)
class BinaryOperation:
    """A binary operation. `return_bool`: a comparison gives 0 or 1 instead of a filter."""

    operator: str
    left: "Expression"
    right: "Expression"
    return_bool: bool
    matching: LabelMatching


Expression = (
    Number
    | Text
    | Selector
    | OffsetExpression
    | RangeExpression
    | FunctionCall
    | Aggregation
    | BinaryOperation
)


def parse(text: str) -> Expression:
    """Return the expression of a text. Raises ValueError with the place of an error."""
    parser = PromqlParser(text)
    expression = parser.expression(0)
    if parser.token != ("end", ""):
        raise ValueError(f"unexpected {parser.token[1]!r} in {text!r}")
    return expression


def selectors(expression: Expression) -> set[Selector]:
    """Return the selectors of an expression."""
    match expression:
        case Selector():
            return {expression}
        case OffsetExpression(inner) | RangeExpression(inner) | Aggregation(_, inner):
            return selectors(inner)
        case FunctionCall(_, arguments):
            return set().union(*map(selectors, arguments))
        case BinaryOperation(_, left, right):
            return selectors(left) | selectors(right)
    return set()


def names_read(expression: Expression) -> set[str]:
    """Return the names of the series that an expression reads."""
    return {selector.name for selector in selectors(expression)}


def seconds_of(duration: str) -> float:
    """Return the seconds of a duration such as `1h30m`."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", duration)
    if not parts or "".join(n + unit for n, unit in parts) != duration:
        raise ValueError(f"not a duration: {duration!r}")
    return float(sum(int(n) * UNITS[unit] for n, unit in parts))


class PromqlParser:
    """A recursive-descent parser with operator precedence."""

    def __init__(self, text: str) -> None:
        self._text = re.sub(r"#[^\n]*", "", text)
        self._position = 0
        self.token = ("begin", "")
        self._advance()

    def _advance(self) -> str:
        """Read the next token and return the text of the previous one. Raises ValueError at the end."""
        kind, previous = self.token
        if kind == "end":
            raise ValueError(f"unexpected end in {self._text!r}")
        if not self._text[self._position :].strip():
            self.token = ("end", "")
            return previous
        match = TOKEN.match(self._text, self._position)
        if not match:
            raise ValueError(f"cannot read {self._text[self._position :][:20]!r} in {self._text!r}")
        self._position = match.end()
        self.token = (match.lastgroup or "", match.group(match.lastgroup or 0))
        return previous

    def _accept(self, text: str) -> bool:
        if self.token[0] in {"operator", "name"} and self.token[1] == text:
            self._advance()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise ValueError(f"expected {text!r}, not {self.token[1]!r}, in {self._text!r}")

    def expression(self, min_precedence: int) -> Expression:
        """Return an expression whose operators bind at least this strongly."""
        left = self._unary()
        while (precedence := PRECEDENCE.get(self.token[1], 0)) > min_precedence and self.token[0] != "string":
            operator = self._advance()
            return_bool = self._accept("bool")
            matching = self._matching()
            right = self.expression(precedence - 1 if operator == "^" else precedence)
            left = BinaryOperation(operator, left, right, return_bool, matching)
        return left

    def _unary(self) -> Expression:
        if self._accept("-"):
            return BinaryOperation(
                "*",
                Number(-1.0),
                self.expression(UNARY_PRECEDENCE),
                return_bool=False,
                matching=LabelMatching(),
            )
        self._accept("+")
        return self._with_suffixes(self._primary())

    def _matching(self) -> LabelMatching:
        for keyword in ("on", "ignoring"):
            if self._accept(keyword):
                labels = self._label_names()
                many: Literal["", "left", "right"] = ""
                if self._accept("group_left"):
                    many = "left"
                elif self._accept("group_right"):
                    many = "right"
                if many and self._accept("("):
                    self._expect(")")
                return LabelMatching(keyword == "on", labels, many)
        return LabelMatching()

    def _label_names(self) -> tuple[str, ...]:
        self._expect("(")
        names = []
        while not self._accept(")"):
            names.append(self._advance())
            self._accept(",")
        return tuple(names)

    def _primary(self) -> Expression:
        kind, text = self.token
        if kind in {"number", "string"}:
            return self._literal()
        if self._accept("("):
            inside = self.expression(0)
            self._expect(")")
            return inside
        if text == "{":
            return Selector("", self._matchers())
        if kind != "name":
            raise ValueError(f"unexpected {text!r} in {self._text!r}")
        name = self._advance()
        if name in AGGREGATIONS and self.token[1] in {"(", "by", "without"}:
            return self._aggregation(name)
        if self.token == ("operator", "("):
            return FunctionCall(name, self._arguments())
        return Selector(name, self._matchers() if self.token == ("operator", "{") else ())

    def _literal(self) -> Number | Text:
        if self.token[0] == "number":
            return Number(float(self._advance()))
        return Text(_unescaped(self._advance()))

    def _aggregation(self, operator: str) -> Aggregation:
        grouping = self._grouping()
        arguments = self._arguments()
        by, labels = grouping or self._grouping() or (True, ())
        parameter = arguments[0] if len(arguments) > 1 else None
        return Aggregation(operator, arguments[-1], by, labels, parameter)

    def _grouping(self) -> tuple[bool, tuple[str, ...]] | None:
        for keyword in ("by", "without"):
            if self._accept(keyword):
                return keyword == "by", self._label_names()
        return None

    def _arguments(self) -> tuple[Expression, ...]:
        self._expect("(")
        arguments = []
        while not self._accept(")"):
            arguments.append(self.expression(0))
            self._accept(",")
        return tuple(arguments)

    def _matchers(self) -> tuple[LabelMatcher, ...]:
        self._expect("{")
        matchers = []
        while not self._accept("}"):
            label, operator, value = self._advance(), self._advance(), self._advance()
            if operator not in {"=", "!=", "=~", "!~"}:
                raise ValueError(f"unexpected {operator!r} in {self._text!r}")
            matchers.append(LabelMatcher(label, operator, _unescaped(value)))  # type: ignore[arg-type]
            self._accept(",")
        return tuple(matchers)

    def _with_suffixes(self, expression: Expression) -> Expression:
        """Read the range, the subquery and the offset after an expression."""
        while True:
            if self._accept("["):
                seconds, step = seconds_of(self._advance()), 0.0
                if self._accept(":"):
                    step = 0.0 if self.token[1] == "]" else seconds_of(self._advance())
                self._expect("]")
                expression = RangeExpression(expression, seconds, step)
            elif self._accept("offset"):
                sign = -1 if self._accept("-") else 1
                expression = OffsetExpression(expression, sign * seconds_of(self._advance()))
            else:
                return expression


def _unescaped(literal: str) -> str:
    """Return the text of a quoted literal."""
    return re.sub(r"\\(.)", lambda pair: {"n": "\n", "t": "\t"}.get(pair[1], pair[1]), literal[1:-1])
