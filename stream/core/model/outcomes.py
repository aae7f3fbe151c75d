"""Outcomes of records. Every record read has exactly one."""

from typing import Literal, get_args

Outcome = Literal[
    "accepted",
    "derived",
    "duplicate",
    "erased",
    "future",
    "invalid",
    "late",
    "misrouted",
    "oversized",
    "unknown_type",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
DEAD_LETTER_OUTCOMES: tuple[Outcome, ...] = ("oversized", "invalid", "unknown_type", "future", "late")
"""Outcomes whose records go to the dead-letter topic."""
