"""Pages as HTML and Markdown: nothing that others wrote becomes markup or an address to follow."""

import re
from html.parser import HTMLParser

import pytest

from stream.cli.report import blocks
from stream.cli.report.html import html
from stream.cli.report.markdown import markdown

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a | b",
    "**bold** _it_ `code`",
    "[click](javascript:alert(1))",
    "![x](https://e.example/p.png)",
    "# no heading",
    "line\nbreak\u202e",
    "&lt;b&gt; &amp;",
)


def page_of(text: str) -> blocks.Page:
    """Return a page with a text at every place."""
    line: blocks.Line = [
        text,
        blocks.MarkedText(text, "bad"),
        blocks.Link(text, None),
        blocks.Link(text, f"javascript:{text}"),
    ]
    return blocks.Page(
        text,
        [
            blocks.Heading(text),
            blocks.Paragraph(line, is_answer=True),
            blocks.BulletList([line, [text]]),
            blocks.Table([text, "n"], [[line, [text]]], frozenset({1})),
            blocks.CustomerQuote(text, text),
        ],
    )


class _Tags(HTMLParser):
    """Collects tags with attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(f"{tag} {sorted(name for name, _ in attrs)}")

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(text: str) -> _Tags:
    parser = _Tags()
    parser.feed(html(page_of(text)))
    return parser


@pytest.mark.parametrize("text", HOSTILE)
def test_html_has_the_same_tags_whatever_the_text_is(text: str) -> None:
    shown_text = parsed(text)
    assert shown_text.tags == parsed("harmless").tags
    shown = text.replace("\n", "\\n").replace("\u202e", "\\u202e")
    assert shown_text.text.count(shown) == parsed("harmless").text.count("harmless")


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_has_the_same_lines_and_cells_whatever_the_text_is(text: str) -> None:
    """Every character with a meaning of its own is escaped."""

    def form(written: str) -> list[str]:
        unescaped = re.sub(r"\\.", "x", written)
        return [re.sub(r"[^|*]+", "x", line) for line in unescaped.split("\n")]

    shown = markdown(page_of(text))
    assert form(shown) == form(markdown(page_of("harmless")))
    assert not re.search(r"(?<!\\)[<\[`_~!]", shown)


def test_addresses_of_http_are_links() -> None:
    """Their characters cannot end the link."""
    page = blocks.Page("t", [blocks.Paragraph([blocks.Link("a b", 'https://e.example/#x=(1)&y="2"')])])
    assert '<a href="https://e.example/#x=(1)&amp;y=&quot;2&quot;">a b</a>' in html(page)
    assert '[a b](https://e.example/#x=%281%29&y="2")' in markdown(page)


def test_a_line_does_not_begin_a_list() -> None:
    page = blocks.Page(
        "t",
        [
            blocks.Paragraph(["- no item"]),
            blocks.Paragraph(["12. no item"]),
            blocks.Paragraph(["n ", "12) ok"]),
        ],
    )
    assert markdown(page) == "# t\n\n\\- no item\n\n12\\. no item\n\nn 12) ok\n"
