"""A page as Markdown, with tables as in GitHub's."""

import re

from stream.cli.report import blocks
from stream.text import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_LIST_MARK = re.compile(r"^(\s*\d*)([-+.)])(?=\s)")
_ADDRESS = re.compile(r"[\s()<>\\]")


def markdown(page: blocks.Page) -> str:
    """Return the page. Texts of others cannot become markup."""
    return f"# {escaped(page.title)}\n\n{markdown_body(page)}"


def markdown_body(page: blocks.Page) -> str:
    """Return the page without its title."""
    return "\n\n".join(map(_block, page.blocks)) + "\n"


def escaped(text: str) -> str:
    """Return a text in one line in which nothing is markup."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def _block(block: blocks.Block) -> str:
    match block:
        case blocks.Heading(text):
            return f"## {escaped(text)}"
        case blocks.Paragraph(line):
            return _line(line)
        case blocks.BulletList(lines):
            return "\n".join(f"- {_line(line)}" for line in lines)
        case blocks.CustomerQuote(facts, text):
            return f"> {_line([text])}\n>\n> {_line([facts])}"
        case blocks.Table(columns, rows, numbers):
            head = [escaped(name) for name in columns]
            rules = ["---:" if n in numbers else "---" for n in range(len(columns))]
            body = [[_line(cell) for cell in row] for row in rows]
            return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rules, *body))


def _line(line: blocks.Line) -> str:
    """Return a line that does not begin like an item of a list."""
    return _LIST_MARK.sub(r"\1\\\2", "".join(map(_inline, line)))


def _inline(part: blocks.Inline) -> str:
    match part:
        case blocks.Link(text, _) if part.address:
            address = _ADDRESS.sub(lambda match: f"%{ord(match[0]):02X}", part.address)
            return f"[{escaped(text)}]({address})"
        case blocks.Link(text, _):
            return escaped(text)
        case blocks.MarkedText(text, tone):
            return escaped(text) if tone == "quiet" or not text.strip() else f"**{escaped(text)}**"
        case _:
            return escaped(part)
