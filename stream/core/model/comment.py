"""Records of the comments topic: the comment of each answer that counts, by the ID of the answer.

A record follows from the event that counts alone, so it never depends on the order of reading, and the worker need not
keep comments in memory.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

CommentClass = Literal["promoter", "passive", "detractor", "satisfied", "dissatisfied", "easy", "not_easy"]


class Comment(msgspec.Struct, frozen=True, gc=False):
    """The comment of an answer.

    Attributes:
        time: that of the event that counts, in ms
        score: None of an answer without a score
        answer_class: None if the answer has no score, belongs to an exit survey, or is premature
        reasons: capped like those that are counted
        values: dimension values by name, capped likewise
        text: without spaces at its ends, never empty
    """

    time: int
    survey: str
    score: int | None
    answer_class: CommentClass | None
    reasons: tuple[str, ...]
    values: dict[str, str]
    text: str


encode: Callable[[Comment], bytes] = msgspec.json.Encoder().encode
decode: Callable[[bytes], Comment] = msgspec.json.Decoder(Comment).decode
