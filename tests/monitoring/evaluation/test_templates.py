"""Annotations are rendered as Prometheus renders them. `test_promtool` compares those that ship."""

import pytest

from stream.monitoring.evaluation.instant import InstantEvaluator, labels_of
from stream.monitoring.evaluation.templates import humanize_duration, render
from tests.monitoring.evaluation.test_instant import FixedSeries

LABELS = {"view": "channel", "channel": 'a "b" \\c'}
SERIES = FixedSeries(
    nps={labels_of(LABELS): 41.25},
    base={labels_of({"base": "https://wiki"}): 1.0},
    clock={(): 98_700.0},
    rows={
        labels_of({"kind": kind, "n": n}): value
        for kind, n, value in (("a", "y", 2.0), ("a", "z", 3.0), ("b", "x", 9.0))
    },
)


_NPS_OF_LABELS = (
    '{{ $s := "" }}{{ range $k, $v := $labels }}{{ $s = printf "%s%s=%q," $s $k $v }}{{ end }}'
    '{{ with query (printf "nps{%s} + 1" $s) }}{{ . | first | value | printf "%.2f" }}{{ end }}'
)


def rendered(text: str, value: float = 0.5) -> str:
    return render(text, LABELS, value, InstantEvaluator(SERIES, {}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ('{{ $value | printf "%.1f" }}', "0.5"),
        ("{{ $value | humanizePercentage }}", "50%"),
        ('{{ printf "100%% of %s and %q" $labels.channel "x" }}', '100% of a "b" \\c and "x"'),
        ('{{ if eq $labels.view "total" }}all{{ else }}some{{ end }}', "some"),
        ('{{ if not (match "^to" $labels.view) }}some{{ end }}', "some"),
        ("{{ range $k, $v := $labels }}{{ $k }};{{ end }}", "channel;view;"),
        ('{{ with query "absent" }}{{ . | first | value }}{{ else }}-{{ end }}', "-"),
        ('{{ with query "base" }}{{ . | first | label "base" }}{{ end }}', "https://wiki"),
        (
            _NPS_OF_LABELS,
            "42.25",
        ),
        ("{{ $labels.missing }}.", "."),
        (
            "{{ range query \"sort_desc(max by (n) (rows{kind='a'}))\" }}{{ .Labels.n }}={{ .Value }};{{ end }}",
            "z=3.0;y=2.0;",
        ),
        ('{{ with query "clock" }}{{ (. | first | value | toTime).Format "15:04" }}{{ end }}', "03:25"),
        (
            '{{ with query "clock" }}{{ (. | first | value | toTime).Format "2 Jan 15:04" }}{{ end }}',
            "2 Jan 03:25",
        ),
    ],
)
def test_templates(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    "text", ["{{ $value | frobnicate }}", "{{ end }}", "{{ if (eq 1 2 }}{{ end }}", "{{ ; }}"]
)
def test_what_is_not_supported_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"not supported|unexpected|not closed|cannot read"):
        rendered(text)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.4, "400ms"),
        (0.0025, "2.5ms"),
        (0, "0s"),
        (1.5, "1.5s"),
        (59, "59s"),
        (60, "1m 0s"),
        (3_725, "1h 2m 5s"),
        (90_061, "1d 1h 1m 1s"),
        (-61, "-1m 1s"),
    ],
)
def test_durations_are_those_of_prometheus(seconds: float, expected: str) -> None:
    assert humanize_duration(seconds) == expected
