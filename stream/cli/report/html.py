"""A page as one HTML document without scripts, pictures and addresses to load, for browsers and mail."""

from collections.abc import Sequence
from html import escape

from stream.cli.report import blocks
from stream.text import printable

_STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --quiet: #57606a; --line: #d0d7de; --soft: #f3f5f7; --good: #116329; --bad: #b42318; --link: #0a58ca; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8eb; --quiet: #9aa4af; --line: #3a424c; --soft: #22272e; --good: #57c278; --bad: #ff8a80; --link: #7fb2ff; }
  body { background: #15191e; }
}
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 60rem; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; color: var(--text); }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p, ul { margin: .5rem 0; }
ul { padding-left: 1.2rem; }
a { color: var(--link); }
.answer { padding: .75rem 1rem; background: var(--soft); border-radius: .4rem; font-size: 1.1rem; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.quiet { color: var(--quiet); font-size: .875rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); font-weight: normal; }
thead th { color: var(--quiet); font-size: .875rem; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
blockquote { margin: .75rem 0; padding-left: .75rem; border-left: 3px solid var(--line); }
blockquote p { margin: 0; overflow-wrap: anywhere; }
@media print { body { max-width: none; padding: 0; font-size: 12px; } h2, tr, blockquote { break-inside: avoid; } }
"""


def html(page: blocks.Page) -> str:
    """Return the document. Texts of others cannot become markup."""
    title = _text(page.title)
    body = "\n".join(map(_block, page.blocks))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    return escape(printable(text))


def _block(block: blocks.Block) -> str:
    match block:
        case blocks.Heading(text):
            return f"<h2>{_text(text)}</h2>"
        case blocks.Paragraph(line, is_answer):
            return f'<p class="answer">{_line(line)}</p>' if is_answer else f"<p>{_line(line)}</p>"
        case blocks.BulletList(lines):
            return f"<ul>{''.join(f'<li>{_line(line)}</li>' for line in lines)}</ul>"
        case blocks.CustomerQuote(facts, text):
            return f'<blockquote><p>{_text(text)}</p><p class="quiet">{_text(facts)}</p></blockquote>'
        case blocks.Table():
            return _table(block)


def _table(table: blocks.Table) -> str:
    classes = [' class="number"' if n in table.numbers else "" for n in range(len(table.columns))]
    head = "".join(
        f'<th scope="col"{css}>{_text(name)}</th>' for name, css in zip(table.columns, classes, strict=True)
    )
    rows = "".join(f"<tr>{_cells(row, classes)}</tr>" for row in table.rows)
    return f'<div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cells(row: Sequence[blocks.Line], classes: list[str]) -> str:
    first, *others = (_line(cell) for cell in row)
    cells = "".join(f"<td{css}>{cell}</td>" for cell, css in zip(others, classes[1:], strict=True))
    return f'<th scope="row">{first}</th>{cells}'


def _line(line: blocks.Line) -> str:
    return "".join(map(_inline, line))


def _inline(part: blocks.Inline) -> str:
    match part:
        case blocks.Link(text, _) if part.address:
            return f'<a href="{escape(part.address)}">{_text(text)}</a>'
        case blocks.MarkedText(text, "strong"):
            return f"<strong>{_text(text)}</strong>"
        case blocks.MarkedText(text, tone):
            return f'<span class="{tone}">{_text(text)}</span>'
        case blocks.Link(text, _):
            return _text(text)
        case _:
            return _text(part)
