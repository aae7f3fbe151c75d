"""Handled interactions: the highest revision counts, in the bucket of the earliest."""

from collections.abc import Callable

import msgspec

from schemas.tickets import InteractionHandled
from stream.core.book import Book, Outcome, project
from stream.core.buckets import HOUR, MINUTE
from stream.core.metrics import aht
from stream.core.rules import Rules, Values
from stream.core.tally import Contribution

INTERACTION = b"i"


class Interaction(msgspec.Struct, array_like=True, gc=False):
    """Facts of one `interaction_id`, and the contributions last made of them.

    `minute` is the bucket of the earliest time among the revisions; the rest is of the highest revision. `elapsed` is
    talk, hold and wrap-up in ms.
    """

    person: bytes
    minute: int
    revision: int = -1
    outcome: str = "handled"
    elapsed: int = 0
    legs: int = 1
    values: Values = ()
    made: tuple[Contribution, ...] = ()


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], Interaction] = msgspec.msgpack.Decoder(Interaction).decode


def derive(interaction: Interaction, rules: Rules) -> tuple[Contribution, ...]:
    """What an interaction contributes."""
    if not (vector := aht.vector(interaction)):
        return ()
    return (Contribution("handle", project(interaction.values, rules), (), interaction.minute, vector),)


def apply(book: Book, data: InteractionHandled, at: int, person: bytes) -> Outcome:
    """Enter an event. A duplicate still moves the bucket to its own earlier time."""
    key = INTERACTION + data.interaction_id.encode()
    raw = book.entities.get(key)
    minute = at // MINUTE
    one = Interaction(person, minute) if raw is None else unpack(raw)
    higher, earlier = data.revision > one.revision, minute < one.minute
    if not higher and not earlier:
        return "duplicate"
    one.minute = min(minute, one.minute)
    if higher:
        one.revision, one.outcome, one.legs = data.revision, data.outcome, data.legs
        one.elapsed = data.talk_ms + data.hold_ms + data.wrap_ms
        one.values = book.values(data)
    made = derive(one, book.rules)
    book.replace(one.made, made)
    one.made = made
    book.put(key, pack(one), until(one, book.rules) if raw is None or earlier else None)
    return "accepted" if higher else "duplicate"


def until(interaction: Interaction, rules: Rules) -> int:
    """The watermark in ms at which no event for it can be in time any more."""
    return (interaction.minute * MINUTE // HOUR + 1) * HOUR + rules.lateness
