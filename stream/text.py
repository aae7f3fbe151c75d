"""Text that came from outside, made safe for terminals and logs."""

from unicodedata import category


def printable(raw: bytes | str | None) -> str:
    """Return text without control characters, line ends and bidirectional controls among them: they are escaped.

    Bytes that are no UTF-8 are escaped, too. None is an empty text.
    """
    text = "" if raw is None else raw if isinstance(raw, str) else raw.decode(errors="backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or category(character) == "Zs"  # spaces of other widths
        else character.encode("unicode_escape").decode()
        for character in text
    )


def printable_lines(text: str) -> str:
    """Return `printable` of each line of a text, without changing its lines."""
    return "\n".join(map(printable, text.split("\n")))
