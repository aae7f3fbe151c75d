"""Mapping files: the events of a row."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stream.errors import CxgaugeError
from stream.importing.mapping import EventRule, load

EVENT = """
source = "/old/desk"
[[event]]
type = "cx.feedback.submitted.v1"
id = "{no}/a"
time = {text = "{day} 12", format = "%d.%m.%Y %H", timezone = "Europe/Rome"}
skip = {grade = ["", "n/a"]}
[event.data]
feedback_id = "{no}"
survey = "csat"
score = {column = "grade", type = "int", null = ["99"]}
channel = {column = "way", values = {"1" = "web", "2" = "phone"}}
scale = [1, 7]
labels = {brand = "acme", region = "{land}"}
"""
IN_CENTS = (
    EVENT.replace('type = "int"', 'type = "int", times = 100').replace("1, 7", "0, 10").replace('"",', "")
)
ROW = {"no": "7", "day": "01.07.2025", "grade": "6", "way": "2", "land": "it"}


def rule(folder: Path, text: str = EVENT) -> EventRule:
    """Return the only rule of a mapping file with this text."""
    path = folder / "map.toml"
    path.write_text(text)
    (loaded,) = load(path)[1]
    return loaded


def test_a_row_becomes_an_event(tmp_path: Path) -> None:
    """Templates, constants, conversions, lookups, nested tables and a local time."""
    event = rule(tmp_path).event(ROW)
    assert event is not None
    assert (event.id, event.source) == ("7/a", "/old/desk")
    assert event.time.astimezone(UTC) == datetime(2025, 7, 1, 10, tzinfo=UTC)
    data = event.data
    assert (data.feedback_id, data.survey, data.score, data.scale) == ("7", "csat", 6, (1, 7))
    assert (data.channel, data.labels) == ("phone", {"brand": "acme", "region": "it"})


def test_a_rule_knows_its_columns(tmp_path: Path) -> None:
    """A file without one of the columns is refused at its first row."""
    assert rule(tmp_path).columns == set(ROW)


def test_null_values_are_mapped(tmp_path: Path) -> None:
    """A dismissed answer has the score null."""
    event = rule(tmp_path).event(ROW | {"grade": "99"})
    assert event is not None
    assert event.data.score is None


@pytest.mark.parametrize("grade", ["", "n/a"])
def test_skipped_rows_give_no_event(tmp_path: Path, grade: str) -> None:
    """A row with a value of `skip` gives no event."""
    assert rule(tmp_path).event(ROW | {"grade": grade}) is None


def test_rows_must_match_when(tmp_path: Path) -> None:
    """Every column of `when` must have one of its values, and `skip` still applies."""
    loaded_rule = rule(tmp_path, EVENT.replace("skip =", 'when = {land = ["it", "fr"], way = ["2"]}\nskip ='))
    assert loaded_rule.columns == set(ROW)
    assert loaded_rule.event(ROW | {"land": "fr"}) is not None
    for cells in ({"land": "de"}, {"way": "1"}, {"grade": "n/a"}):
        assert loaded_rule.event(ROW | cells) is None


@pytest.mark.parametrize(("text", "score"), [("0.06", 6), ("0.00", 0), (".1", 10)])
def test_numbers_in_minor_units(tmp_path: Path, text: str, score: int) -> None:
    """`times = 100` converts to cents exactly."""
    event = rule(tmp_path, IN_CENTS).event(ROW | {"grade": text})
    assert event is not None
    assert event.data.score == score


@pytest.mark.parametrize("text", ["0.061", "1,2", "NaN", "Infinity", ""])
def test_fractions_of_minor_units_are_refused(tmp_path: Path, text: str) -> None:
    """A fraction of a minor unit is refused."""
    loaded_rule = rule(tmp_path, IN_CENTS)
    with pytest.raises(ValueError, match=f"grade: got '{text}', allowed is a whole number of 1/100"):
        loaded_rule.event(ROW | {"grade": text})


def test_an_offset_in_the_text_goes_before_the_timezone(tmp_path: Path) -> None:
    """With %z in the format the offset of the text is used."""
    text = EVENT.replace("{day} 12", "{day} 12 +0000").replace("%Y %H", "%Y %H %z")
    event = rule(tmp_path, text).event(ROW)
    assert event is not None
    assert event.time == datetime(2025, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({"grade": "good"}, "grade: got 'good', allowed is a whole number"),
        ({"way": "3"}, "way: got '3', allowed is one of 1, 2"),
        ({"grade": "8"}, "data.score: expected int from 1 to 7, or null, got 8"),
        ({"day": "July"}, "time data 'July 12' does not match format"),
        ({"land": ""}, ""),
    ],
)
def test_rows_that_give_no_valid_event_say_why(tmp_path: Path, cells: dict[str, str], text: str) -> None:
    """The error names the column or the field."""
    loaded_rule = rule(tmp_path)
    if not text:
        assert loaded_rule.event(ROW | cells) is not None  # an unusable label is no reason to lose an answer
        return
    with pytest.raises(ValueError, match=text):
        loaded_rule.event(ROW | cells)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("submitted.v1", "submited.v1", "did you mean 'cx.feedback.submitted.v1'"),
        ("skip =", "skips =", "unknown field `skips`"),
        ("survey =", "servey =", r"event\.data\.servey: unknown field of cx.*, did you mean 'survey'"),
        ('id = "{no}/a"', "id = 7", r"Expected `str`, got `int` - at `\$.event\[0\].id`"),
        ("Europe/Rome", "Europe/Roma", "Europe/Roma"),
        ("[[event]]", "[[event]", "map.toml: "),
        ('type = "int"', 'type = "float"', "Invalid enum value 'float'"),
    ],
)
def test_a_wrong_mapping_is_refused_at_once(tmp_path: Path, old: str, new: str, text: str) -> None:
    """The error comes before any row is read."""
    with pytest.raises(CxgaugeError, match=text):
        rule(tmp_path, EVENT.replace(old, new))
