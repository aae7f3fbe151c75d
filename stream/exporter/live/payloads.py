"""The JSON payloads of the live page: catalog, status, the tiles of a window, one tile in detail."""

import heapq
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from stream.core.metrics.headlines import (
    DISPLAY_ORDER,
    HEADLINES,
    LEAD,
    Tile,
    encode,
    label_pattern,
    labels_of,
    tile_of,
)
from stream.core.metrics.targets import target_verdict
from stream.core.model.outcomes import DEAD_LETTER_OUTCOMES
from stream.core.windows.label_sets import TOTAL_LABELS, LabelSet
from stream.core.windows.ranges import UNBOUNDED
from stream.core.windows.rolling import CooperativeSteps
from stream.core.windows.timeline import point_size
from stream.exporter.coverage import SILENT_AFTER
from stream.exporter.exposition import line
from stream.exporter.live.decompositions import Decompositions
from stream.exporter.live.figures import Figure, Figures
from stream.exporter.live.incidents import card_documents
from stream.exporter.live.reason_tables import reason_table
from stream.exporter.live.timelines import Point, Timelines
from stream.exporter.pipeline_metrics import TOPIC_LABELS
from stream.exporter.state import ExporterState

MAX_ROWS = 100
"""Maximum number of label sets in a breakdown. Those with the largest samples are shown."""
MAX_NOTES = 20
"""Maximum number of notes at a time line, the newest ones."""


class Selection(NamedTuple):
    """The selection of a client: the index of a window, a view and a tile."""

    window_index: int
    view: str
    tile: Tile


