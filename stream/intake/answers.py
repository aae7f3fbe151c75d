"""The answer to a request with events: its status, its outcome and its document."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from stream.intake.decoding import AcceptedEvent
from stream.intake.fault import EventFault
from stream.intake.problem import ProblemError
from stream.mapping.known_fields import unknown_field
from stream.text import printable

MAX_WARNINGS = 100
"""Maximum number of unknown fields that an answer names."""


class Answer(NamedTuple):
    """The answer to a request of which at least one event was stored, or which had none."""

    status: int
    outcome: str
    document: dict[str, Any]


def answer_of(accepted: Sequence[AcceptedEvent], faults: Sequence[EventFault]) -> Answer:
    """Return the answer: 202 if all events were accepted, 207 with a result for each if some were."""
    document: dict[str, Any] = {"accepted": len(accepted), "rejected": len(faults)}
    if warnings := _warnings(accepted):
        document["warnings"] = warnings
    if not faults:
        return Answer(202, "accepted", document)
    results = [
        *({"index": event.index, "status": 202, "id": event.id} for event in accepted),
        *(fault.document for fault in faults),
    ]
    return Answer(207, "partial", document | {"results": sorted(results, key=lambda result: result["index"])})


def rejection(faults: Sequence[EventFault], *, atomic: bool = False) -> ProblemError:
    """Return the problem of a request of which nothing was accepted.

    The status is 400, or the one that all faults have.
    """
    statuses = {fault.status for fault in faults}
    status = statuses.pop() if len(statuses) == 1 else 400
    first = faults[0]
    others = f", and {len(faults) - 1} others" if len(faults) > 1 else ""
    title = "No event was accepted" + (", because the batch is atomic" if atomic else "")
    return ProblemError(
        status,
        "invalid-events",
        title,
        f"event {first.index}: {first.detail}{others}",
        outcome={403: "forbidden", 413: "too_large"}.get(status, "invalid"),
        extension={"errors": [fault.document for fault in faults]},
    )


def _warnings(accepted: Sequence[AcceptedEvent]) -> list[dict[str, Any]]:
    """Return the unknown fields of data, which no worker reads. Most often they are misspelt."""
    named = (
        {"index": event.index, "detail": printable(unknown_field(name, event.kind, "data.").detail)}
        for event in accepted
        for name in event.unknown
    )
    return [warning for _, warning in zip(range(MAX_WARNINGS), named, strict=False)]
