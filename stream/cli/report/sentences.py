"""The sentences of a report: how it goes, what moved it, what to do."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from stream.cli.report.blocks import Inline, Line, Link, MarkedText, Tone
from stream.cli.report.facts import ExplainedChange, ReportFacts
from stream.cli.report.figures import ChangePart, FigureRow
from stream.cli.report.reasons import reason_effects
from stream.core.metrics.changes import Verdict

_TONES: dict[Verdict, Tone] = {"worse": "bad", "better": "good"}


MIN_NAMING = 10
"""Answers that must name a reason before the report asks to read about it."""


def moment(at: datetime) -> str:
    """Return a time as people read it."""
    return f"{at.day} {at:%b %Y %H:%M}"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def summary(facts: ReportFacts) -> Line:
    """Return the answer in a few sentences: what is worse, better and missed, and what fires."""
    line: list[Inline] = []
    for verdict, tone in _TONES.items():
        if names := [_with_change(row) for row in facts.lead if row.verdict == verdict]:
            line += [
                MarkedText(f"{verdict.capitalize()} than in {facts.before}", tone),
                f": {listed(names)}. ",
            ]
    if not line and any(row.change for row in facts.lead):
        line.append(f"No clear change from {facts.before}. ")
    elif not line and facts.lead:
        line.append(f"There are no values of {facts.before} to compare with. ")
    if missed := [row.title for row in facts.lead if row.target_verdict == "missed"]:
        line += [MarkedText("Target missed", "bad"), f": {listed(missed)}. "]
    elif any(row.target_verdict for row in facts.lead):
        line.append("No target is clearly missed. ")
    if firing := len(facts.firing):
        line.append(MarkedText(f"{firing} alert{'s' * (firing > 1)} firing now.", "bad"))
    elif facts.alerts.asked and not facts.alerts.error:
        line.append("No alert is firing now.")
    elif incidents := len(facts.incidents):
        line.append(MarkedText(f"{incidents} incident{'s' * (incidents > 1)} now.", "bad"))
    return line or ["There are no figures."]


def _with_change(row: FigureRow) -> str:
    return f"{row.title} ({row.signed(row.change.difference)})" if row.change else row.title


def change_of_row(row: FigureRow) -> Line:
    """Return the change of a figure with its verdict. Empty without one."""
    if row.change is None:
        return []
    text = row.signed(row.change.difference)
    if not row.verdict:
        return [text]
    tone = _TONES.get(row.verdict)
    return [f"{text}, ", MarkedText(row.verdict, tone) if tone else row.verdict]


def target_of_row(row: FigureRow) -> Line:
    """Return the target of a figure with its verdict. Empty without one."""
    if row.target is None:
        return []
    tones: dict[str, Tone] = {"met": "good", "missed": "bad"}
    tone = tones.get(row.target_verdict)
    return [f"{row.text(row.target)}, ", MarkedText(row.target_verdict, tone) if tone else row.target_verdict]


def figure_line(row: FigureRow) -> Line:
    """Return a figure in one line: value, change, target, sample size."""
    line: list[Inline] = [MarkedText(row.title, "strong"), f" {row.text(row.value)}"]
    for name, part in zip(("", "target "), (change_of_row(row), target_of_row(row)), strict=True):
        if part:
            line += [f"; {name}", *part]
    if row.n is not None:
        line.append(f"; n {row.n:,.0f}")
    return line


def moved_lines(facts: ReportFacts) -> Iterator[Line]:
    """Yield a line for each figure that changed clearly, with the label value that moved it most."""
    for explained in facts.explained:
        yield _moved(facts, explained)
    if not any(row.change for row in facts.rows):
        yield ["There is nothing to compare with."]
    elif not facts.explained:
        yield [f"No score or ratio changed clearly from {facts.before}, so there is nothing to explain."]


def _moved(facts: ReportFacts, explained: ExplainedChange) -> Line:
    row = explained.row
    went = "rose" if explained.change.difference > 0 else "fell"
    head: list[Inline] = [
        MarkedText(row.title, "strong"),
        f" {went} from {row.text(row.before)} to {row.text(row.value)} (",
        *change_of_row(row),
        ")",
    ]
    if not explained.parts:
        return [*head, ". No label value stands out."]
    part = explained.parts[0]
    link = Link(f"{part.view} {part.label}", facts.link(row, part.view))
    return [*head, f": {row.signed(part.size)} of it by ", link, f", {_cause(row, part)}."]


def _cause(row: FigureRow, part: ChangePart) -> str:
    """Return by what a label set moved a figure: by its own value, or by its share."""
    if part.now is None:
        return f"which no longer has answers ({_share(part.share_before)} before)"
    if part.before is None:
        return f"which is new ({_share(part.share)} of the answers)"
    if abs(part.effect.rate) >= abs(part.effect.mix):
        return f"whose own value went from {row.text(part.before.mean)} to {row.text(part.now.mean)} (n {part.now.n:,.0f})"
    return f"whose share of the answers went from {_share(part.share_before)} to {_share(part.share)}"


def _share(share: float) -> str:
    return f"{100 * share:.0f} %"


def to_do(facts: ReportFacts) -> Iterator[Line]:
    """Yield what to look at, the most urgent first."""
    lines = [*_urgent(facts), *_explained(facts), *_missed(facts), *_reasons(facts)]
    yield from lines or [["Nothing stands out."]]


def _urgent(facts: ReportFacts) -> Iterator[Line]:
    for alert, more in facts.firing:
        link = Link(alert["name"], alert["runbook"])
        yield [
            MarkedText((alert["severity"] or "alert").capitalize(), "bad"),
            f": {alert['summary'] or alert['name']}{f', and {more} more like it' if more else ''}. Runbook ",
            link if link.address else alert["runbook"] or link,
            ".",
        ]
    if facts.alerts.error:
        yield [f"Look at the alerts yourself: Alertmanager has no answer ({facts.alerts.error})."]
    for incident in facts.incidents:
        severity = MarkedText(incident.severity.capitalize(), "bad")
        where = Link("Live page", f"{facts.link()}{incident.clauses[0].link}")
        yield [severity, f": {incident.text}. ", where, "."]


def _explained(facts: ReportFacts) -> Iterator[Line]:
    """Yield a line for each label value that moved a figure most which is worse, and for those without one."""
    by_label: dict[tuple[str, str], list[FigureRow]] = {}
    for row, _, parts in facts.explained:
        if row.verdict == "worse" and parts:
            by_label.setdefault((parts[0].view, parts[0].label), []).append(row)
        elif row.verdict == "worse":
            yield ["Look at ", Link(row.title, facts.link(row)), ", which is worse whatever it is split by."]
    for (view, label), rows in by_label.items():
        titles = listed([row.title for row in rows])
        line: list[Inline] = [f"Ask what changed in {view} {label}, the largest part of why {titles} "]
        line.append("is worse: " if len(rows) == 1 else "are worse: ")
        for row in rows:
            line += [Link(f"{row.title} by {view}", facts.link(row, view)), ", "]
        yield [*line[:-1], "."]


def _missed(facts: ReportFacts) -> Iterator[Line]:
    known = {explained.row.title for explained in facts.explained if explained.row.verdict == "worse"}
    for row in facts.rows:
        if row.target_verdict == "missed" and row.title not in known:
            text = f" ({row.text(row.value)}) misses its target of {row.text(row.target)}."
            yield [Link(row.title, facts.link(row)), text]


def _reasons(facts: ReportFacts) -> Iterator[Line]:
    for effect in reason_effects(facts.readings):
        if effect.high < 0 and effect.n >= MIN_NAMING:
            yield [
                f"Read what customers say about “{effect.reason}”: the {effect.n:,.0f} answers that name it lower ",
                f"{effect.survey} by {effect.text(-effect.impact)}.",
            ]
            return
