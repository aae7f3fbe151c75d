"""What is shown together as `__other__`: values past `max_values`, whole label sets past `max_series`."""

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
    """Decides for all boards at once. `folded` counts label sets newly folded, ever."""

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
        """Which values are shown: each hour, each minute while there are too many, and when new ones come.

        The ranking is by finished buckets first, so that it is that of the hour's beginning; what was folded for
        the series cap gets another chance each hour.
        """
        minute = now // MINUTE > self._minute
        self._minute = now // MINUTE
        appeared = any(domain_view.windows.has_new_label_sets for domain_view in self._views)
        if hour or appeared or (minute and self._policy.values):
            event_counts = sum_counts(
                chain.from_iterable(board.windows.event_counts() for board in self._views)
            )
            yield
            capped = frozenset() if hour else self._policy.capped
            yield from self._apply_policy(
                CardinalityPolicy(self._config.views, largest_values(event_counts, self._config), capped)
            )

    def cap(self, now: int) -> CooperativeSteps:
        """Fold the smallest label sets until the page is no longer than it may be. All that is shown has to be live."""
        shown = [domain_view for domain_view in self._views if domain_view.is_served]
        while (excess := sum(board.exposition.series for board in shown) - self._max_series) > 0:
            event_counts = sum_counts(
                (self._policy.shown_as(labels), weight)
                for board in self._views
                for labels, weight in board.windows.event_counts()
            )
            sizes: Counter[LabelSet] = Counter()
            for board in shown:
                sizes.update(board.exposition.sizes)
            yield
            more = smallest_label_sets(sizes, event_counts, excess)
            if not more:
                return
            yield from self._apply_policy(self._policy._replace(capped=self._policy.capped | more))
            for board in shown:
                yield from board.read(now)

    def count_folded(self) -> None:
        """Count what this round has folded."""
        if self._policy.values or self._policy.capped or self._hidden:
            known = chain.from_iterable(domain_view.windows.label_sets() for domain_view in self._views)
            hidden = {labels for labels in known if self._policy.shown_as(labels) != labels}
            self.folded_total += len(hidden - self._hidden)
            self._hidden = hidden

    def _apply_policy(self, policy: CardinalityPolicy) -> CooperativeSteps:
        self._policy = policy
        for domain_view in self._views:
            yield from domain_view.windows.apply_policy(policy)
