"""Comments of answers for the comments topic, if they are kept. They are written with the flush and not held in memory."""

from schemas.feedback import FeedbackDeleted, FeedbackSubmitted
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback.entity import Answer, AnswerContent
from stream.core.aggregation.feedback.summary import answer_class
from stream.core.model.aggregates.feedback import CesLayout, ces_vector
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.comment import Comment, CommentClass, encode


def write_comment(
    store: EntityStore,
    key: bytes,
    data: FeedbackSubmitted | FeedbackDeleted,
    answer: Answer,
    event_time: int,
) -> None:
    """Write the comment of an event that became the one that counts, or remove that of the event before.

    `key` is that of the answer, `event_time` in ms. Without the setting nothing is written. A known answer without a comment
    may have had one, which its entity does not contain, so its comment is removed in any case.
    """
    if store.comments is None:
        return
    text = (data.comment or "").strip() if isinstance(data, FeedbackSubmitted) else ""
    if text and answer.content is not None:
        store.comments[key] = encode(_comment(text, answer.content, event_time, store.config))
    elif key in store.entities or key in store.comments:
        store.comments[key] = None


def forget_comment(store: EntityStore, key: bytes) -> None:
    """Remove the comment of an answer that is forgotten, because no erasure would find it any more."""
    if store.comments is not None:
        store.comments[key] = None


def _comment(text: str, content: AnswerContent, event_time: int, config: AggregationConfig) -> Comment:
    named = zip(config.dimensions, content.values, strict=False)
    return Comment(
        time=event_time,
        survey=content.survey,
        score=content.score,
        answer_class=comment_class(content),
        reasons=content.reasons,
        values={name: value for name, value in named if value is not None},
        text=text,
    )


def comment_class(content: AnswerContent) -> CommentClass | None:
    """Return the class in which an answer is counted by its score, None if it is in none."""
    if content.score is None or not content.counts:
        return None
    if content.survey == "ces":
        vector = ces_vector(content.score, content.scale, content.direction)
        return "easy" if CesLayout.EASY in vector else "not_easy"
    return answer_class(content.survey, content.score, content.scale)
