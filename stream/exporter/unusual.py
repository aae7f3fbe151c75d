"""The series about unusual figures, one set for all domains. They are served while something is remarkable."""

from collections.abc import Iterable, Iterator, Mapping

from stream.core.detection.finding import Finding
from stream.core.windows.label_sets import LabelSet
from stream.exporter.exposition import header, line

FAMILIES: dict[str, str] = {
    "cx_unusual_by_chance_per_month": (
        "How often a month chance alone would show something as remarkable in any label set. Absent above 10"
    ),
    "cx_unusual_events": "Events in the window that is most remarkable; of handle_time the seconds of a typical interaction",
    "cx_unusual_baseline_events": "The same by the baseline of the hours of the week",
    "cx_unusual_window_seconds": "Length of the window that is most remarkable",
}
"""Help text by name. All are gauges."""


def series(
    findings: Iterable[tuple[str, LabelSet, Finding]], views: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """Yield the series, sorted by view, values of its labels and `of`. `views` are the labels of each view."""
    ranks = {view: rank for rank, view in enumerate(views)}
    ordered = sorted(findings, key=lambda entry: (ranks[entry[1].view], entry[1].values, entry[0]))
    if not ordered:
        return
    for position, (name, text) in enumerate(FAMILIES.items()):
        yield header(name, "gauge", text)
        for of, labels, finding in ordered:
            names = views[labels.view]
            pairs = {"view": labels.view} | dict(zip(names, labels.values, strict=True)) | {"of": of}
            yield line(name, pairs, finding[position])
