"""Templates for the annotations of alerts. They look up values by the labels of the alert."""

_TECHNICAL = "^(__name__|job|view|cluster|namespace|service|endpoint|container)$"
_SELECTOR = (
    '{{ $s := "" }}{{ range $k, $v := $labels }}{{ if ne $k "__name__" }}'
    '{{ $s = printf "%s%s=%q," $s $k $v }}{{ end }}{{ end }}'
)
WHERE = (
    '{{ if eq $labels.view "total" }} in total{{ else }}{{ range $k, $v := $labels }}'
    f'{{{{ if not (match "{_TECHNICAL}" $k) }}}} {{{{ $k }}}} {{{{ $v }}}}{{{{ end }}}}{{{{ end }}}}{{{{ end }}}}'
)
"""Renders as ` in total`, or as the labels of the view with their values."""
WHOLE, TENTH = 'printf "%.0f"', 'printf "%.1f"'
PERCENT, DURATION = "humanizePercentage", "humanizeDuration"


def value(form: str = WHOLE) -> str:
    """Return a template of the alert's value."""
    return f"{{{{ $value | {form} }}}}"


def lookup(series: str, form: str = WHOLE, matchers: str = "", *, labels: bool = True) -> str:
    """Return a template of the value of a series. It renders as a dash if there is no such series.

    Args:
        series: name of the series
        form: template function that formats the value
        matchers: further matchers, separated by commas
        labels: whether the series has the labels of the alert
    """
    query = f"{series}{{{'%s' if labels else ''}{matchers}}}".replace('"', '\\"')
    query_expression = f'printf "{query}" $s' if labels else f'"{query}"'
    return f"{{{{ with query ({query_expression}) }}}}{{{{ . | first | value | {form} }}}}{{{{ else }}}}-{{{{ end }}}}"


def annotation(text: str) -> str:
    """Return a text with the selector that the templates of `lookup` need before it."""
    return _SELECTOR + text