class Payloads:
    """Builds the payloads from the state of the exporter."""

    def __init__(self, exporter: ExporterState) -> None:
        self._exporter = exporter
        self._windows = exporter.config.windows
        self._figures = Figures(exporter.domain_views, len(self._windows))
        self._decompositions = Decompositions(self._figures)
        self.timelines = Timelines(exporter.domain_views, self._figures)

    def catalog(self) -> bytes:
        """Return the constant payload: windows, views, and headlines with their definitions. Times are in s."""
        views = self._exporter.config.views
        return orjson.dumps(
            {
                "windows": [{"label": w.label, "interval": point_size(w) // 1000} for w in self._windows],
                "views": [{"name": view, "labels": labels} for view, labels in views.items()],
                "stale_after": self._exporter.settings.exporter.stale_after // 1000,
                "headlines": [_headline(number) for number in range(len(HEADLINES))],
            }
        )

    def status(self, monotonic_ms: int, error: str) -> dict[str, Any]:
        """Return the state of the pipeline, without its time. Durations are in s, times in ms since the epoch.

        `silence` is None while every partition had a checkpoint within SILENT_AFTER, and `values_of` while the values of a domain
        are of the present, or absent.

        `error` is the error of the service, empty if there is none. `monotonic_ms` is the present.
        """
        coverage = self._exporter.coverage
        gaps = list(coverage.gaps(monotonic_ms))
        domains = {}
        for domain, domain_view in self._exporter.domain_views.items():
            checkpoints = coverage.of(domain)
            outage = domain_view.outage_ms(monotonic_ms)
            outcomes: dict[str, int] = {}
            for checkpoint in checkpoints:
                for outcome, n in checkpoint.outcomes.items():
                    outcomes[outcome] = outcomes.get(outcome, 0) + n
            domains[domain] = {
                "topic": TOPIC_LABELS[domain],
                "state": domain_view.state,
                "outage": None if outage is None else outage // 1000,
                "values_of": domain_view.read_at if domain_view.state == "stale" else None,
                "newest": max((checkpoint.max_event_time for checkpoint in checkpoints), default=0) or None,
                "lag": max((checkpoint.lag_ms for checkpoint in checkpoints), default=0) // 1000,
                "outcomes": dict(sorted(outcomes.items())),
                "dead_letters": sum(outcomes.get(outcome, 0) for outcome in DEAD_LETTER_OUTCOMES),
                "gaps": sum(1 for partition, _ in gaps if partition.domain == domain),
            }
        silence = coverage.silence(monotonic_ms)
        return {
            "silence": silence // 1000 if silence >= SILENT_AFTER else None,
            "error": error or self._exporter.unready_reason(monotonic_ms),
            "note": self._exporter.notes(monotonic_ms),
            "expected": len(coverage.expected),
            "covered": len(coverage.expected) - len(gaps),
            "domains": domains,
            "incidents": card_documents(self._exporter),
        }

    def tiles(self, window_index: int, selected: Iterable[Tile], into: list[bytes]) -> CooperativeSteps:
        """Append the payload of all tiles of a window to `into`, in short steps. Selected tiles may have no value."""
        wanted, shown = set(selected), []
        for number in DISPLAY_ORDER:
            existing = self._figures.tiles(number)
            missing = [tile for tile in wanted if tile.number == number and tile not in existing]
            for tile in [*existing, *sorted(missing)]:
                values = [point.value for point in self.timelines.of(tile, window_index)]
                shown.append(self._tile(tile, window_index) | {"line": values})
            yield
        into.append(orjson.dumps({"window": self._windows[window_index].label, "tiles": shown}))

    def detail(self, selection: Selection, into: list[bytes]) -> CooperativeSteps:
        """Append the payload of one tile to `into`, in short steps: its time line, and its breakdown by a view.

        The breakdown has the figures, and the parts of the change from the window before. The reasons are those of all answers.
        """
        rows: list[tuple[LabelSet, Figure]] = []
        for row in self._figures.rows(selection.tile, selection.view, selection.window_index):
            rows += [] if row is None else [row]
            yield
        largest = heapq.nsmallest(MAX_ROWS, rows, key=_rank)
        yield
        shown = [{"labels": labels.values, **figure._asdict()} for labels, figure in largest]
        moved: list[dict[str, Any] | None] = []
        yield from self._decompositions.read(selection.tile, selection.view, selection.window_index, moved)
        into.append(
            orjson.dumps(
                {
                    **self._tile(selection.tile, selection.window_index),
                    "window": self._windows[selection.window_index].label,
                    "view": selection.view,
                    "rows": shown,
                    "more": len(rows) - len(shown),
                    "moved": moved[0],
                    "reasons": reason_table(self._figures, selection.tile, selection.window_index),
                    "line": _columns(self.timelines.of(selection.tile, selection.window_index)),
                    **self._notes(selection.window_index),
                }
            )
        )

    def _tile(self, tile: Tile, window_index: int) -> dict[str, Any]:
        family = HEADLINES[tile.number].headline.family
        window = {"window": self._windows[window_index].label} if family.windowed else {}
        labels = {"view": "total", **window, **labels_of(tile)}
        series = line(family.name, labels, 0).rpartition(" ")[0]
        comparison = self._figures.comparison(tile, window_index)
        figure = self._figures.figure(tile, TOTAL_LABELS, window_index)
        return {
            "id": encode(tile),
            "headline": tile.number,
            "labels": tile.values,
            "series": series,
            **figure._asdict(),
            **comparison._asdict(),
            "change": comparison.change and comparison.change._asdict(),
            **self._references(tile, figure),
        }

    def _references(self, tile: Tile, figure: Figure) -> dict[str, Any]:
        """Return the target of a tile with its verdict, and its benchmark. None if there is none."""
        lines, headline = self._exporter.reference_lines, HEADLINES[tile.number].headline
        target, benchmark = lines.targets.get(tile), lines.benchmarks.get(tile)
        return {
            "target": None
            if target is None
            else {
                "value": target,
                "verdict": target_verdict(headline, target, figure.value, figure.low, figure.high),
            },
            "benchmark": benchmark and benchmark._asdict(),
        }

    def _notes(self, window_index: int) -> dict[str, Any]:
        """Return the newest notes of a window, and the number of those that are not shown. Times in ms since the epoch."""
        window, now = self._windows[window_index], self._exporter.present
        notes = self._exporter.notes_between(window.first(now) * window.resolution.step, UNBOUNDED)
        shown = [
            {"at": note.time, "text": note.text, "dimensions": note.dimensions} for note in notes[-MAX_NOTES:]
        ]
        return {"notes": shown, "more_notes": len(notes) - len(shown)}


def _rank(row: tuple[LabelSet, Figure]) -> tuple[float, LabelSet]:
    labels, figure = row
    return -((figure.value if figure.n is None else figure.n) or 0), labels


def _columns(points: list[Point]) -> dict[str, list[float | None]]:
    return {name: [point[i] for point in points] for i, name in enumerate(Point._fields)}


def _headline(number: int) -> dict[str, Any]:
    domain, metric, headline = HEADLINES[number]
    timeline_family = headline.timeline_family
    return {
        "id": encode(tile_of(HEADLINES[number])),
        "domain": domain,
        "is_lead": HEADLINES[number] in LEAD,
        "title": headline.title,
        "unit": headline.unit,
        "better": headline.better,
        "windowed": headline.family.windowed,
        "help": headline.family.help,
        "bounds": headline.low is not None,
        "open_labels": [i for i, value in enumerate(label_pattern(headline)) if value is None],
        "line": timeline_family
        and {"help": timeline_family.help, "is_value": timeline_family is headline.family},
        "metric": {
            "name": metric.name,
            "title": metric.title,
            "version": metric.version,
            "definition": metric.definition,
            "formula": metric.formula,
            "source": metric.source,
            "example": metric.example,
        },
    }
