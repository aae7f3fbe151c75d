"""A customer's answers: NPS, CSAT and exit surveys, as the feedback's workers summarize them.

Of a customer the newest `MAX_ANSWERS` are known one by one and can still be edited or deleted. Older ones are final: they
keep the class and the exit reasons that they gave, and an answer that is older than all known ones is not joined.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from stream.core.aggregation.event_ids import expand_id
from stream.core.model.aggregates.joined import CLASSES, EXIT_BEFORE
from stream.core.model.time_buckets import MINUTE

MAX_ANSWERS = 16
"""Answers of a customer that are known one by one."""
MAX_FINAL = 100
"""Final answers that are kept, beside the last one of each survey."""


class AnswerCode(IntEnum):
    """An answer by its survey and class."""

    PROMOTER = 0
    PASSIVE = 1
    DETRACTOR = 2
    SATISFIED = 3
    DISSATISFIED = 4
    EXIT = 5


_EXIT = int(AnswerCode.EXIT)
NAMES: tuple[str, ...] = (*CLASSES["nps"], *CLASSES["csat"])
"""Classes by their code."""
SURVEYS: tuple[str, ...] = ("nps", "nps", "nps", "csat", "csat", "exit")
"""Surveys by code."""


class KnownAnswer(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """An answer that counts.

    `moment` is its time in ms, `id` the `feedback_id` (a `CompactId`), `number` that of its summary, `ticket` the hash of
    the ticket that it names. `reasons` are those of an exit answer.
    """

    moment: int
    id: Any
    number: int
    code: int
    ticket: bytes | None = None
    reasons: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, str]:
        """Return the order of a customer's answers."""
        return self.moment, expand_id(self.id)


def insert(answers: list[KnownAnswer], answer: KnownAnswer) -> KnownAnswer | None:
    """Insert an answer in order. Return the oldest if there are too many now, which is removed."""
    if not answers or answers[-1].moment < answer.moment:  # most answers are the newest
        answers.append(answer)
        return answers.pop(0) if len(answers) > MAX_ANSWERS else None
    i = bisect_right(answers, answer.moment, key=lambda known: known.moment)
    answers.insert(i, answer)
    if i and answers[i - 1].moment == answer.moment:
        answers.sort(key=lambda known: known.order)
    return answers.pop(0) if len(answers) > MAX_ANSWERS else None


def finalize(final: list[KnownAnswer], answer: KnownAnswer, retention_start: int) -> list[KnownAnswer]:
    """Return the final answers with one more. `retention_start` is a minute.

    Dropped are those on which no retained pane depends, and the oldest past `MAX_FINAL`. The last one of each survey stays.
    """
    merged = [*final, msgspec.structs.replace(answer, number=0, ticket=None)]
    merged.sort(key=lambda known: known.order)
    oldest = retention_start * MINUTE - EXIT_BEFORE
    recent = [known for known in merged if known.moment >= oldest]
    before = {SURVEYS[known.code]: known for known in merged if known.moment < oldest}
    kept = [*before.values(), *recent]
    last = {SURVEYS[known.code]: known for known in kept}
    excess = len(kept) - MAX_FINAL
    return [known for i, known in enumerate(kept) if i >= excess or last[SURVEYS[known.code]] is known]


class ClassHistory(NamedTuple):
    """The classes of a customer in one survey: codes, each from a moment in ms on. Neighbours differ."""

    moments: list[int]
    codes: list[int]

    def at(self, moment: int) -> int | None:
        """Return the code at a moment in ms, its answers included. None: none."""
        i = bisect_right(self.moments, moment)
        return self.codes[i - 1] if i else None

    @property
    def present(self) -> int | None:
        """The code by all answers."""
        return self.codes[-1] if self.codes else None

    def changes(self, after: int, until: int | None) -> Iterator[tuple[int, int | None, int]]:
        """Yield the changes after a moment, up to and with another (ms, None: no end): moment, code before, code."""
        first = bisect_right(self.moments, after)
        last = len(self.moments) if until is None else bisect_right(self.moments, until)
        for i in range(first, last):
            yield self.moments[i], self.codes[i - 1] if i else None, self.codes[i]


def class_history(answers: Iterable[KnownAnswer]) -> ClassHistory:
    """Return the classes by the answers of a survey, which are in order."""
    moments: list[int] = []
    codes: list[int] = []
    for answer in answers:
        if moments and moments[-1] == answer.moment:  # what is of one moment is one step
            moments.pop()
            codes.pop()
        if not codes or codes[-1] != answer.code:
            moments.append(answer.moment)
            codes.append(answer.code)
    return ClassHistory(moments, codes)


def class_histories(final: list[KnownAnswer], answers: list[KnownAnswer]) -> list[ClassHistory]:
    """Return the classes in each survey in which the customer has any."""
    ordered = answers if not final else sorted([*final, *answers], key=lambda answer: answer.order)
    by_survey: dict[str, list[KnownAnswer]] = {survey: [] for survey in CLASSES}
    for answer in ordered:
        if answer.code < _EXIT:
            by_survey[SURVEYS[answer.code]].append(answer)
    return [class_history(of_survey) for of_survey in by_survey.values() if of_survey]
