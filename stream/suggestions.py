"""Suggestions for misspelt names in errors."""

from collections.abc import Iterable
from difflib import get_close_matches

SIMILAR = 0.6
"""Least similarity of a suggestion, from 0 to 1: the share of characters that both names have in the same order."""


def did_you_mean(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return `, did you mean '...'` with the known name that is most similar, "" if none is similar.

    `prefix` stands before it, and is not compared, because it would make all names similar.
    """
    nearest = get_close_matches(name, sorted(known), n=1, cutoff=SIMILAR)
    return f", did you mean {prefix + nearest[0]!r}" if nearest else ""


def suggestion(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return `did_you_mean`, or the known names if none is similar."""
    names = sorted(known)
    return did_you_mean(name, names, prefix) or f", allowed are {', '.join(prefix + each for each in names)}"
