"""Cardinality limits: values past `max_values` and label sets past `max_series` are folded into `__other__`."""

from collections import Counter
from collections.abc import Collection
from itertools import chain

from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.time_buckets import MINUTE
from stream.core.windows.cardinality import (
    CardinalityPolicy,
    largest_values,
    smallest_label_sets,
    sum_counts,
)
from stream.core.windows.label_sets import LabelSet
from stream.core.windows.rolling import CooperativeSteps
from stream.exporter.domain_view import DomainView


class CardinalityControl:
    """The cardinality policy of all domains.

    `folded_total` counts the label sets that were newly folded since the start.
    """

    def __init__(
        self, config: AggregationConfig, domain_views: Collection[DomainView], max_series: int
    ) -> None:
        self.folded_total = 0
        self._config = config
        self._views = domain_views
        self._max_series = max_series
        self._policy = CardinalityPolicy(config.views, {})
        self._hidden: set[LabelSet] = set()
        self._minute = -1

    def decide(self, now: int, *, hour: bool) -> CooperativeSteps:
        """Choose the shown values every hour, every minute while a dimension has too many, and with new label sets.

        Finished buckets rank first, so that within an hour only late events change the ranking. At a full hour the
        label sets that were folded for `max_series` are shown again, and `cap` decides about them again.

        Args:
            now: the end of the windows, in ms since the epoch
            hour: whether an hour has begun since the last call
        """
        minute = now // MINUTE != self._minute
        self._minute = now // MINUTE
        appeared = any(domain_view.windows.has_new_label_sets for domain_view in self._views)
        if hour or appeared or (minute and self._policy.values):
            event_counts = sum_counts(
                chain.from_iterable(domain_view.windows.event_counts() for domain_view in self._views)
            )
            yield
            capped = frozenset() if hour else self._policy.capped
            yield from self._apply_policy(
                CardinalityPolicy(self._config.views, largest_values(event_counts, self._config), capped)
            )

    def cap(self, now: int) -> CooperativeSteps:
        """Fold the smallest label sets until at most `max_series` series are served.

        Every served domain has to be live, because the others cannot be read again. `now` is in ms since the epoch.
        """
        shown = [domain_view for domain_view in self._views if domain_view.is_served]
        while (excess := sum(domain_view.exposition.series for domain_view in shown) - self._max_series) > 0:
            event_counts = sum_counts(
                (self._policy.shown_as(labels), event_count)
                for domain_view in self._views
                for labels, event_count in domain_view.windows.event_counts()
            )
            sizes: Counter[LabelSet] = Counter()
            for domain_view in shown:
                sizes.update(domain_view.exposition.sizes)
            yield
            smallest = smallest_label_sets(sizes, event_counts, excess)
            if not smallest:
                return
            yield from self._apply_policy(self._policy._replace(capped=self._policy.capped | smallest))
            for domain_view in shown:
                yield from domain_view.read(now)

    def count_folded(self) -> None:
        """Add the label sets that were newly folded since the last call to `folded_total`."""
        if self._policy.values or self._policy.capped or self._hidden:
            known = chain.from_iterable(domain_view.windows.label_sets() for domain_view in self._views)
            hidden = {labels for labels in known if self._policy.shown_as(labels) != labels}
            self.folded_total += len(hidden - self._hidden)
            self._hidden = hidden

    def _apply_policy(self, policy: CardinalityPolicy) -> CooperativeSteps:
        self._policy = policy
        for domain_view in self._views:
            yield from domain_view.windows.apply_policy(policy)
