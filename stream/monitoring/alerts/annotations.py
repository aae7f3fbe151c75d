"""Templates for the annotations of alerts. They look up values by the labels of the alert."""

from typing import NamedTuple

from stream.monitoring.alerts.promql import INSTALLATION_LABELS

_TECHNICAL = "^(__name__|job|view|cluster|namespace|service|endpoint|container)$"
_SELECTOR = (
    '{{ $s := "" }}{{ range $k, $v := $labels }}{{ if ne $k "__name__" }}'
    '{{ $s = printf "%s%s=%q," $s $k $v }}{{ end }}{{ end }}'
)
OF = (
    f'{{{{ if ne $labels.view "total" }}}} of{{{{ range $k, $v := $labels }}}}{{{{ if not (match "{_TECHNICAL}" $k) }}}} '
    "{{ $k }} {{ $v }}{{ end }}{{ end }}{{ end }}"
)
"""Renders as nothing for the view `total`, or as ` of` and the labels of the view with their values."""
WHOLE, TENTH = 'printf "%.0f"', 'printf "%.1f"'
PERCENT, DURATION = "humanizePercentage", "humanizeDuration"
INSTALLATION_MATCHERS = ",".join(f"{name}=%q" for name in INSTALLATION_LABELS.split(", "))
"""Matchers of the installation of the alert. A label that it lacks is empty, which matches series without it."""


def value(form: str = WHOLE) -> str:
    """Return a template of the alert's value."""
    return f"{{{{ $value | {form} }}}}"


def lookup(series: str, form: str = WHOLE) -> str:
    """Return a template of the value of a series with the labels of the alert. `form` is the function that formats it."""
    return computed(f"{series}{{%s}}", form)


def computed(expression: str, form: str = WHOLE) -> str:
    """Return a template of the value of an expression, in which `%s` stands for the labels of the alert.

    It renders as a dash if the expression has no value.
    """
    return f'{{{{ with query (printf "{expression}" $s) }}}}{{{{ . | first | value | {form} }}}}{{{{ else }}}}-{{{{ end }}}}'


def installation_query(expression: str, text: str) -> str:
    """Return a template of a text with the value of an expression, which contains INSTALLATION_MATCHERS.

    It renders as nothing if the expression has no value.
    """
    number = f"{{{{ . | first | value | {WHOLE} }}}}"
    labels = " ".join(f"$labels.{name}" for name in INSTALLATION_LABELS.split(", "))
    return f'{{{{ with query (printf "{expression}" {labels}) }}}}{text.format(number)}{{{{ end }}}}'


def span(series: str) -> str:
    """Return a template of the value of a series in seconds as `6 minutes`, `hour`, `1.5 hours` or `3 days`."""
    number = '{{ if eq $n 1.0 }}%s{{ else }}{{ printf "%%g" $n }} %ss{{ end }}'
    units = (("/ 60 < 60", "minute"), ("/ 3600 >= 1 <= 24", "hour"), ("/ 86400 > 1", "day"))
    return "".join(
        f'{{{{ with query (printf "{series}{{%s}} {scale}" $s) }}}}{{{{ $n := . | first | value }}}}{number % (unit, unit)}{{{{ end }}}}'
        for scale, unit in units
    )


NOT_BELOW = "the score may be above it"
"""Why an alert about a target is only kept firing: the bound is not below the target."""


class Present(NamedTuple):
    """A figure that an alert shows while it is only kept firing.

    Attributes:
        series: PromQL of the figure, in which `%s` stands for the labels of the alert
        text: what it says, with `{figure}` for it and `{of}` for the label set
        form: the function that formats it
    """

    series: str
    text: str
    form: str = WHOLE


def kept_firing(present: Present, calm: str = "no longer unusual") -> str:
    """Return the summary of an alert that is only kept firing, without for how long, which needs a selector.

    `calm` says why it is only kept.
    """
    figure = f"{{{{ . | first | value | {present.form} }}}}"
    text = present.text.replace("{figure}", figure).replace("{of}", OF)
    series = " ".join(present.series.split())
    return (
        f"{{{{ with query (printf `{series}` $s) }}}}{text}: {calm}"
        f"{{{{ else }}}}There are no complete figures{OF if OF in text else ''}{{{{ end }}}}"
    )


def kept_for(keep_firing_for: str) -> str:
    """Return for how long an alert is kept, of a duration in minutes or hours such as `4m`."""
    n, unit = int(keep_firing_for[:-1]), {"m": "minute", "h": "hour"}[keep_firing_for[-1]]
    return f"kept firing for {n} {unit}{'s' if n > 1 else ''}"


def by_condition(condition: str, summary: str, kept: str) -> str:
    """Return a template of `summary` while a recorded condition holds for the labels of the alert, else of `kept`."""
    return annotation(
        f'{{{{ if query (printf "{condition}{{%s}}" $s) }}}}{summary}{{{{ else }}}}{kept}{{{{ end }}}}'
    )


def runbook_url(name: str) -> str:
    """Return a template of the address of an alert's runbook.

    It begins with the setting of the exporters of the alert's installation. While none is up it is the one of the last day,
    and without the setting the folder in this repository.
    """
    base = "cx_runbook_base_info{cluster=%q,namespace=%q}"
    queries = [
        f'query (printf "{expression}" $labels.cluster $labels.namespace)'
        for expression in (base, f"last_over_time({base}[1d])")
    ]
    shown = '{{ . | first | label "base" }}'
    return (
        f"{{{{ with {queries[0]} }}}}{shown}{{{{ else }}}}{{{{ with {queries[1]} }}}}{shown}"
        f"{{{{ else }}}}deploy/runbooks{{{{ end }}}}{{{{ end }}}}/{name}.md"
    )


def annotation(text: str) -> str:
    """Return a text with the selector that the templates of `lookup` need before it."""
    return _SELECTOR + text
