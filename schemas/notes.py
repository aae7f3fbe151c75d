"""Data of the notes of `cx.feedback`: what happened and when, shown on time lines. No metric reads them."""

from typing import Annotated, ClassVar

from msgspec import Meta

from .feedback import FeedbackDimensions
from .fields import Count, Data, Defaulted, ident

NoteId = Annotated[str, ident("The note, to which all of its events belong")]


class Note(FeedbackDimensions, kw_only=True):
    """A note for time lines, such as a release, or its edit. The highest revision counts, of equal ones the newest."""

    TYPE: ClassVar[str] = "cx.note.v1"

    note_id: NoteId
    text: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=100,
            pattern=r"\S",
            description="What happened. It is shown as it is, so it must not contain personal data",
        ),
    ]
    revision: Defaulted[Annotated[Count, Meta(description="The highest revision of a note counts")]] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.revision is None:
            self.revision = 0


class NoteDeleted(Data, kw_only=True):
    """A note was deleted. It is shown no more, for good."""

    TYPE: ClassVar[str] = "cx.note.deleted.v1"

    note_id: NoteId


OF_NOTES: frozenset[type[Data]] = frozenset({Note, NoteDeleted})
"""The event types about notes. They belong to a `note_id` and name no customer."""
