"""What a life adds to figures beside its cohort: its churn by class and by exit reasons, and the classes that it leaves."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stream.core.aggregation.customers.answers import (
    NAMES,
    AnswerCode,
    ClassHistory,
    KnownAnswer,
    class_histories,
)
from stream.core.aggregation.customers.entity import Customer
from stream.core.model.aggregate import AggregateName, OwnLabels
from stream.core.model.aggregates.joined import (
    CHURN_EXIT,
    CHURN_EXIT_REASONS,
    CLASS_CHURNED,
    CLASS_LEAVES,
    EXIT_AFTER,
    EXIT_BEFORE,
    ChurnExitLayout,
    ClassChurnedLayout,
    ClassLeavesLayout,
)

_EXIT = int(AnswerCode.EXIT)  # a member of an enumeration is slow to look up and to compare
_SEPARATOR = "\x1f"


class Fact(NamedTuple):
    """A count of 1 at a time in ms."""

    aggregate: AggregateName
    own_labels: OwnLabels
    time: int
    component: int


class Joins(NamedTuple):
    """The answers of a customer, as lives and purchases are joined with them."""

    classes: Sequence[ClassHistory]
    exits: Sequence[KnownAnswer]

    def facts(self, start: int, end: int | None) -> Iterator[Fact]:
        """Yield the facts of a life (ms). One without an end has not churned.

        An answer of the moment of the start is part of it, one of the moment of the end comes before it.
        """
        for history in self.classes:
            for moment, before, code in history.changes(start, end):
                if before is None:
                    yield Fact(CLASS_LEAVES.name, (NAMES[code],), moment, ClassLeavesLayout.FROM_NONE)
                else:
                    yield Fact(CLASS_LEAVES.name, (NAMES[before],), moment, ClassLeavesLayout.CHANGES)
            if end is not None and (last := history.at(end)) is not None:
                yield Fact(CLASS_LEAVES.name, (NAMES[last],), end, ClassLeavesLayout.ENDS)
                yield Fact(CLASS_CHURNED.name, (NAMES[last],), end, ClassChurnedLayout.CHURNS)
        if end is not None and (exit_answer := self._exit_answer(end)) is not None:
            yield Fact(CHURN_EXIT.name, (), end, ChurnExitLayout.CHURNS)
            for reason in dict.fromkeys(exit_answer.reasons):
                yield Fact(CHURN_EXIT_REASONS.name, (reason,), end, ChurnExitLayout.CHURNS)

    def _exit_answer(self, churn: int) -> KnownAnswer | None:
        """Return the newest exit answer around a churn in ms, None if there is none."""
        first = bisect_left(self.exits, churn - EXIT_BEFORE, key=lambda answer: answer.moment)
        end = bisect_right(self.exits, churn + EXIT_AFTER, key=lambda answer: answer.moment)
        return self.exits[end - 1] if first < end else None

    def classes_at(self, moment: int) -> int:
        """Return the classes at a moment in ms, as a bit for each code."""
        codes = (history.at(moment) for history in self.classes)
        return sum(1 << code for code in codes if code is not None)


NO_JOINS = Joins((), ())


def joins_of(customer: Customer) -> Joins:
    """Return the answers of a customer, ready to be joined."""
    final, answers = customer.final_answers, customer.answers
    if not answers and not final:
        return NO_JOINS
    exits = [answer for answer in (*final, *answers) if answer.code == _EXIT]
    if len(exits) > 1:
        exits.sort(key=lambda answer: answer.order)
    return Joins(class_histories(final, answers), exits)


def classes_of(bits: int) -> tuple[str, ...]:
    """Return the names of the classes with these bits."""
    return tuple(name for code, name in enumerate(NAMES) if bits >> code & 1)


def archive_key(fact: Fact) -> str:
    """Return the key of archived facts."""
    return _SEPARATOR.join((fact.aggregate, *fact.own_labels))


def archived_cell(key: str) -> tuple[AggregateName, OwnLabels]:
    """Return aggregate and own labels of archived facts."""
    name, *own_labels = key.split(_SEPARATOR, 1)
    return AggregateName(name), tuple(own_labels)
