"""Summaries of tickets, written by the workers of `cx.tickets`: FCR and repeat contacts are derived from them.

The summary with the highest number replaces the others whole. One that says "gone" contributes nothing, but keeps its
number, so that an older one that is read later changes nothing. A changed summary stays dirty until the flush.
"""

from collections.abc import Callable

import msgspec

from schemas.tickets import TicketSummarized
from schemas.times import Time, to_ms
from stream.core.aggregation.customers.entity import hashed_child_key
from stream.core.aggregation.entity_store import EntityStore, project_dimensions
from stream.core.model.aggregate import Contribution
from stream.core.model.aggregates.customers import FCR, WEEK, FcrLayout
from stream.core.model.aggregation_config import AggregationConfig, DimensionValues
from stream.core.model.time_buckets import MINUTE

SUMMARY, SUMMARY_OF_NOBODY = b"s", b"a"
"""Kinds of entities: the ticket of a customer, and that of nobody, whose ID is never taken for a customer's."""


class ContactSummary(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A ticket as the repeat-contact index knows it: topic, creation, and solve if it may be a first contact (ms)."""

    topic: str
    created: int
    solved: int | None


class TicketSummary(msgspec.Struct, array_like=True, gc=False):
    """One ticket, as the summary with the highest number has it. Times in ms.

    `judged` is the newest timestamp of the partition at its record. `topic` is the present one, "" if there is none.
    `solved` is the first solve by people, `reopened` the first reopening after it, `values` the dimensions at the solve.
    `contact` is what the index knows. `repeated`: another ticket was created within a week after the solve.
    """

    number: int = -1
    judged: int = 0
    gone: bool = False
    resolved: bool = False
    topic: str = ""
    created: int | None = None
    solved: int | None = None
    one_contact: bool = False
    reopened: int | None = None
    values: DimensionValues = ()
    contact: ContactSummary | None = None
    repeated: bool = False


pack = msgspec.msgpack.Encoder().encode
unpack: Callable[[bytes], TicketSummary] = msgspec.msgpack.Decoder(TicketSummary).decode


def summary_key(data: TicketSummarized) -> bytes:
    """Return the key of a ticket: of a customer's, it begins with the customer's ID and ends with a hash."""
    if data.customer_id is None:
        return SUMMARY_OF_NOBODY + data.ticket_id.encode()
    return hashed_child_key(SUMMARY, data.customer_id, data.ticket_id)


def process(store: EntityStore, data: TicketSummarized) -> None:
    """Replace the summary of a ticket unless a higher number is known."""
    key = summary_key(data)
    known = _load(store, key)
    if data.number < known.number:
        return
    ignored = store.labels_ignored
    values = store.dimension_values(data, data.ticket_topic)
    store.labels_ignored = ignored  # derived events count no labels
    store.dirty[key] = TicketSummary(
        number=data.number,
        judged=store.newest_timestamp,
        gone=data.gone,
        resolved=data.resolved,
        topic=data.topic or "",
        created=_ms(data.created),
        solved=_ms(data.solved),
        one_contact=data.one_contact,
        reopened=_ms(data.reopened),
        values=values,
        contact=known.contact,
        repeated=known.repeated,
    )


def _ms(time: Time | None) -> int | None:
    return None if time is None else to_ms(time)


def _load(store: EntityStore, key: bytes) -> TicketSummary:
    """Return the known summary of a ticket. One that is forgotten, or was never known, begins anew.

    The panes of a forgotten one have expired.
    """
    summary: TicketSummary | None = store.dirty.get(key)
    if summary is None:
        raw = store.entities.get(key)
        summary = TicketSummary() if raw is None else unpack(raw)
    expiry = expires_at(summary, store.config)
    return TicketSummary() if expiry is not None and expiry <= store.newest_timestamp else summary


def expires_at(summary: TicketSummary, config: AggregationConfig) -> int | None:
    """Return the newest timestamp in ms at which a summary is forgotten, None while the ticket is unresolved."""
    return summary.judged + config.entity_retention if summary.resolved or summary.gone else None


def contact_summary(summary: TicketSummary) -> ContactSummary | None:
    """Return a ticket as the repeat-contact index is to know it, None if the ticket does not count."""
    if summary.gone or summary.created is None:
        return None
    return ContactSummary(summary.topic, summary.created, _possible_first_contact(summary))


def _possible_first_contact(summary: TicketSummary) -> int | None:
    """Return the solve in ms if it needed one contact and was not reopened within a week, both ends inside."""
    solved, reopened = summary.solved, summary.reopened
    if solved is None or not summary.one_contact:
        return None
    return None if reopened is not None and reopened <= solved + WEEK else solved


def derive(summary: TicketSummary, config: AggregationConfig) -> tuple[Contribution, ...]:
    """Return the contribution of a ticket at its first solve by people, with the dimensions then."""
    if summary.gone or summary.created is None or summary.solved is None:
        return ()
    is_first_contact = _possible_first_contact(summary) is not None and not summary.repeated
    component = FcrLayout.FIRST_CONTACT if is_first_contact else FcrLayout.OTHER
    values = project_dimensions(summary.values, config)
    return (Contribution(FCR.name, values, (), summary.solved // MINUTE, {component: 1}),)
