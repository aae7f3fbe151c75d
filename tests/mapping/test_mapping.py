"""Mapping files: the events of a record, and the errors of a file and of a record."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.envelope import Event
from stream.errors import CxgaugeError
from stream.mapping.mapping import EventMapping, MappingError, compile_mapping, load

ANSWERS = """
source = "/old/desk"
[[event]]
type = "cx.feedback.submitted.v1"
id = "{no}/a"
time = {text = "{day} 12", format = "%d.%m.%Y %H", timezone = "Europe/Rome"}
skip = {grade = ["", "n/a"]}
[event.data]
feedback_id = "{no}"
survey = "csat"
score = {path = "grade", type = "int", null = ["99"]}
channel = {path = "way", values = {"1" = "web", "2" = "phone"}}
scale = [1, 7]
reasons = ["{why}", "told: {why}", "{another}", "fixed"]
labels = {brand = "acme", region = "{land}"}
"""
ROW = {"no": "7", "day": "01.07.2025", "grade": "6", "way": "2", "land": "it", "why": "slow"}
CALL = """
source = "/calls"
[[event]]
type = "cx.interaction.handled.v1"
id = "{id}"
time = "{end}"
data = {interaction_id = "{id}", talk_s = VALUE, hold_s = 0, wrap_s = 0}
"""


def mapping_of(text: str) -> EventMapping:
    """Return a compiled mapping."""
    return compile_mapping(text, "map.toml")


def only(results: list[Event | MappingError]) -> Any:
    """Return the only result, which must be an event."""
    (result,) = results
    assert isinstance(result, Event), result
    return result


def error_of(results: list[Event | MappingError]) -> MappingError:
    """Return the only result, which must be an error."""
    (result,) = results
    assert isinstance(result, MappingError), result
    return result


def test_a_row_becomes_an_event() -> None:
    """Texts, constants, conversions, look-ups, lists, tables and a local time."""
    event = only(mapping_of(ANSWERS).events(ROW))
    assert (event.id, event.source) == ("7/a", "/old/desk")
    assert event.time == datetime(2025, 7, 1, 10, tzinfo=UTC)
    data = event.data
    assert (data.feedback_id, data.survey, data.score, data.scale) == ("7", "csat", 6, (1, 7))
    assert (data.channel, data.labels) == ("phone", {"brand": "acme", "region": "it"})
    assert data.reasons == ("slow", "told: slow", "fixed")


def test_a_mapping_knows_the_names_that_it_reads() -> None:
    """A file without one of the columns is refused at its first row."""
    mapping = mapping_of(ANSWERS.replace('"{no}/a"', '"{no}/{_line}"'))
    assert mapping.names == {*ROW, "another"}
    assert only(mapping.events(ROW, {"_line": 3})).id == "7/3"


def test_null_is_only_what_the_mapping_says() -> None:
    """A dismissed answer has the score null. A missing score is an error, because it is required."""
    mapping = mapping_of(ANSWERS.replace('skip = {grade = ["", "n/a"]}', ""))
    assert only(mapping.events(ROW | {"grade": "99"})).data.score is None
    for grade in ("", None):
        assert error_of(mapping.events(ROW | {"grade": grade})).detail == "missing"
    mapping = mapping_of(
        ANSWERS.replace('null = ["99"]', 'null = ["99", ""]').replace('["", "n/a"]', '"n/a"')
    )
    assert only(mapping.events(ROW | {"grade": None})).data.score is None


def test_a_text_without_its_value_is_left_out_or_an_error() -> None:
    """A single expression is left out. Among other text it would make wrong IDs."""
    mapping = mapping_of(ANSWERS)
    assert only(mapping.events(ROW | {"land": ""})).data.labels == {"brand": "acme"}
    error = error_of(mapping.events(ROW | {"no": None}))
    assert (error.field, error.detail) == ("id", "no: got nothing, allowed is a text or a number")


@pytest.mark.parametrize("grade", ["", "n/a", None])
def test_skipped_records_give_nothing(grade: str | None) -> None:
    """A record that no rule takes has no results. null equals an empty text."""
    assert mapping_of(ANSWERS).events(ROW | {"grade": grade}) == []


def test_every_condition_of_when_must_hold() -> None:
    """Conditions are expressions with one or several values, and `skip` still applies."""
    when = """when = {land = ["it", "fr"], way = 2, "length(land) == `2`" = true}\nskip ="""
    mapping = mapping_of(ANSWERS.replace("skip =", when))
    assert only(mapping.events(ROW | {"land": "fr"}))
    assert only(mapping.events(ROW | {"way": 2}))
    for cells in ({"land": "de"}, {"way": "1"}, {"grade": "n/a"}, {"land": "ita"}, {"way": [2]}, {"way": {}}):
        assert mapping.events(ROW | cells) == []


def test_a_rule_makes_an_event_of_each_element_of_an_array() -> None:
    """`_each` is the element and `_index` its position. Errors name the element, and the others are used."""
    text = """
    source = "/desk/{account}"
    [[event]]
    type = "cx.ticket.message.v1"
    name = "comments"
    id = "{ticket.id}/{_each.id}/{_index}"
    time = {path = "_each.at", format = "epoch_ms"}
    each = "ticket.comments"
    when = {kind = "ticket"}
    skip = {"_each.draft" = true}
    data = {ticket_id = "{ticket.id}", message_id = "{_each.id}", author = {path = "_each.by", values = {a = "agent"}}}
    """
    comments = [
        {"id": 1, "at": 1_000, "by": "a"},
        {"id": 2, "at": 2_000, "by": "a", "draft": True},
        {"id": 3, "at": 3_000, "by": "b"},
        {"id": 4, "at": "x", "by": "a"},
    ]
    record = {"kind": "ticket", "account": 5, "ticket": {"id": 7, "comments": comments}}
    event, error, time_error = mapping_of(text).events(record, position="hook")
    assert (event.id, event.source) == ("7/1/0", "/desk/5")
    assert str(error) == (
        "hook, each[2]: map.toml: rule 1 'comments' (cx.ticket.message.v1): data.author: _each.by: got 'b',"
        " allowed is one of a"
    )
    assert (time_error.position, time_error.field) == ("hook, each[3]", "time")
    for other in ({"kind": "user", "ticket": {"comments": 3}}, {"kind": "ticket"}):
        assert mapping_of(text).events(other) == []
    assert (
        "got 3, allowed is an array"
        in error_of(mapping_of(text).events({"kind": "ticket", "ticket": {"comments": 3}})).detail
    )


def test_one_record_gives_events_of_several_rules() -> None:
    """One rule's error does not keep another's event."""
    mapping = mapping_of(
        ANSWERS
        + ANSWERS.partition("\n")[2]
        .replace('source = "/old/desk"', "")
        .replace('path = "grade"', 'path = "grade2"')
        .replace("skip = {grade =", "skip = {grade2 =")
    )
    first, second = mapping.events(ROW | {"grade2": "8"})
    assert first.data.score == 6
    assert second.rule == "rule 2 (cx.feedback.submitted.v1)"


def test_documents_contain_records() -> None:
    """`records` leads to them. An array at the top is several records, too."""
    mapping = mapping_of('records = "data"\n' + ANSWERS)
    assert [event.id for event in mapping.events({"data": [ROW, ROW | {"no": "8"}]})] == ["7/a", "8/a"]
    assert error_of(mapping.events({"data": [3]})).position == "records[0]"
    assert mapping.events({"other": 1}) == []
    assert len(mapping_of(ANSWERS).events([ROW, ROW])) == 2


@pytest.mark.parametrize(
    ("value", "cell", "seconds"),
    [
        ("{path = 'x', type = 'duration'}", "0:02:23", 143),
        ("{path = 'x', type = 'duration'}", "PT2M23.5S", 143.5),
        ("{path = 'x', type = 'duration'}", "P1DT1H", 90_000),
        ("{path = 'x', type = 'duration', format = 'm:ss'}", "102:23", 6_143),
        ("{path = 'x', type = 'duration', format = 'h:mm'}", "2:23", 8_580),
        ("{path = 'x', type = 'number'}", "12.5", 12.5),
        ("{path = 'x', type = 'number'}", 12.5, 12.5),
        ("{path = 'x', type = 'number', format = '1.234,50'}", "1.234,50", 1234.5),
        ("{path = 'x', type = 'number', format = '1 234,50'}", "1\u202f234,5", 1234.5),
        ("{path = 'x', type = 'number', format = \"1'234.50\"}", "1\u2019234", 1234),
        ("{path = 'x', type = 'number', times = 0.001}", "12500", 12.5),
        ("{path = 'x', type = 'int', times = 60, null = ['-']}", "0.5", 30),
        ("{path = 'x || `4`'}", None, 4),
        ("{text = '{x}5', type = 'int'}", "1", 15),
    ],
)
def test_numbers_and_durations(value: str, cell: Any, seconds: float) -> None:
    record = {"id": 1, "end": "2025-07-01T10:00:00Z", "x": cell}
    assert only(mapping_of(CALL.replace("VALUE", value)).events(record)).data.talk_s == seconds


@pytest.mark.parametrize(
    ("value", "cell", "text"),
    [
        ("{path = 'x', type = 'duration'}", "2:23", "allowed is a duration such as 0:02:23 or PT2M23S"),
        ("{path = 'x', type = 'duration'}", "0:61:00", "allowed is a duration"),
        ("{path = 'x', type = 'duration'}", "P1M", "allowed is a duration"),
        ("{path = 'x', type = 'duration'}", "P", "allowed is a duration"),
        ("{path = 'x', type = 'duration'}", 143, "for a number of seconds, type is number"),
        ("{path = 'x', type = 'number'}", "12,5", "got '12,5', allowed is a number such as 1234.50"),
        ("{path = 'x', type = 'number', format = '1.234,50'}", "12.5", "such as 1.234,50"),
        ("{path = 'x', type = 'number'}", "1e3", "allowed is a number"),
        ("{path = 'x', type = 'number'}", "\u0663", "allowed is a number"),
        ("{path = 'x', type = 'number'}", True, "got True, allowed is a number"),
        ("{path = 'x', type = 'number'}", float("nan"), "got nan, allowed is a number"),
        ("{path = 'x', type = 'number'}", "9" * 65, "allowed is a number"),
        ("{path = 'x', type = 'int', times = 100}", "0.061", "allowed is a whole number of 1/100"),
        ("{path = 'x', type = 'int'}", "0.9999999999999999999999999999999999", "allowed is a whole number"),
        ("{path = 'x', type = 'number'}", "-1", "expected number >= 0"),
        ("{path = 'x'}", [1], "expected number"),
        ("{path = 'x', type = 'number'}", {}, "got {}, allowed is a number"),
        ("{path = 'abs(x)'}", "a", "abs(x): "),
        ("{path = 'x < `1` && x'}", "a", "'<' not supported"),
    ],
)
def test_values_that_do_not_convert(value: str, cell: Any, text: str) -> None:
    """The error names the expression, the value and what is allowed."""
    record = {"id": 1, "end": "2025-07-01T10:00:00Z", "x": cell}
    error = error_of(mapping_of(CALL.replace("VALUE", value)).events(record))
    assert text in error.detail
    assert error.field == "data.talk_s"


def test_amounts_and_shares() -> None:
    """Amounts by the decimals of their currency, and a margin in percent."""
    text = """
    source = "/shop"
    [[event]]
    type = "cx.purchase.completed.v1"
    id = "{id}"
    time = {path = "at", format = "epoch"}
    [event.data]
    order_id = "{id}"
    customer_id = "{c}"
    amount_minor = {path = "sum", type = "minor", currency = "{cur}"}
    currency = {path = "to_string(cur)"}
    [[event]]
    type = "cx.customer.updated.v1"
    id = "{id}/margin"
    time = {path = "at", format = "epoch"}
    data = {customer_id = "{c}", margin_rate = {path = "margin", type = "percent", format = "1.234,50"}}
    """
    mapping = mapping_of(text)
    record = {"id": 1, "at": 1.5, "c": "c", "sum": 19.99, "cur": "EUR", "margin": "12,5 %"}
    purchase, margin = mapping.events(record)
    assert (purchase.data.amount_minor, purchase.data.currency) == (1_999, "EUR")
    assert purchase.time == datetime.fromtimestamp(1.5, UTC)
    assert margin.data.margin_rate == 0.125
    assert mapping.events(record | {"cur": "JPY", "sum": "1200"})[0].data.amount_minor == 1_200
    assert mapping.events(record | {"cur": "KWD", "sum": "1.234"})[0].data.amount_minor == 1_234
    assert "whole number" in mapping.events(record | {"cur": "JPY"})[0].detail
    assert "ISO 4217" in mapping.events(record | {"cur": None})[0].detail
    assert "percentage such as 1.234,50 %" in mapping.events(record | {"margin": "a"})[1].detail


def test_lists_are_split_and_looked_up() -> None:
    """A text is split, an array is taken, and each element is looked up."""
    text = ANSWERS.replace(
        'reasons = ["{why}", "told: {why}", "{another}", "fixed"]',
        'reasons = {path = "why", split = ";", values = {a = "speed", b = "price"}, default = "other"}',
    )
    assert only(mapping_of(text).events(ROW | {"why": "b; a;;x"})).data.reasons == ("price", "speed", "other")
    assert only(mapping_of(text).events(ROW | {"why": ["a"]})).data.reasons == ("speed",)
    assert "got 1,001 elements" in error_of(mapping_of(text).events(ROW | {"why": ["a"] * 1_001})).detail


def test_braces_are_doubled() -> None:
    event = only(mapping_of(ANSWERS.replace('"{no}/a"', '"{{{no}}}/{no}"')).events(ROW))
    assert event.id == "{7}/7"


@pytest.mark.parametrize("record", [3, "x", None, True, 1.5, [[]], [[[]]]])
def test_only_objects_are_records(record: Any) -> None:
    error = error_of(mapping_of(ANSWERS).events(record))
    assert "allowed is a JSON object" in str(error)


def test_records_of_any_kind_raise_nothing() -> None:
    """Arrays, objects, deep values and huge numbers in place of texts."""
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    odd_values = [[], {}, deep, 10**5_000, -(10**400), 1e308, float("inf"), "\ud800", "a" * 1_000_000, False]
    mapping = mapping_of(ANSWERS)
    for name in ROW:
        for value in odd_values:
            for result in mapping.events(ROW | {name: value}):
                assert isinstance(result, Event) or len(str(result)) < 1_000


FAULTS = [
    (
        "submitted.v1",
        "submited.v1",
        "rule 1 (cx.feedback.submited.v1): type: got 'cx.feedback.submited.v1', did you mean",
    ),
    (
        "cx.feedback.submitted.v1",
        "cx.customer.responded.v1",
        "type: got 'cx.customer.responded.v1', which workers write, and nobody else",
    ),
    ("skip =", "skips =", "Object contains unknown field `skips` - at rule 1"),
    ("survey =", "servey =", "data.servey: unknown field of cx.feedback.submitted.v1, did you mean 'survey'"),
    (
        "survey =",
        "what =",
        "data.what: unknown field of cx.feedback.submitted.v1, allowed are channel, comment, ",
    ),
    ("survey =", "servey =", "data.survey: missing, every cx.feedback.submitted.v1 needs it"),
    ('"csat"', '"cast"', "data.survey: expected one of ces, csat, exit, nps, got 'cast'"),
    ('id = "{no}/a"', "id = 7", "Expected `str`, got `int` - at rule 1, `id`"),
    ('id = "{no}/a"', 'id = "a"', "id: got 'a', allowed is a text with an expression in braces"),
    ('id = "{no}/a"', 'id = "{no"', "a single '{', write '{{' for the character"),
    ('id = "{no}/a"', 'id = "{no+1}"', "names with other characters than letters"),
    ('id = "{no}/a"', 'id = "{due date}"', """are quoted, in TOML '{"due date"}' or path = '"due date"'"""),
    ('id = "{no}/a"', 'id = "{}"', "allowed is a JMESPath expression"),
    ('id = "{no}/a"', "id = '{foo(no)}'", "id: got foo(), allowed is a function of abs, avg"),
    ('id = "{no}/a"', "id = '{contains(no)}'", "contains(): got 1 arguments, allowed are 2"),
    (
        "Europe/Rome",
        "Europe/Roma",
        "timezone: got 'Europe/Roma', allowed is a name of the IANA time zones such as Europe/Berlin",
    ),
    ("Europe/Rome", "../Rome", "timezone: got '../Rome'"),
    ("%d.%m.%Y %H", "%d.%m. %H", "format: got '%d.%m. %H', allowed is epoch, epoch_ms or a strptime format"),
    ("%d.%m.%Y %H", "%Y %Y %m %d", "format: got"),
    ("%d.%m.%Y %H", "%", "format: got"),
    (
        'timezone = "Europe/Rome"',
        'type = "int"',
        "time: got int, allowed is type time, which is the default here",
    ),
    ('timezone = "Europe/Rome"', "values = {a = 1}", "time: got values, allowed is type time"),
    (
        '"{no}/a"',
        '"{_each.no}/a"',
        "rule 1 (cx.feedback.submitted.v1): _each: allowed in rules with each only",
    ),
    ("[[event]]", "[[event]", "map.toml: "),
    ('type = "int"', 'type = "float"', "Invalid enum value 'float'"),
    ('type = "int"', 'type = "number"', "data.score: got a number, allowed is int"),
    (
        '{path = "grade", type = "int", null = ["99"]}',
        '"{grade}"',
        'a text becomes one with { path = "…", type = "…" }',
    ),
    ('path = "grade"', 'colum = "grade"', "unknown field `colum`"),
    ('path = "grade"', 'path = "grade", text = "x"', "got path and text, allowed is one of them"),
    ('path = "grade", ', "", "path or text: missing"),
    ('type = "int"', 'type = "int", timezone = "UTC"', "timezone: not allowed for type int"),
    ('type = "int"', 'type = "int", format = "0.00"', "format: got '0.00', allowed is one of '1234.50'"),
    ('type = "int"', 'type = "int", times = 0', "times: got 0, allowed is a number other than 0"),
    ('type = "int"', 'type = "int", times = inf', "times: got inf"),
    ('type = "int"', 'type = "int", default = 3', "default: allowed with values only"),
    ('type = "int"', 'type = "int", values = {a = 1}', "type: not allowed with values"),
    ('type = "int"', 'values = {a = "x"}', "data.score: expected int or null, got 'x'"),
    ('type = "int"', 'type = "minor"', "currency: missing, type minor needs it"),
    ('type = "int"', 'split = ""', "split: got ''"),
    ("scale = [1, 7]", "scale = [1, 7, 9]", "data.scale: expected array of length 2, got [1, 7, 9]"),
    ("scale = [1, 7]", "scale = {brand = 1}", "unknown field `brand`"),
    ("skip = {grade =", "skip = {data.grade =", "got `object`"),
    ('source = "/old/desk"', 'source = ""', "source: got ''"),
    ('source = "/old/desk"', 'source = "{"', "source: got '{'"),
    ('source = "/old/desk"', 'source = "/x"\nrecords = "a["', "records: got 'a['"),
    ("{why}", "{why" + "y" * 1_000 + "}", "got 1,005 characters, allowed are 1,000"),
]


@pytest.mark.parametrize(("old", "new", "text"), FAULTS)
def test_a_wrong_mapping_is_refused_at_once(old: str, new: str, text: str) -> None:
    """The error comes before any record is read, and names the rule and the field."""
    assert old in ANSWERS
    with pytest.raises(CxgaugeError) as error:
        mapping_of(ANSWERS.replace(old, new))
    assert text in str(error.value)
    assert str(error.value).startswith("map.toml: ")


def test_all_faults_are_reported_at_once() -> None:
    text = ANSWERS.replace('"csat"', '"cast"').replace("Rome", "Roma").replace("fixed", "{x")
    with pytest.raises(CxgaugeError) as error:
        mapping_of(text)
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize("name", ["nowhere.toml", "", "a\0b", "a" * 5_000])
def test_a_missing_mapping_is_named(name: str) -> None:
    with pytest.raises(CxgaugeError, match="is no file, and no mapping that ships"):
        load(name)


def test_the_encoding_of_a_mapping_file(tmp_path: Path) -> None:
    """Some editors write a byte order mark. Another encoding is an error."""
    path = tmp_path / "map.toml"
    path.write_text(ANSWERS, encoding="utf-8-sig")
    assert load(path).names == mapping_of(ANSWERS).names
    path.write_text("# é", encoding="cp1252")
    with pytest.raises(CxgaugeError, match=r"map\.toml: is not in UTF-8"):
        load(path)
