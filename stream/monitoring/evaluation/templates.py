"""Rendering of the annotations of alerts, as Prometheus does it.

They are templates of Go (https://pkg.go.dev/text/template) with functions of Prometheus
(https://prometheus.io/docs/prometheus/latest/configuration/template_reference/), as far as the annotations use them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from stream.monitoring.evaluation.instant import InstantEvaluator
from stream.monitoring.evaluation.promql import parse

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(
    r'\s*("(?:[^"\\]|\\.)*"|\$\w*(?:\.\w+)*|(?:\.\w+)+|:=|[A-Za-z_]\w*|-?\d+(?:\.\d+)?|[.|(),=])\s*',
    re.DOTALL,
)
_VERB = re.compile(r"%(?:%|s|q|(?:\.\d+)?[fg])")
_LAYOUTS = {"15:04": "%H:%M", "2 Jan 15:04": "%d %b %H:%M"}
"""Layouts of times as Go writes them, and the same for Python."""
_BLOCKS = {"if", "range", "with"}


class _Node(NamedTuple):
    """A part of a template: a text, an action, or a block with the parts in it.

    Attributes:
        kind: `text`, `action`, or the keyword of a block
        content: the text, or the tokens of the action or condition
        body: the parts of a block
        otherwise: the parts after its `else`
    """

    kind: str
    content: Any
    body: tuple["_Node", ...] = ()
    otherwise: tuple["_Node", ...] = ()


class QueriedSeries(NamedTuple):
    """A series of the result of a query."""

    labels: Mapping[str, str]
    value: float


def render(text: str, labels: Mapping[str, str], value: float, evaluator: InstantEvaluator) -> str:
    """Return a rendered annotation. Raises ValueError for a template that is not supported.

    Args:
        text: the template
        labels: the labels of the alert
        value: the value of the alert
        evaluator: evaluates the queries of the template
    """
    parts = _parse(text)
    return _Renderer({"$labels": labels, "$value": value}, evaluator).text(parts, None)


def _parse(text: str) -> tuple[_Node, ...]:
    pieces = iter(_pieces(text))
    nodes, ending = _block(pieces)
    if ending:
        raise ValueError(f"unexpected {ending} in {text!r}")
    return nodes


def _pieces(text: str) -> Iterator[_Node]:
    for number, piece in enumerate(_ACTION.split(text)):
        if number % 2:
            yield _Node("action", _tokens(piece))
        elif piece:
            yield _Node("text", piece)


def _tokens(action: str) -> list[str]:
    tokens, position = [], 0
    while position < len(action.rstrip()):
        match = _TOKEN.match(action, position)
        if match is None:
            raise ValueError(f"cannot read {action!r}")
        tokens.append(match[1])
        position = match.end()
    return tokens


def _block(pieces: Iterator[_Node]) -> tuple[tuple[_Node, ...], str]:
    """Return the parts up to the end of a block, and the keyword that ends it, "" at the end of the template."""
    nodes: list[_Node] = []
    for piece in pieces:
        keyword = piece.content[0] if piece.kind == "action" else ""
        if keyword in {"end", "else"}:
            return tuple(nodes), keyword
        if keyword in _BLOCKS:
            body, ending = _block(pieces)
            otherwise: tuple[_Node, ...] = ()
            if ending == "else":
                otherwise, ending = _block(pieces)
            nodes.append(_Node(keyword, piece.content[1:], body, otherwise))
        else:
            nodes.append(piece)
    return tuple(nodes), ""


class _Renderer:
    """The variables of a template, and its functions."""

    def __init__(self, variables: dict[str, Any], evaluator: InstantEvaluator) -> None:
        self._variables = variables
        self._evaluator = evaluator
        self._functions: dict[str, Callable[..., Any]] = {
            "eq": lambda left, right: left == right,
            "first": lambda result: result[0],
            "humanizeDuration": humanize_duration,
            "humanizePercentage": lambda number: f"{100 * number:.4g}%",
            "label": lambda name, series: series.labels.get(name, ""),
            "match": lambda pattern, text: re.search(pattern, text) is not None,
            "ne": lambda left, right: left != right,
            "not": lambda condition: not condition,
            "printf": _printf,
            "query": self._query,
            "toTime": from_timestamp,
            "value": lambda series: series.value,
        }

    def text(self, nodes: tuple[_Node, ...], dot: Any) -> str:
        """Return the text of parts of a template, in which `.` is `dot`."""
        return "".join(self._node(node, dot) for node in nodes)

    def _node(self, node: _Node, dot: Any) -> str:
        match node.kind:
            case "text":
                return str(node.content)
            case "if":
                return self.text(node.body if self._pipeline(node.content, dot) else node.otherwise, dot)
            case "with":
                value = self._pipeline(node.content, dot)
                return self.text(node.body, value) if value else self.text(node.otherwise, dot)
            case "range":
                return self._range(node, dot)
        tokens = node.content
        if len(tokens) > 1 and tokens[1] in {":=", "="}:
            self._variables[tokens[0]] = self._pipeline(tokens[2:], dot)
            return ""
        return str(self._pipeline(tokens, dot))

    def _range(self, node: _Node, dot: Any) -> str:
        """Return the text of `range` over series, or of `range $key, $value := …` over a map in the order of its keys."""
        if not node.content[0].startswith("$"):
            return "".join(self.text(node.body, item) for item in self._pipeline(node.content, dot))
        key, _, value, _, *tokens = node.content
        texts = []
        for name, item in sorted(self._pipeline(tokens, dot).items()):
            self._variables |= {key: name, value: item}
            texts.append(self.text(node.body, dot))
        return "".join(texts)

    def _pipeline(self, tokens: list[str], dot: Any) -> Any:
        """Return the value of commands that are separated by `|`. Each is the last argument of the next."""
        commands: list[list[Any]] = [[]]
        position = 0
        while position < len(tokens):
            token = tokens[position]
            position += 1
            if token == "|":  # noqa: S105 - no password
                commands.append([])
            elif token == "(":  # noqa: S105 - no password
                end = _closing(tokens, position)
                commands[-1].append(self._pipeline(tokens[position:end], dot))
                position = end + 1
                if tokens[position : position + 1] == [".Format"]:
                    commands[-1].append(partial(_formatted, commands[-1].pop()))
                    position += 1
            else:
                commands[-1].append(self._operand(token, dot))
        result: list[Any] = []
        for function, *arguments in commands:
            result = [function(*arguments, *result) if callable(function) else function]
        return result[0]

    def _operand(self, token: str, dot: Any) -> Any:
        if token == ".":  # noqa: S105 - no password
            return dot
        if token.startswith("."):
            return _field(dot, token.split(".")[1:])
        if token.startswith('"'):
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        if token.startswith("$"):
            name, *fields = token.split(".")
            value = self._variables[name]
            for field in fields:
                value = value.get(field, "")
            return value
        if token in self._functions:
            return self._functions[token]
        try:
            return float(token)
        except ValueError:
            raise ValueError(f"not supported in an annotation: {token}") from None

    def _query(self, expression: str) -> list[QueriedSeries]:
        vector = self._evaluator.vector(parse(expression))
        return [QueriedSeries(dict(labels), value) for labels, value in vector.items()]


def from_timestamp(seconds: float) -> datetime:
    """Return a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def _field(dot: Any, names: list[str]) -> Any:
    """Return a field of a series: `Value`, or a label of `Labels`. Raises ValueError for another one."""
    match names:
        case ["Value"]:
            return dot.value
        case ["Labels", name]:
            return dot.labels.get(name, "")
    raise ValueError(f"not supported in an annotation: .{'.'.join(names)}")


