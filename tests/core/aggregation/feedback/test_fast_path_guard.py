"""The fast path refuses structs with fields that it would not check, or would write wrongly."""

import subprocess
import sys
from typing import Annotated, Any

import msgspec
import pytest

from schemas.feedback import FeedbackSubmitted
from schemas.fields import Count, code
from stream.core.aggregation.feedback.entity import Answer, AnswerContent
from stream.core.aggregation.feedback.fast_path_guard import check_known_fields

Language = Annotated[str, code("The language of the survey")]
STRUCTS: dict[str, type[msgspec.Struct]] = {
    "submitted": FeedbackSubmitted,
    "content": AnswerContent,
    "answer": Answer,
}


def copied(struct: type[msgspec.Struct], changes: dict[str, Any], **options: Any) -> type[msgspec.Struct]:
    """Return a copy of a struct in which fields have other types, are added at the end, or are left out (None)."""
    options = {"array_like": struct.__struct_config__.array_like} | options
    types = {field.name: field.type for field in msgspec.structs.fields(struct)} | changes
    defaults = {field.name: field.default for field in msgspec.structs.fields(struct)}
    fields = [
        (name, type_, default) if (default := defaults.get(name)) is not msgspec.NODEFAULT else (name, type_)
        for name, type_ in types.items()
        if type_ is not None
    ]
    return msgspec.defstruct(struct.__name__, fields, kw_only=True, **options)


@pytest.mark.parametrize("name", STRUCTS)
def test_copies_with_the_same_fields_are_accepted(name: str) -> None:
    check_known_fields(**{name: copied(STRUCTS[name], {})})


@pytest.mark.parametrize("name", STRUCTS)
def test_a_copy_with_a_new_field_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(TypeError, match=r"fast path.*language: Str \+ pattern \| None = None is unknown"):
        check_known_fields(**{name: copied(STRUCTS[name], {"language": Language | None})})


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("submitted", {"comment": Language | None}),
        ("submitted", {"ticket_id": Annotated[str, msgspec.Meta(max_length=9)] | None}),
        ("submitted", {"revision": None}),
        ("content", {"score": float | None}),
        ("content", {"direction": None}),
        ("answer", {"time": Count}),
        ("answer", {"deleted": None}),
    ],
)
def test_a_copy_with_another_type_or_without_a_field_is_refused(name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="has other fields than the fast path"):
        check_known_fields(**{name: copied(STRUCTS[name], changes)})


def test_a_stored_copy_in_another_order_or_form_is_refused() -> None:
    """The bytes of a record follow the order of its fields."""
    fields = [(field.name, field.type, None) for field in msgspec.structs.fields(Answer)]
    swapped = msgspec.defstruct("Answer", [fields[0], *reversed(fields[1:])], array_like=True)
    with pytest.raises(TypeError, match="Answer has other fields"):
        check_known_fields(answer=swapped)
    for options in ({"array_like": False}, {"omit_defaults": True}, {"tag": "answer"}):
        with pytest.raises(TypeError, match="as an array without a tag or omissions"):
            check_known_fields(answer=copied(Answer, {}, **options))


ADDED = """
import sys, types
from typing import Annotated
import schemas.feedback
from schemas.fields import code, trimmed

class WithLanguage(schemas.feedback.FeedbackSubmitted, kw_only=True):
    language: Annotated[str, code("The language of the survey")] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.language is not None:
            self.language = trimmed(self.language, "language")

schemas.feedback.FeedbackSubmitted = WithLanguage
for name in ("schemas.topics", "schemas.envelope", "schemas.explain"):
    del sys.modules[name]  # it took the old class when the package was imported
"""
UNGUARDED = """
name = "stream.core.aggregation.feedback.fast_path_guard"
guard = sys.modules[name] = types.ModuleType(name)
guard.check_known_fields = lambda: None
"""
BATCH = """
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.task import PartitionTask
from tests.support import NOW, Event, aggregation_config, records

answers = [
    WithLanguage(feedback_id=f"f{i}", survey="nps", score=9, customer_id="c", channel="web") for i in (1, 2)
]
answers[1].language = "white space"
batch = records([Event(answer, NOW, NOW) for answer in answers])
batch[1] = batch[1]._replace(value=batch[1].value.replace(b"white space", b" "))
task = PartitionTask(Feedback(), 0, 1, aggregation_config())
task.process(batch, NOW)
print({outcome: n for outcome, n in task.outcome_counts.items() if n})
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter, because the guard runs at import."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_a_new_field_of_the_event_stops_the_import() -> None:
    result = run(ADDED + BATCH)
    assert result.returncode == 1
    assert "TypeError: WithLanguage has other fields" in result.stderr
    assert "language: Str + pattern | None = None is unknown" in result.stderr


def test_without_the_guard_an_invalid_value_of_the_new_field_is_accepted() -> None:
    """The second answer of the batch has the template of the first, and a language of white space."""
    result = run(ADDED + UNGUARDED + BATCH)
    assert result.stdout == "{'accepted': 2}\n", result.stderr
