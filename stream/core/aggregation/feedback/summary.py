"""Summaries of the answers of customers, which `cx.customers` needs, written whenever they change."""

from schemas.feedback import AnswerClass, AnswerSummarized, Scale
from schemas.times import from_ms
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback.entity import Answer
from stream.core.aggregation.outgoing import DerivedEvent
from stream.core.model.aggregates.feedback import is_satisfied

SUMMARIZED = frozenset({"nps", "csat", "exit"})
"""The surveys whose answers are joined with customers and tickets."""


def answer_class(survey: str, score: int | None, scale: Scale | None) -> AnswerClass | None:
    """Return the class of an answer by its score, None of an exit survey and of a dismissed one."""
    if score is None or survey == "exit":
        return None
    if survey == "csat":
        return "satisfied" if is_satisfied(score, scale) else "dissatisfied"
    return "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"


def summarize(feedback_id: str, answer: Answer) -> AnswerSummarized | None:
    """Return the summary of an answer with number 0, None if it has no customer, no content, or another survey."""
    content = answer.content
    if answer.customer is None or content is None or content.survey not in SUMMARIZED:
        return None
    return AnswerSummarized(
        feedback_id=feedback_id,
        customer_id=answer.customer,
        number=0,
        survey=content.survey,  # type: ignore[arg-type]  # one of SUMMARIZED
        moment=from_ms(answer.time),
        counts=content.counts,
        answer_class=answer_class(content.survey, content.score, content.scale) if content.counts else None,
        ticket_id=content.ticket,
        reasons=content.reasons if content.survey == "exit" else (),
    )


def write_changes(
    store: EntityStore, before: AnswerSummarized | None, after: AnswerSummarized | None, event_time: int
) -> None:
    """Derive the events that follow from a change of an answer's summary. `event_time` in ms.

    If the answer was deleted or moved to another customer, the former one is told first.
    """
    if before == after:
        return
    number = store.offset
    if before is not None and (after is None or after.customer_id != before.customer_id):
        removal = AnswerSummarized(
            feedback_id=before.feedback_id, customer_id=before.customer_id, number=number, gone=True
        )
        write(store, removal, f"{number}/gone/{before.feedback_id}", event_time)
    if after is not None:
        after.number = number
        write(store, after, f"{number}/{after.feedback_id}", event_time)


def write(store: EntityStore, summary: AnswerSummarized, event_id: str, event_time: int) -> None:
    """Derive the event of a summary, with the time (ms) and record timestamp of the record that caused it."""
    store.derived.append(DerivedEvent(summary, event_id[:256], event_time, store.record_timestamp))
