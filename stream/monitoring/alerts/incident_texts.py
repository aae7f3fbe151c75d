"""Templates for what is known of an incident: the clauses of its card, as far as series have them.

Clauses are those of the alert's label set. They come from the series of cards, by the labels of the alert, and each is nothing
without its series. The order of label sets and of reasons goes by the number of events.
"""

from stream.core.detection.incident_card import (
    NOTE_SECONDS,
    OPEN,
    REASON_EVENTS,
    SINCE_SECONDS,
    WHERE_EVENTS,
)
from stream.monitoring.alerts.annotations import OF, WHOLE

_COMPLETE = "and on (instance, job) (cx_partitions_covered == cx_partitions_expected)"
_DAY = 86_400
"""Seconds after which the beginning has its day."""


def known(of: str) -> str:
    """Return a template that follows the first clause of the summary. `of` is the stream of the rule."""
    number = f"{{{{ if eq .Value $n }}}}all{{{{ else }}}}{{{{ .Value | {WHOLE} }}}}{{{{ end }}}}"
    where = _for_all(f"sort_desc({_by('text', WHERE_EVENTS, of)})", f"; {number} in {{{{ .Labels.text }}}}")
    reasons = _for_all(
        f"sort_desc({_by('reason', REASON_EVENTS, of)})", f"; {number} say `{{{{ .Labels.reason }}}}`"
    )
    events = f"{{{{ with {_query(f'cx:{of}:events{{%s}}')} }}}}{{{{ $n := . | first | value }}}}"
    return f"{events}{where}{reasons}{{{{ end }}}}{_since(of)}{_notes(of)}{_open(of)}"


def _query(expression: str) -> str:
    return f'query (printf "{expression}" $s)'


def _for_all(expression: str, text: str) -> str:
    """Return a template of a text for each result of an expression."""
    return f"{{{{ range {_query(expression)} }}}}{text}{{{{ end }}}}"


def _by(label: str, series: str, of: str) -> str:
    """Return an expression of a series of a stream by its own label."""
    return f"max by ({label}) ({series}{{%sof='{of}'}} {_COMPLETE})"


def _since(of: str) -> str:
    expression = f"max({SINCE_SECONDS}{{%sof='{of}'}} {_COMPLETE})"
    forms = ((f">= time() - {_DAY}", "15:04"), (f"< time() - {_DAY}", "2 Jan 15:04"))
    return "".join(
        f"{{{{ with {_query(f'{expression} {age}')} }}}}; began "
        f'{{{{ (. | first | value | toTime).Format "{form}" }}}} UTC{{{{ end }}}}'
        for age, form in forms
    )


def _notes(of: str) -> str:
    expression = f"sort(clamp_min(round({_by('text', NOTE_SECONDS, of)} / 60), 0))"
    minutes = f"{{{{ .Value | {WHOLE} }}}} minute{{{{ if ne .Value 1.0 }}}}s{{{{ end }}}} after"
    when = f"{{{{ if eq .Value 0.0 }}}}at the time of{{{{ else }}}}{minutes}{{{{ end }}}}"
    return _for_all(expression, f", {when} note {{{{ .Labels.text }}}}")


def _open(of: str) -> str:
    result = ""
    for family, texts, streams in OPEN:
        if of in streams:
            single, several = (text.format(n=f"{{{{ $n | {WHOLE} }}}}", of=OF) for text in texts)
            number = f"{{{{ with {_query(f'max({family.name}{{%s}} {_COMPLETE}) > 0')} }}}}{{{{ $n := . | first | value }}}}"
            result += (
                f"{number}; {{{{ if eq $n 1.0 }}}}{single}{{{{ else }}}}{several}{{{{ end }}}}{{{{ end }}}}"
            )
    return result
