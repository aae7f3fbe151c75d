"""What the fields of events are made of: constrained types, trimming, texts of errors."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from msgspec import Meta, Struct

T = TypeVar("T")

if TYPE_CHECKING:
    Defaulted = Annotated[T, "null on the wire, the default to whoever reads the struct"]
else:
    Defaulted = T | None

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""

MAX_SHOWN_CHARACTERS = 100
"""Characters of an offending value that an error shows."""

Whole = Annotated[int, Meta(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]
Count = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)]
Seconds = Annotated[float, Meta(ge=0, le=MAX_SAFE_INTEGER // 1000)]


class Data(Struct, kw_only=True, gc=False, omit_defaults=True):
    """The `data` of an event. Every concrete type names itself."""

    TYPE: ClassVar[str]


def ident(description: str) -> Meta:
    """An identifier: 1 to 256 characters, kept as they are."""
    return Meta(min_length=1, max_length=256, description=description)


def code(description: str) -> Meta:
    """A word of a closed vocabulary: 1 to 64 characters after `trimmed`, which the struct calls itself."""
    pattern = {"pattern": r"^\s*\S([\s\S]{0,62}\S)?\s*$"}
    return Meta(description=description, extra_json_schema=pattern)


def trimmed(text: str, field: str) -> str:
    """`text` without white space around it. Raises ValueError unless 1 to 64 characters are left."""
    inner = text.strip()
    if not 0 < len(inner) <= 64:
        raise field_error(field, "1 to 64 characters after trimming", text)
    return inner


def trimmed_each(texts: tuple[str, ...], field: str) -> tuple[str, ...]:
    """`trimmed` of each text: the same tuple when, as nearly always, there is nothing to trim."""
    for text in texts:
        if text.strip() is not text or not 0 < len(text) <= 64:
            return tuple(trimmed(text_, field) for text_ in texts)
    return texts


def field_error(field: str, allowed: str, came: Any) -> ValueError:
    """The error of a field that holds something not allowed."""
    return ValueError(f"{field}: expected {allowed}, got {abbreviated(came)}")


def abbreviated(came: Any) -> str:
    """What came, as text for an error, cut at 100 characters."""
    try:
        text = repr(came[: MAX_SHOWN_CHARACTERS + 1] if isinstance(came, str | bytes) else came)
    except RecursionError:
        text = f"a deeply nested {type(came).__name__}"
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 1] + "…"
