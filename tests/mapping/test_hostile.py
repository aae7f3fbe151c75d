"""Whatever a mapping file says and a record holds, only the documented errors come out."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.envelope import Event
from stream.errors import CxgaugeError
from stream.mapping.mapping import EventMapping, MappingError, compile_mapping

RECORD: dict[str, Any] = {
    "a": "5",
    "b": [1, "x", None, {"c": 2}],
    "d": {"e": {}},
    "t": "2025-07-01T10:00:00Z",
}
ODD_EXPRESSIONS = st.lists(
    st.sampled_from(
        [
            *(
                "a",
                "b",
                "d",
                "t",
                ".",
                "[",
                "]",
                "[]",
                "*",
                "[*]",
                "[0]",
                "[::0]",
                "[?",
                "|",
                "||",
                "&&",
                "!",
                "&",
            ),
            *(
                "@",
                "(",
                ")",
                ",",
                "'x'",
                "`1`",
                "`{}`",
                "`[",
                "==",
                "<",
                "{",
                "}",
                ":",
                '"',
                "\\",
                "abs",
                "avg",
                "keys",
            ),
            *(
                "sort_by",
                "to_number",
                "to_string",
                "map",
                "join",
                "length",
                "reverse",
                "max_by",
                "é",
                "\0",
                "\n",
                "99",
            ),
        ]
    ),
    min_size=1,
    max_size=8,
).map("".join)
VALID = [
    "a",
    "b",
    "t",
    "d.e",
    "b[0]",
    "b[?c].c",
    "b[*].c | [0]",
    "to_number(a)",
    "sort_by(b, &c)",
    "abs(a)",
    "b[::0]",
    "a < b",
]
EXPRESSIONS = st.sampled_from(VALID) | st.sampled_from(VALID) | st.sampled_from(VALID) | ODD_EXPRESSIONS
FORMATS = st.sampled_from(
    ["epoch", "epoch_ms", "%Y-%m-%d", "%", "%Q", "%s", "(", "1234.50", "1.234,50", "m:ss", "h:mm"]
)
FORMS = st.fixed_dictionaries(
    {},
    optional={
        "path": EXPRESSIONS,
        "text": EXPRESSIONS.map(lambda path: "{" + path + "}"),
        "type": st.sampled_from(["int", "number", "percent", "minor", "duration", "time"]),
        "format": FORMATS,
        "timezone": st.sampled_from(["Europe/Rome", "Europe", "/etc/passwd", "..", "a\0b", ""]),
        "currency": st.sampled_from(["EUR", "{a}", "{"]),
        "times": st.sampled_from([0, 1, -1, 1e308, 1e-308, 10**30]),
        "split": st.sampled_from([",", "", "x"]),
        "null": st.just(["5", ""]),
        "values": st.just({"5": "web", "x": 1}),
        "default": st.sampled_from(["web", 1, [1]]),
    },
)
SIMPLE_FORMS = st.builds(
    lambda path, option: {"path": path, **option},
    EXPRESSIONS,
    st.sampled_from(
        [
            *({}, {"type": "int"}, {"type": "int", "times": 1e308}, {"values": {"5": "web"}}, {"split": ","}),
            *(
                {"null": ["5", ""]},
                {"type": "minor", "currency": "{a}"},
                {"type": "time", "timezone": "Europe/Rome"},
            ),
            *(
                {"type": "time", "format": "epoch"},
                {"type": "duration"},
                {"type": "percent"},
                {"type": "number"},
            ),
        ]
    ),
)
FIELDS = st.sampled_from(
    ["score", "channel", "reasons", "scale", "labels", "transaction_time", "customer_id", "other"]
)
VALUES = st.one_of(
    EXPRESSIONS.map(lambda path: "{" + path + "}"),
    FORMS,
    st.lists(FORMS, max_size=2),
    st.integers(),
    st.booleans(),
)


def toml(value: Any) -> str:
    """Return a value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def compiled(text: str) -> EventMapping | str:
    """Return the compiled mapping, or the text of its error."""
    try:
        return compile_mapping(text, "map.toml")
    except CxgaugeError as error:
        return str(error)


@settings(max_examples=400)
@given(
    data=st.dictionaries(FIELDS, VALUES, max_size=4),
    time=st.one_of(st.just("{t}"), SIMPLE_FORMS, FORMS),
    when=st.dictionaries(EXPRESSIONS, st.sampled_from(["5", True, ["x", ""]]), max_size=2),
    array=st.one_of(st.none(), EXPRESSIONS),
    records=EXPRESSIONS,
    record=st.sampled_from([RECORD, [RECORD, 3], None, {"a": {"b": 1e308}, "b": "x", "d": [[]], "t": 5}]),
)
def test_only_documented_errors_come_out(
    data: dict[str, Any], time: Any, when: dict[str, Any], array: str | None, records: str, record: Any
) -> None:
    """A file is compiled or refused, and a compiled one gives events and errors for any record."""
    rule = {"type": "cx.feedback.submitted.v1", "id": "{a}", "time": time, "when": when}
    rule |= {"each": array} if array else {}
    rule["data"] = {"feedback_id": "{a}", "survey": "csat", "score": 5} | data
    for path in ("@", records):
        text = f"source = '/x'\nrecords = {toml(path)}\nevent = [{toml(rule)}]"
        mapping = compiled(text)
        if isinstance(mapping, str):
            assert all(line.startswith("map.toml: ") and len(line) < 2_000 for line in mapping.splitlines())
            continue
        for result in mapping.events(record):
            assert isinstance(result, Event | MappingError)
            assert isinstance(result, Event) or len(str(result)) < 2_000
