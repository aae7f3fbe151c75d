"""The page of a report and its short form for chats. The first screen says how it goes, what moved it, and what to do."""

from collections.abc import Iterator

from stream.cli.report.blocks import Block, BulletList, Heading, Link, MarkedText, Page, Paragraph
from stream.cli.report.facts import ReportFacts
from stream.cli.report.sentences import figure_line, moment, moved_lines, summary, to_do
from stream.cli.report.tables import details, figure_table


def page(facts: ReportFacts) -> Page:
    """Return the page."""
    first = [*_answer(facts)]
    if facts.lead:
        first.append(figure_table(facts, facts.lead))
    return Page(facts.title, [*first, *_why_and_what(facts), *details(facts)])


def message(facts: ReportFacts) -> Page:
    """Return the short form, without tables."""
    figures = BulletList([figure_line(row) for row in facts.lead])
    link = Paragraph([Link("Live page", facts.link())])
    return Page(facts.title, [*_answer(facts), figures, *_why_and_what(facts), link])


def _answer(facts: ReportFacts) -> Iterator[Block]:
    readings = facts.readings
    begin, end, before, before_end = map(
        moment, (readings.interval.begin, readings.interval.end, readings.before.begin, readings.before.end)
    )
    text = f"{begin} to {end} ({readings.zone.key}), compared with {before} to {before_end}."
    yield Paragraph([MarkedText(text, "quiet")])
    if not readings.covered:
        text = "Incomplete: the exporter does not cover all partitions. Figures are stale or absent."
        yield Paragraph([MarkedText(text, "bad")])
    yield Paragraph(summary(facts), is_answer=True)


def _why_and_what(facts: ReportFacts) -> Iterator[Block]:
    yield Heading("What moved it")
    yield BulletList([*moved_lines(facts)])
    yield Heading("What to do")
    yield BulletList([*to_do(facts)])