def _formatted(time: datetime, layout: str) -> str:
    """Return a time in a layout of Go. Raises ValueError for one that no annotation uses."""
    if layout not in _LAYOUTS:
        raise ValueError(f"not supported in an annotation: {layout}")
    return time.strftime(_LAYOUTS[layout]).lstrip("0" if layout.startswith("2") else "")


def _closing(tokens: list[str], position: int) -> int:
    """Return the position of the parenthesis that closes the one before `position`."""
    depth = 1
    for end in range(position, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[end], 0)
        if not depth:
            return end
    raise ValueError(f"a parenthesis is not closed: {' '.join(tokens)}")


def _printf(form: str, *values: Any) -> str:
    """Return a formatted text, by the verbs `%s`, `%q`, `%f` and `%g`."""
    remaining = iter(values)

    def formatted(match: re.Match[str]) -> str:
        verb = match[0]
        if verb == "%%":
            return "%"
        value = next(remaining)
        return _quoted(str(value)) if verb == "%q" else verb % value

    return _VERB.sub(formatted, form)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def humanize_duration(seconds: float) -> str:
    """Return a number of seconds as Prometheus writes it, such as `1h 2m 3s` or `400ms`."""
    for power, prefix in enumerate("mun", 1):
        if 1e3**-power <= abs(seconds) < 1e3 ** (1 - power) <= 1:
            return f"{seconds * 1e3**power:.4g}{prefix}s"
    sign = "-" if seconds < 0 else ""
    whole = int(abs(seconds))
    if whole < 60:
        return f"{seconds:.4g}s"
    minutes, hours, days = whole // 60 % 60, whole // 3600 % 24, whole // 86_400
    parts = [f"{days}d"] if days else []
    parts += [f"{hours}h"] if days or hours else []
    return sign + " ".join([*parts, f"{minutes}m", f"{whole % 60}s"])
