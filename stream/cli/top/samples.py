"""Samples of one view and window, and the effects of its label sets on the total."""

from collections.abc import Collection, Mapping

from stream.core.metrics.changes import Period
from stream.core.metrics.decomposition import Effect, Group, decompose, remainder
from stream.core.metrics.metric import Family, Headline, previous
from stream.core.windows.label_sets import TOTAL_LABELS

Labels = Mapping[str, str]
LabelKey = frozenset[tuple[str, str]]
"""The labels of a series but view and window."""
TOTAL = TOTAL_LABELS.view


def label_key(labels: Labels, *, but: Collection[str] = ()) -> LabelKey:
    """Return the labels by which series of two windows or views are the same, without those named in `but`."""
    return frozenset(
        (name, text) for name, text in labels.items() if name not in ("view", "window") and name not in but
    )


class Samples:
    """Labels and values by name of the series."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[tuple[Labels, float]]] = {}

    def add(self, name: str, labels: Labels, value: float) -> None:
        """Add a sample."""
        self._by_name.setdefault(name, []).append((labels, value))

    def of(self, name: str) -> list[tuple[Labels, float]]:
        """Return the samples of a series."""
        return self._by_name.get(name, [])

    def sum(self, family: Family, labels: Labels) -> float | None:
        """Return the sum of a family's samples that agree on common labels, None if there are none."""
        values = self._agreeing(family, labels).values()
        return sum(values) if values else None

    def sum_of(self, name: str, **labels: str) -> float | None:
        """Return the sum of the samples of a name that have these labels, None if there are none."""
        values = [value for others, value in self.of(name) if labels.items() <= others.items()]
        return sum(values) if values else None

    def _agreeing(self, family: Family, labels: Labels) -> dict[LabelKey, float]:
        return {
            label_key(others): value
            for others, value in self.of(family.name)
            if all(labels.get(name, text) == text for name, text in others.items())
        }

    def period(self, headline: Headline, labels: Labels, *, before: bool = False) -> Period | None:
        """Return the figure of a headline in the window or the one before it, None if it has no value there."""
        family, size = headline.family, headline.sample_size
        if before:
            family, size = previous(family), size and previous(size)
        value = self.sum(family, labels)
        if value is None:
            return None
        if size is None:
            return Period(value, None, {})
        samples = self._agreeing(size, {**labels, **headline.sample_labels})
        by_own_labels = {
            tuple(dict(key).get(name, "") for name in size.labels): n for key, n in samples.items()
        }
        return Period(value, sum(samples.values()) if samples else None, by_own_labels)

    def groups(self, headline: Headline, *, before: bool) -> dict[LabelKey, Group[float]]:
        """Return mean and sample size of a headline by label set, in the window or the one before it."""
        family, size = headline.family, headline.sample_size
        if size is None:
            return {}
        summed, unsized = set(size.labels) - set(family.labels), set(family.labels) - set(size.labels)
        if before:
            family, size = previous(family), previous(size)
        sizes: dict[LabelKey, float] = {}
        for labels, n in self.of(size.name):
            if all(labels.get(name, text) == text for name, text in headline.sample_labels.items()):
                key = label_key(labels, but=summed)
                sizes[key] = sizes.get(key, 0) + n
        return {
            label_key(labels): Group(of_mean, mean)
            for labels, mean in self.of(family.name)
            if (of_mean := sizes.get(label_key(labels, but=unsized)))
        }


def effects_on_total(headline: Headline, view: Samples, totals: Samples) -> dict[LabelKey, Effect[float]]:
    """Return by how much the label sets of a view moved the total, for a figure that is a mean of its sample size.

    Without a window before there are none.
    """
    result: dict[LabelKey, Effect[float]] = {}
    overall = [totals.groups(headline, before=before) for before in (False, True)]
    of_view = [view.groups(headline, before=before) for before in (False, True)]
    for own_labels in overall[0].keys() & overall[1].keys():
        groups = []
        for totals_of_window, by_label_set in zip(overall, of_view, strict=True):
            shown = {labels: group for labels, group in by_label_set.items() if own_labels <= labels}
            rest = remainder(totals_of_window[own_labels], shown)
            groups.append(shown if rest is None else {**shown, own_labels: rest})
        result |= decompose(*groups)
    return result
