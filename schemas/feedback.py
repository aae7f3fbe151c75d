"""Data of the events of `cx.feedback`: survey offers, answers, edits and deletions."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from .dimensions import Dimensions
from .fields import Count, Data, Defaulted, Whole, code, field_error, ident, trimmed_each
from .times import Time, to_ms

Survey = Literal["nps", "csat", "ces", "exit"]
Scale = tuple[int, int]

SCALES: dict[str, Scale | None] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 5), "exit": None}
"""The default scale of each survey. NPS allows no other. An exit survey without a scale takes any score."""

_DEFAULT_SCALES = {
    survey: {None} if scale is None else {None, *range(scale[0], scale[1] + 1)}
    for survey, scale in SCALES.items()
}
"""The scores allowed for answers without a scale. None stands for a dismissed survey."""

AnswerClass = Literal["promoter", "passive", "detractor", "satisfied", "dissatisfied"]
FeedbackId = Annotated[str, ident("The offer and its answer, to which all of its events belong")]
CustomerId = Annotated[str, ident("The customer")]


class FeedbackDimensions(Dimensions, kw_only=True):
    """The dimensions of feedback."""

    DIMENSIONS: ClassVar[tuple[str, ...]] = (*Dimensions.DIMENSIONS, "program")

    program: Annotated[str, code("The survey programme, such as relationship or checkout")] | None = None


class FeedbackOffered(FeedbackDimensions, kw_only=True):
    """A survey was shown or sent to someone."""

    TYPE: ClassVar[str] = "cx.feedback.offered.v1"

    feedback_id: FeedbackId
    survey: Annotated[Survey, Meta(title="Survey", description="The kind of survey")]
    customer_id: CustomerId | None = None


class FeedbackSubmitted(FeedbackDimensions, kw_only=True):
    """A survey was answered or dismissed, or its answer was edited. The highest revision counts, of equal ones the newest."""

    TYPE: ClassVar[str] = "cx.feedback.submitted.v1"

    feedback_id: FeedbackId
    survey: Annotated[Survey, Meta(title="Survey", description="The kind of survey")]
    score: Annotated[
        Whole | None,
        Meta(description="A point of the scale. null if dismissed, and in an exit survey with reasons only"),
    ]
    scale: (
        Annotated[
            tuple[Whole, Whole],
            Meta(
                title="Scale",
                description="[min, max]. For nps [0, 10] only, the default for csat and ces is [1, 5]",
            ),
        ]
        | None
    ) = None
    direction: (
        Annotated[
            Literal["ease", "effort"],
            Meta(
                title="Direction",
                description="For ces, the meaning of a high score. The default is effort",
            ),
        ]
        | None
    ) = None
    revision: Defaulted[Annotated[Count, Meta(description="The highest revision of an answer counts")]] = 0
    customer_id: CustomerId | None = None
    ticket_id: (
        Annotated[str, ident("The ticket that the answer is about, for the CSAT of tickets")] | None
    ) = None
    transaction_time: (
        Annotated[
            Time,
            Meta(
                description="Time of the transaction that the answer is about. An earlier answer is premature"
            ),
        ]
        | None
    ) = None
    comment: Annotated[str, Meta(description="Free text. No metric reads it")] | None = None
    reasons: Defaulted[
        Annotated[
            tuple[Annotated[str, code("A reason code")], ...],
            Meta(max_length=16, description="Reason codes. One that is given twice counts once"),
        ]
    ] = ()

    def __post_init__(self) -> None:
        # The worker caches this check by the fields it reads. A check of another field must become part of the cache
        # key in NewAnswerFastPath.validate, stream/core/aggregation/feedback/fast_path.py.
        Dimensions.__post_init__(self)
        if self.revision is None:
            self.revision = 0
        if self.reasons != ():
            self.reasons = trimmed_each(self.reasons, "reasons") if self.reasons else ()
        try:
            is_usual = self.scale is None and self.score in _DEFAULT_SCALES[self.survey]
        except (KeyError, TypeError):  # of a struct that an app builds: a decoder has checked the types
            is_usual = False
        if not is_usual:
            self._check_types()
            self._check_score(self.scale or SCALES[self.survey])

    def _check_types(self) -> None:
        """Raise ValueError for values that the annotations do not allow."""
        if not isinstance(self.survey, str) or self.survey not in SCALES:
            raise field_error("survey", f"one of {', '.join(SCALES)}", self.survey)
        if self.score is not None and type(self.score) is not int:
            raise field_error("score", "int, or null", self.score)
        scale = self.scale
        if scale is not None and (
            not isinstance(scale, tuple | list)
            or len(scale) != 2
            or not all(type(end) is int for end in scale)
        ):
            raise field_error("scale", "[min, max]", scale)

    def _check_score(self, scale: Scale | None) -> None:
        if scale is None:
            return
        self._check_scale(scale)
        if self.score is not None and not scale[0] <= self.score <= scale[1]:
            raise field_error("score", f"int from {scale[0]} to {scale[1]}, or null", self.score)

    def _check_scale(self, scale: Scale) -> None:
        if self.survey == "nps" and scale != (0, 10):
            raise field_error("scale", "[0, 10] for nps", list(scale))
        if scale[0] >= scale[1]:
            raise field_error("scale", "[min, max] with min < max", list(scale))

    @property
    def transaction_ms(self) -> int | None:
        """`transaction_time` in ms since the epoch."""
        return None if self.transaction_time is None else to_ms(self.transaction_time)


class FeedbackDeleted(Data, kw_only=True):
    """An answer was deleted. It leaves every metric for good, its offer stays."""

    TYPE: ClassVar[str] = "cx.feedback.deleted.v1"

    feedback_id: FeedbackId
    customer_id: CustomerId | None = None


class AnswerSummarized(Data, kw_only=True):
    """An answer of a customer as `cx.customers` needs it. Workers write this event, apps do not."""

    TYPE: ClassVar[str] = "cx.answer.summarized.v1"

    feedback_id: FeedbackId
    customer_id: CustomerId
    number: Annotated[Count, Meta(description="The summary with the highest number replaces the others")]
    survey: (
        Annotated[
            Literal["nps", "csat", "exit"], Meta(title="SummarizedSurvey", description="The kind of survey")
        ]
        | None
    ) = None
    moment: Annotated[Time, Meta(description="Earliest time of its revisions")] | None = None
    counts: Defaulted[
        Annotated[bool, Meta(description="true if it is a response, and in NPS not premature")]
    ] = False
    answer_class: (
        Annotated[
            AnswerClass, Meta(title="AnswerClass", description="Of an answer to nps or csat that counts")
        ]
        | None
    ) = None
    ticket_id: Annotated[str, ident("The ticket that the answer is about")] | None = None
    reasons: Defaulted[
        Annotated[
            tuple[Annotated[str, code("A reason code")], ...],
            Meta(max_length=16, description="Reason codes of an exit survey"),
        ]
    ] = ()
    gone: Defaulted[
        Annotated[bool, Meta(description="true if it was deleted, or moved to another customer")]
    ] = False

    def __post_init__(self) -> None:
        if self.counts is None:
            self.counts = False
        if self.gone is None:
            self.gone = False
        if self.reasons != ():
            self.reasons = trimmed_each(self.reasons, "reasons") if self.reasons else ()
        if self.counts and (self.survey is None or self.moment is None):
            raise field_error("moment", "survey and moment of an answer that counts", None)
        if self.counts and self.survey != "exit" and self.answer_class is None:
            raise field_error("answer_class", "the class of an answer that counts", None)
