"""Series of items that are open now: how many, and the age of the oldest."""

from collections.abc import Iterator

from stream.core.metrics.metric import Family, ReadContext, Sample
from stream.core.model.aggregate import Aggregate
from stream.core.model.time_buckets import MINUTE


def open_item_samples(
    context: ReadContext, aggregate: Aggregate, component: int, count: Family, oldest: Family
) -> Iterator[Sample]:
    """Yield the number of open items and, if there are any, the age of the oldest, to within a minute."""
    opened = {
        minute: n
        for minute, vector in context.open_items(aggregate).items()
        if (n := vector.get(component, 0)) > 0
    }
    yield Sample(count, (), sum(opened.values()))
    if opened:
        yield Sample(oldest, (), max(0, context.now - min(opened) * MINUTE) / 1000)
