"""All figures with a view: the windows of every domain, what is folded, and the page that shows them."""

from collections.abc import Collection, Mapping, Sequence

from stream.core.buckets import HOUR, MINUTE
from stream.core.metric import Metric
from stream.core.metrics import BY_DOMAIN
from stream.core.rules import Rules
from stream.core.windowing.fold import Fold, added, kept_values, smallest
from stream.core.windowing.groups import LabelSet
from stream.core.windowing.readout import Readout
from stream.core.windows import Steps, Windows
from stream.exporter.exposition import Page


class Board:
    """Figures of some domains on one page. A domain that is not live stands still until it is dropped."""

    def __init__(
        self, rules: Rules, max_series: int, metrics: Mapping[str, Sequence[Metric]] = BY_DOMAIN
    ) -> None:
        self.rules = rules
        self.windows = {domain: Windows(rules, mine) for domain, mine in metrics.items()}
        self.page = Page(rules, [metric for mine in metrics.values() for metric in mine])
        self.folded = 0
        """Label sets newly folded, ever."""
        self._max_series = max_series
        self._metrics = metrics
        self._readouts = {domain: Readout(self.windows[domain], mine) for domain, mine in metrics.items()}
        self._shown: set[str] = set()
        self._fold = Fold(rules.views, {})
        self._was_folded: set[LabelSet] = set()
        self._minute = self._hour = -1

    @property
    def repairs(self) -> int:
        """Sums that were found wrong."""
        return sum(windows.repairs for windows in self.windows.values())

    def refresh(self, now: int, live: Collection[str]) -> Steps:
        """Bring the live domains and the page to `now` ms; the page may be used when all steps are done."""
        for domain in live:
            yield from self.windows[domain].advance(now)
        if hour := now // HOUR > self._hour:
            self._hour = now // HOUR
            for domain in live:
                yield from self.windows[domain].check()
        yield from self._decide(now, hour)
        yield from self._read(now, live)
        if self._shown <= set(live):
            yield from self._cap(now, live)
        self._count_folded()
        yield from self.page.render()

    def drop(self, domain: str) -> None:
        """Take a domain off the page."""
        if domain in self._shown:
            self._shown.remove(domain)
            self._readouts[domain].forget()
            self.page.drop(self._metrics[domain])

    def _decide(self, now: int, hour: bool) -> Steps:
        """Which values are shown: each hour, each minute while some are not, and when there are new ones.

        The series cap begins anew each hour.
        """
        minute = now // MINUTE > self._minute
        self._minute = now // MINUTE
        appeared = any(windows.appeared for windows in self.windows.values())
        if hour or appeared or (minute and self._fold.values):
            weights = added(w for windows in self.windows.values() for w in windows.weights())
            capped = frozenset() if hour else self._fold.capped
            yield from self._refold(Fold(self.rules.views, kept_values(weights, self.rules), capped))

    def _refold(self, fold: Fold) -> Steps:
        self._fold = fold
        for windows in self.windows.values():
            yield from windows.refold(fold)

    def _read(self, now: int, live: Collection[str]) -> Steps:
        self._shown |= set(live)
        for domain in live:
            for reading in self._readouts[domain].read(now):
                self.page.show(reading)
                yield

    def _cap(self, now: int, live: Collection[str]) -> Steps:
        """Fold the smallest label sets until the page is no longer than it may be."""
        while (excess := self.page.series - self._max_series) > 0:
            weights = added(
                (self._fold.shown(labels), weight)
                for windows in self.windows.values()
                for labels, weight in windows.weights()
            )
            more = smallest(self.page.sizes, weights, excess)
            if not more:
                return
            yield from self._refold(self._fold._replace(capped=self._fold.capped | more))
            yield from self._read(now, live)

    def _count_folded(self) -> None:
        if not self._fold.values and not self._fold.capped and not self._was_folded:
            return
        known = {labels for windows in self.windows.values() for labels in windows.label_sets()}
        folded = {labels for labels in known if self._fold.shown(labels) != labels}
        self.folded += len(folded - self._was_folded)
        self._was_folded = folded
