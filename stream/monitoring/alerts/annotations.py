"""What annotations are made of: templates of Prometheus that look a figure up by the labels of the alert."""

_TECHNICAL = "^(__name__|job|view|cluster|namespace|service|endpoint|container)$"
_SELECTOR = (
    '{{ $s := "" }}{{ range $k, $v := $labels }}{{ if ne $k "__name__" }}'
    '{{ $s = printf "%s%s=%q," $s $k $v }}{{ end }}{{ end }}'
)
WHERE = (
    '{{ if eq $labels.view "total" }} in total{{ else }}{{ range $k, $v := $labels }}'
    f'{{{{ if not (match "{_TECHNICAL}" $k) }}}} {{{{ $k }}}} {{{{ $v }}}}{{{{ end }}}}{{{{ end }}}}{{{{ end }}}}'
)
"""`in total`, or the view's labels with their values."""
WHOLE, TENTH = 'printf "%.0f"', 'printf "%.1f"'
PERCENT, DURATION = "humanizePercentage", "humanizeDuration"


def value(form: str = WHOLE) -> str:
    """The alert's own value."""
    return f"{{{{ $value | {form} }}}}"


def lookup(series: str, form: str = WHOLE, matchers: str = "", *, labels: bool = True) -> str:
    """The value of a series with the alert's labels (or none) and these matchers; a dash when there is none."""
    query = f"{series}{{{'%s' if labels else ''}{matchers}}}".replace('"', '\\"')
    query_expression = f'printf "{query}" $s' if labels else f'"{query}"'
    return f"{{{{ with query ({query_expression}) }}}}{{{{ . | first | value | {form} }}}}{{{{ else }}}}-{{{{ end }}}}"


def annotation(text: str) -> str:
    """Return a text in which `lookup` works."""
    return _SELECTOR + text
