"""The parts of a page, which are written as HTML and as Markdown."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Tone = Literal["good", "bad", "strong", "quiet"]


class MarkedText(NamedTuple):
    """A text with a meaning of its own: good or bad news, important, or beside the point."""

    text: str
    tone: Tone


class Link(NamedTuple):
    """A text that leads to an address. Without an address of http or https it is a text."""

    text: str
    url: str | None

    @property
    def address(self) -> str | None:
        """The address if a reader may follow it."""
        return self.url if self.url and self.url.startswith(("http://", "https://")) else None


Inline = str | MarkedText | Link
Line = Sequence[Inline]
"""A text in parts."""


class Heading(NamedTuple):
    """The heading of a section."""

    text: str


class Paragraph(NamedTuple):
    """A paragraph. `is_answer`: what a reader must see first."""

    line: Line
    is_answer: bool = False


class BulletList(NamedTuple):
    """A list."""

    lines: Sequence[Line]


class Table(NamedTuple):
    """A table. The first column has the names of rows, those in `numbers` (positions) have numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Line]]
    numbers: frozenset[int] = frozenset()


class CustomerQuote(NamedTuple):
    """Words of a customer, and what is known about them."""

    facts: str
    text: str


Block = Heading | Paragraph | BulletList | Table | CustomerQuote


class Page(NamedTuple):
    """A page with its title."""

    title: str
    blocks: Sequence[Block]


def plain(line: Line) -> str:
    """Return the text of a line."""
    return "".join(part if isinstance(part, str) else part.text for part in line)
