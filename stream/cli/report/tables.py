"""The tables and lists of a report, below its first screen."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from stream.cli.report import blocks
from stream.cli.report.facts import ExplainedChange, ReportFacts
from stream.cli.report.figures import FigureRow
from stream.cli.report.reasons import reason_effects
from stream.cli.report.sentences import change_of_row, moment, target_of_row
from stream.cli.report.source import Comment
from stream.core.metrics import REGISTRY

MAX_REASONS = 10
_MEANING = (
    "Better and worse: the change is more than chance explains (5 % level). No clear change: it is not. n is the number of "
    "answers, tickets or interactions. The 95 % bounds contain the value that many more answers would show, in 19 of 20 cases. pp are "
    "percentage points."
)
_EFFECTS = (
    "Effects of all values of one label add up to the change. Different labels show the same change from other sides. They say "
    "where a figure moved, and not why."
)
_PARTS = {"all": "All values", "before": "Values of the period before", "state": "Some values"}


def figure_table(facts: ReportFacts, rows: Sequence[FigureRow]) -> blocks.Table:
    """Return a table of figures. Columns that no figure has are left out."""
    columns: dict[str, list[blocks.Line]] = {
        "Figure": [[blocks.Link(row.title, facts.link(row))] for row in rows],
        "Value": [[blocks.MarkedText(row.text(row.value), "strong")] for row in rows],
        "Before": [[row.text(row.before)] for row in rows],
        "Change": [change_of_row(row) for row in rows],
        "Target": [target_of_row(row) for row in rows],
        "n": [["" if row.n is None else f"{row.n:,.0f}"] for row in rows],
        "95 % bounds": [[_bounds(row)] for row in rows],
    }
    filled = {name: cells for name, cells in columns.items() if any(map(blocks.plain, cells))}
    numbers = frozenset(n for n, name in enumerate(filled) if name in ("Value", "Before", "n", "95 % bounds"))
    return blocks.Table([*filled], [*zip(*filled.values(), strict=True)], numbers)


def _bounds(row: FigureRow) -> str:
    return "" if row.low is None or row.high is None else f"{row.text(row.low)} to {row.text(row.high)}"


def details(facts: ReportFacts) -> Iterator[blocks.Block]:
    """Yield the sections below the first screen. Those without content are left out."""
    for explained in facts.explained:
        if explained.parts:
            yield from _parts(facts, explained)
    if any(explained.parts for explained in facts.explained):
        yield blocks.Paragraph([blocks.MarkedText(_EFFECTS, "quiet")])
    yield from _reasons(facts)
    yield from _comments(facts)
    yield from _notes(facts)
    if others := [row for row in facts.rows if not row.is_lead]:
        yield blocks.Heading("All other figures")
        yield figure_table(facts, others)
    if facts.readings.absent:
        yield blocks.Heading("Absent")
        yield blocks.BulletList([*_absent(facts)])
    yield blocks.Heading("How to read it")
    yield blocks.Paragraph([_MEANING])
    yield blocks.Paragraph(["Made by cxgauge from ", blocks.Link(facts.readings.url, facts.link()), "."])


def _absent(facts: ReportFacts) -> Iterator[blocks.Line]:
    """Yield a line for each reason, with the titles of the metrics."""
    titles: dict[tuple[str, str], list[str]] = {}
    for absence in facts.readings.absent:
        known = [REGISTRY[name].title if name in REGISTRY else name for name in absence.metrics]
        titles.setdefault((absence.part, absence.reason), []).extend(known)
    for (part, reason), of in titles.items():
        yield [f"{_PARTS.get(part, part)} of {', '.join(of)}: {reason}."]


def _parts(facts: ReportFacts, explained: ExplainedChange) -> Iterator[blocks.Block]:
    row = explained.row
    yield blocks.Heading(f"{row.title}: where it changed")
    columns = ("By", "Effect", "of which own value", "of which share", "Value", "Before", "n", "n before")
    rows: list[Sequence[blocks.Line]] = []
    for part in explained.parts:
        now, before = part.now, part.before
        rows.append(
            [
                [blocks.Link(f"{part.view} {part.label}", facts.link(row, part.view))],
                [blocks.MarkedText(row.signed(part.size), "strong")],
                [row.signed(part.effect.rate)],
                [row.signed(part.effect.mix)],
                [row.text(now and now.mean)],
                [row.text(before and before.mean)],
                [f"{now.n if now else 0:,.0f}"],
                [f"{before.n if before else 0:,.0f}"],
            ]
        )
    yield blocks.Table(columns, rows, frozenset(range(1, len(columns))))


def _reasons(facts: ReportFacts) -> Iterator[blocks.Block]:
    effects = reason_effects(facts.readings)[:MAX_REASONS]
    if effects:
        yield blocks.Heading("Reasons that customers name")
        rows: list[Sequence[blocks.Line]] = [
            [
                [effect.reason],
                [effect.survey],
                [blocks.MarkedText(effect.text(effect.impact), "strong")],
                [f"{effect.text(effect.low)} to {effect.text(effect.high)}"],
                [f"{effect.n:,.0f}"],
            ]
            for effect in effects
        ]
        yield blocks.Table(("Reason", "Score", "Impact", "95 % bounds", "n"), rows, frozenset((2, 3, 4)))
        text = "The impact is the score, less the score without the answers that name the reason. It is no proof of a cause."
        yield blocks.Paragraph([blocks.MarkedText(text, "quiet")])


def _comments(facts: ReportFacts) -> Iterator[blocks.Block]:
    kept = facts.readings.kept
    if kept.comments or kept.reason:
        yield blocks.Heading("Newest comments")
    if kept.reason:
        yield blocks.Paragraph([blocks.MarkedText(f"Absent: {kept.reason}.", "quiet")])
    for comment in kept.comments:
        yield blocks.CustomerQuote(_comment_facts(comment, facts.readings.zone), comment.text)


def _comment_facts(comment: Comment, zone: ZoneInfo) -> str:
    score = "" if comment.score is None else f" {comment.score:g}"
    values = [f"{name} {value}" for name, value in comment.values.items()]
    parts = [
        moment(comment.time.astimezone(zone)),
        f"{comment.survey}{score}",
        comment.answer_class,
        *comment.reasons,
        *values,
    ]
    return " · ".join(part.replace("_", " ") for part in parts if part)


def _notes(facts: ReportFacts) -> Iterator[blocks.Block]:
    if facts.readings.notes:
        yield blocks.Heading("Notes")
        yield blocks.BulletList(
            [
                [
                    f"{moment(note.at.astimezone(facts.readings.zone))}: {note.text}",
                    "".join(f" · {name} {value}" for name, value in note.labels.items()),
                ]
                for note in facts.readings.notes
            ]
        )
