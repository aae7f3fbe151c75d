"""Guard of the fast path: it checks and writes each field by hand, so it must know every one of them.

`check_known_fields` runs when the fast path is imported. A worker whose structs have an unknown field does not start.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

from schemas.feedback import FeedbackSubmitted
from stream.core.aggregation.feedback.entity import Answer, AnswerContent

_CODE, _ID = "Str + pattern | None = None", "Str(min_length=1, max_length=256)"
_COUNT, _WHOLE = "Int(ge=0, le=9007199254740991)", "Int(ge=-9007199254740991, le=9007199254740991)"
_VALUES, _SCALE = "VarTuple(Str | None)", "Tuple(Int, Int) | None = None"

SUBMITTED_FIELDS = {
    # Checked by `__post_init__` once for each combination, which is the key of a template:
    "channel": _CODE,
    "touchpoint": _CODE,
    "team": _CODE,
    "priority": _CODE,
    "program": _CODE,
    "survey": "Literal('ces', 'csat', 'exit', 'nps')",
    "scale": f"Tuple({_WHOLE}, {_WHOLE}) | None = None",
    "direction": "Literal('ease', 'effort') | None = None",
    # Checked for each new value in a template, or for each answer:
    "score": f"{_WHOLE} | None",
    "reasons": "VarTuple(Str + pattern, max_length=16) | None = ()",
    # Processed in the general way unless it is the default:
    "revision": f"{_COUNT} | None = 0",
    "transaction_time": "DateTime(tz=True) | None = None",
    # Checked by decoding alone:
    "feedback_id": _ID,
    "customer_id": f"{_ID} | None = None",
    "ticket_id": f"{_ID} | None = None",
    "comment": "Str | None = None",
    "labels": "Dict(Str, Any) | None = None",
}
"""Fields of `FeedbackSubmitted`. The position of a field among them is free."""
CONTENT_FIELDS = {
    "survey": "Str",
    "score": "Int | None = None",
    "scale": _SCALE,
    "direction": "Str | None = None",
    "premature": "Bool = False",
    "reasons": "VarTuple(Str) = ()",
    "values": f"{_VALUES} = ()",
    "scale_capped": "Bool = False",
    "ticket": "Str | None = None",
}
"""Fields of `AnswerContent` in the order of `AnswerTemplate.before`, score, `after`, ticket."""
ANSWER_FIELDS = {
    "customer": "Str | None = None",
    "time": "Int = 0",
    "id": "Any = None",
    "revision": "Int = -1",
    "delay": "Int = 0",
    "content": "AnswerContent | None = None",
    "offer": "Offer | None = None",
    "deleted": "Int | None = None",
    "named_by": "Tuple(Int, Int, Any) | None = None",
}
"""Fields of `Answer` in the order of a packed record."""


def check_known_fields(
    submitted: type[msgspec.Struct] = FeedbackSubmitted,
    content: type[msgspec.Struct] = AnswerContent,
    answer: type[msgspec.Struct] = Answer,
) -> None:
    """Raise TypeError if the fields of these structs are not those that the fast path was written for."""
    _compare(submitted, sorted(SUBMITTED_FIELDS.items()), sorted(_fields(submitted).items()))
    for stored, known in ((content, CONTENT_FIELDS), (answer, ANSWER_FIELDS)):
        _compare(stored, known.items(), _fields(stored).items())
        config = stored.__struct_config__
        if not config.array_like or config.omit_defaults or config.tag is not None:
            raise TypeError(
                f"{stored.__name__}: the fast path writes it as an array without a tag or omissions"
            )


def _compare(struct: type, known: Iterable[tuple[str, str]], actual: Iterable[tuple[str, str]]) -> None:
    known, actual = list(known), list(actual)
    if known == actual:
        return
    differences = [
        *(f"{name}: {layout} is unknown" for name, layout in actual if (name, layout) not in known),
        *(f"{name}: {layout} is missing" for name, layout in known if (name, layout) not in actual),
    ]
    raise TypeError(
        f"{struct.__name__} has other fields than the fast path of answers handles: "
        f"{'; '.join(differences) or 'their order changed'}. Teach feedback/fast_path.py how the field is checked and "
        "stored, then list it in feedback/fast_path_guard.py"
    )


def _fields(struct: type[msgspec.Struct]) -> Mapping[str, str]:
    """Return type, constraints and default of each field as text, in order."""
    info: Any = inspect.type_info(struct)
    return {field.name: _layout(field.type) + _default(field) for field in info.fields}


def _default(field: inspect.Field) -> str:
    return "" if field.default is NODEFAULT else f" = {field.default!r}"


def _layout(info: inspect.Type) -> str:
    """Return a type with its constraints, without titles and descriptions."""
    if isinstance(info, inspect.Metadata):
        extra = sorted({*(info.extra_json_schema or {}), *(info.extra or {})} - {"title", "description"})
        return " + ".join([_layout(info.type), *extra])
    if isinstance(info, inspect.UnionType):
        return " | ".join(map(_layout, info.types))
    if isinstance(info, inspect.StructType):
        return info.cls.__name__
    if isinstance(info, inspect.NoneType):
        return "None"
    parts = []
    for name in info.__struct_fields__:
        value = getattr(info, name)
        if isinstance(value, inspect.Type):
            parts.append(_layout(value))
        elif isinstance(value, tuple):
            parts += [_layout(item) if isinstance(item, inspect.Type) else repr(item) for item in value]
        elif value is not None:
            parts.append(f"{name}={value!r}")
    kind = type(info).__name__.removesuffix("Type")
    return f"{kind}({', '.join(parts)})" if parts else kind
