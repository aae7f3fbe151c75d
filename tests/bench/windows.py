"""Our worker with windows only, which is what others do: `python -m tests.bench.windows worker`.

No answer is remembered, so that one sent twice counts twice: a measure beside others', not a mode.
"""

from stream.cli import main
from stream.core.aggregation.domain import ValidatedBatch
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.model.aggregate import COMPONENT_BITS
from stream.core.model.time_buckets import MINUTE
from stream.worker import app


class Windows(Feedback):
    """Answers to their panes, and nothing else."""

    def apply_all(self, store: EntityStore, plain: ValidatedBatch) -> list[int]:
        for event, place, at in zip(plain.events, plain.validated, plain.event_times, strict=True):
            if place.leaf is None:
                place.settle(store.capped_values(place.dimensions, None), store.rules)
            if not place.added:
                store.fast_path._touched.append(place)
            first = at // MINUTE << COMPONENT_BITS
            for component, n in place.scores[event.data.score][1]:
                pane = first | component
                place.added[pane] = place.added.get(pane, 0) + n
        return list(plain.event_times)


if __name__ == "__main__":
    app.REGISTRY = (Windows(), *DOMAIN_REGISTRY[1:])
    main()
