"""Building blocks of event fields: constrained types, trimming, texts of errors."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from msgspec import Meta, Struct

T = TypeVar("T")

if TYPE_CHECKING:
    Defaulted = Annotated[T, "may be null on the wire; the struct then has the default"]
else:
    Defaulted = T | None

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""

MAX_SHOWN_CHARACTERS = 100
"""Characters of an invalid value that an error shows."""

Whole = Annotated[int, Meta(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]
Count = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)]
Seconds = Annotated[float, Meta(ge=0, le=MAX_SAFE_INTEGER // 1000)]


class Data(Struct, kw_only=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """The `data` of an event. Every concrete type has its event type in `TYPE`.

    Unknown fields are forbidden so that decoding notices them. `Decoder` ignores them.
    """

    TYPE: ClassVar[str]


def ident(description: str) -> Meta:
    """Return the constraints of an identifier: 1 to 256 characters, not trimmed."""
    return Meta(min_length=1, max_length=256, description=description)


def code(description: str) -> Meta:
    """Return the constraints of a code, such as a channel or reason: 1 to 64 characters after trimming.

    The struct must call `trimmed` itself.
    """
    pattern = {"pattern": r"^\s*\S([\s\S]{0,62}\S)?\s*$"}
    return Meta(description=description, extra_json_schema=pattern)


def trimmed(text: str, field: str) -> str:
    """Return a text without white space around it. Raises ValueError unless 1 to 64 characters remain."""
    if not isinstance(text, str):
        raise field_error(field, "str", text)
    stripped = text.strip()
    if not 0 < len(stripped) <= 64:
        raise field_error(field, "1 to 64 characters after trimming", text)
    return stripped


def trimmed_each(texts: tuple[str, ...], field: str) -> tuple[str, ...]:
    """Return the trimmed texts. It is the same tuple if there is nothing to trim, as in most events."""
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise field_error(field, "an array of str", texts)
    for text in texts:
        if text.strip() is not text or not 0 < len(text) <= 64:
            return tuple(trimmed(untrimmed, field) for untrimmed in texts)
    return texts


def field_error(field: str, allowed: str, value: Any) -> ValueError:
    """Return the error of a field whose value is not allowed."""
    return ValueError(f"{field}: expected {allowed}, got {abbreviated(value)}")


def abbreviated(value: Any) -> str:
    """Return a received value as text for an error, cut at 100 characters."""
    try:
        text = repr(value[: MAX_SHOWN_CHARACTERS + 1] if isinstance(value, str | bytes) else value)
    except RecursionError:
        text = f"a deeply nested {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 1] + "…"
