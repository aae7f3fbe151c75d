"""Every kind of stored record: domain, first byte of the key, decoder.

A kind has a name of its own (`feedback/a-answer`), which does not change when Python names do.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from stream.core.aggregation import erasure
from stream.core.aggregation.customers import answer_records, referrals, repeat_contacts, ticket_summary
from stream.core.aggregation.customers import entity as customer
from stream.core.aggregation.feedback import entity as answer
from stream.core.aggregation.feedback import notes
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.tickets import entity as ticket
from stream.core.aggregation.tickets import interactions
from stream.core.model import checkpoint, pane_blocks, unreadable

VERSION = checkpoint.VERSION
VERSION_NAME = f"{checkpoint.__name__}.VERSION"
CHECKPOINT = checkpoint.KEY


class Kind(NamedTuple):
    """One kind of record.

    `decode` None: the value is always empty. `decode_key` None: the key is not msgpack.
    """

    domain: str
    prefix: str
    """First byte of the key in the state topic, empty for records of the panes topic."""
    name: str
    description: str
    decode: Callable[[bytes], Any] | None
    decode_key: Callable[[bytes], Any] | None = None
    """Decoder of the key after the prefix."""

    @property
    def path(self) -> str:
        """Return the name of the kind in the schema: domain, prefix and name."""
        return f"{self.domain}/{self.prefix + '-' if self.prefix.isalpha() else ''}{self.name}"

    @property
    def file(self) -> str:
        """Return the path of the golden file in the folder of a version."""
        return f"{self.path}.json"

    @property
    def stored(self) -> dict[str, Any]:
        """Return the stored types by their name in the schema."""
        decoders = {self.path: self.decode, f"{self.path} key": self.decode_key}
        return {name: decode.__self__.type for name, decode in decoders.items() if decode is not None}


OF_DOMAINS = (
    Kind("feedback", "a", "answer", "An answer to a survey, with its offer.", answer.unpack),
    Kind("feedback", "c", "responder", "A customer who answers surveys; no value.", None),
    Kind("feedback", "n", "notes", "The newest notes of a partition.", notes.unpack),
    Kind("tickets", "t", "ticket", "A ticket.", ticket.unpack),
    Kind("tickets", "i", "interaction", "A handled interaction of a ticket.", interactions.unpack),
    Kind("tickets", "j", "lone-interaction", "A handled interaction without a ticket.", interactions.unpack),
    Kind("customers", "c", "customer", "A customer: life events, money, referrals.", customer.unpack),
    Kind(
        "customers",
        "o",
        "order",
        "A known order: the partition's newest record timestamp then, in ms.",
        customer.unpack_watermark,
    ),
    Kind(
        "customers",
        "m",
        "refund",
        "A known refund: the partition's newest record timestamp then, in ms.",
        customer.unpack_watermark,
    ),
    Kind(
        "customers",
        "w",
        "withdrawn-answer",
        "An answer that does not count: number of its summary, the partition's newest record timestamp then, in ms.",
        answer_records.unpack,
    ),
    Kind("customers", "f", "referral", "A known referral.", referrals.unpack),
    Kind("customers", "s", "ticket", "The summary of a customer's ticket.", ticket_summary.unpack),
    Kind("customers", "a", "lone-ticket", "The summary of a ticket without customer.", ticket_summary.unpack),
    Kind("customers", "q", "topic", "A customer's tickets about a topic.", repeat_contacts.unpack),
)
OF_ALL = (
    Kind(
        "*",
        "e",
        "erasure",
        "An erased person: erased up to, newest record timestamp then, in ms.",
        erasure._decode_times,
    ),
    Kind("*", "x", "erased-entity", "An erased entity, likewise.", erasure._decode_times),
    Kind(
        "*",
        "r",
        "remainder",
        "Counts of erased persons in one cell.",
        erasure._decode_vector,
        erasure._decode_leaf,
    ),
    Kind("*", "\0", "skip-order", "An order to skip the unreadable batch at an offset.", unreadable.decode),
    Kind(
        "*",
        "",
        "panes",
        "Panes: [bucket, component, integer].",
        pane_blocks.decode_block,
        pane_blocks._decode_key,
    ),
    Kind("*", "", "checkpoint", "The checkpoint of a flush.", checkpoint.decode),
)
NAMES = tuple(domain.name for domain in DOMAIN_REGISTRY)
KINDS = (
    *OF_DOMAINS,
    *(
        kind._replace(domain=name)
        for name in NAMES
        for kind in OF_ALL
        if (kind.prefix, name) != ("x", "customers")  # events of customers always name a person
    ),
)
STORED = {name: type_ for kind in (*OF_DOMAINS, *OF_ALL) for name, type_ in kind.stored.items()}
"""Every stored type once. `*` is each domain."""
BY_PATH = {kind.path: kind for kind in KINDS}
_STATE = {(kind.domain, kind.prefix): kind for kind in KINDS}


def state_kind(domain: str, key: bytes) -> Kind | None:
    """Return the kind of a record of the state topic, None if it is unknown."""
    return _STATE.get((domain, key[:1].decode(errors="replace")))


def panes_kind(domain: str, key: bytes) -> Kind:
    """Return the kind of a record of the panes topic."""
    return BY_PATH[f"{domain}/{'checkpoint' if key == CHECKPOINT else 'panes'}"]
