"""Templates for the annotations of alerts. They look up values by the labels of the alert."""

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
    """Return a template of the value of a series in seconds as `6 minutes`, `hour` or `3 days`."""
    number = '{{ if eq $n 1.0 }}%s{{ else }}{{ printf "%%.0f" $n }} %ss{{ end }}'
    units = (("/ 60 < 60", "minute"), ("/ 3600 >= 1 <= 24", "hour"), ("/ 86400 > 1", "day"))
    return "".join(
        f'{{{{ with query (printf "{series}{{%s}} {scale}" $s) }}}}{{{{ $n := . | first | value }}}}{number % (unit, unit)}{{{{ end }}}}'
        for scale, unit in units
    )


def annotation(text: str) -> str:
    """Return a text with the selector that the templates of `lookup` need before it."""
    return _SELECTOR + text
