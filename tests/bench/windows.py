"""Our worker with windows only, as other stream processors keep them: `python -m tests.bench.windows worker`.

No answer is remembered, so that one sent twice counts twice. It is a baseline for comparisons, not a mode.
"""

from stream.cli import main
from stream.core.aggregation.domain import ValidatedBatch
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.feedback import Feedback
from stream.core.aggregation.feedback.fast_path import NewAnswerFastPath
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.model.aggregate import COMPONENT_BITS
from stream.core.model.time_buckets import MINUTE
from stream.worker import app, restore


class WindowsFastPath(NewAnswerFastPath):
    """Add answers to their panes, and store no entity."""

    def process(self, batch: ValidatedBatch) -> set[int]:
        for event, template, event_time in zip(batch.events, batch.validated, batch.event_times, strict=True):
            if template.base_cell is None:
                template.bind(self._store.capped_values(template.dimensions, None), self._store)
            if not template.pending:
                self._pending_templates.append(template)
            first = event_time // MINUTE << COMPONENT_BITS
            for component, n in template.scores[event.data.score][1]:
                pane = first | component
                template.pending[pane] = template.pending.get(pane, 0) + n
        return set()


class Windows(Feedback):
    """Feedback without entities."""

    def fast_path(self, store: EntityStore) -> WindowsFastPath:
        return WindowsFastPath(store)


def skip_check(*_: object) -> None:
    """Accept panes without entities, which a second worker would take for a state topic that was deleted."""


if __name__ == "__main__":
    restore._check_completeness = skip_check
    app.DOMAIN_REGISTRY = (Windows(), *DOMAIN_REGISTRY[1:])
    main()
