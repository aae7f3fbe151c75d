"""What the page is told, in parts that change for themselves; each is JSON."""

import heapq
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from stream.core.windowing.groups import TOTAL, LabelSet
from stream.core.windowing.pieces import size
from stream.core.windows import Steps
from stream.exporter.exporter import Exporter
from stream.exporter.live.figures import Figure, Figures
from stream.exporter.live.lines import Lines, Point
from stream.exporter.live.tiles import HEADLINES, Tile, encode, labels_of, pattern
from stream.exporter.page import line
from stream.exporter.pipeline import TOPIC

ROWS = 100
"""A breakdown shows at most so many label sets: those with the largest samples."""
DEAD = ("future", "invalid", "late", "oversized", "unknown_type")
"""Outcomes that end in the dead letters."""


class Choice(NamedTuple):
    """What a page shows: the number of a window, a view, a tile."""

    slot: int
    view: str
    tile: Tile


class Parts:
    """Makes the parts from what the exporter shows."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self._windows = exporter.rules.windows
        self._figures = Figures(exporter.boards, len(self._windows))
        self.lines = Lines(exporter.boards, self._figures)

    def catalog(self) -> bytes:
        """What does not change: windows, views, headlines with their definitions."""
        views = self._exporter.rules.views
        return orjson.dumps(
            {
                "windows": [{"label": w.label, "piece": size(w) // 1000} for w in self._windows],
                "views": [{"name": view, "labels": labels} for view, labels in views.items()],
                "stale_after": self._exporter.settings.exporter.stale_after // 1000,
                "headlines": [_headline(number) for number in range(len(HEADLINES))],
            }
        )

    def status(self, steady: int, trouble: str) -> dict[str, Any]:
        """Pipeline health, but for the moment it is of."""
        coverage = self._exporter.coverage
        gaps = list(coverage.gaps(steady))
        domains = {}
        for domain, board in self._exporter.boards.items():
            markers = coverage.of(domain)
            standing = board.standing(steady)
            outcomes: dict[str, int] = {}
            for marker in markers:
                for outcome, n in marker.outcomes.items():
                    outcomes[outcome] = outcomes.get(outcome, 0) + n
            domains[domain] = {
                "topic": TOPIC[domain],
                "state": board.state,
                "standing": None if standing is None else standing // 1000,
                "newest": max((marker.newest for marker in markers), default=0) or None,
                "lag": max((marker.lag for marker in markers), default=0) // 1000,
                "outcomes": dict(sorted(outcomes.items())),
                "dead": sum(outcomes.get(outcome, 0) for outcome in DEAD),
                "gaps": sum(1 for place, _ in gaps if place.domain == domain),
            }
        return {
            "trouble": trouble or self._exporter.unready(steady),
            "remark": self._exporter.filling(),
            "expected": len(coverage.expected),
            "covered": len(coverage.expected) - len(gaps),
            "domains": domains,
        }

    def tiles(self, slot: int, also: Iterable[Tile], into: list[bytes]) -> Steps:
        """Every tile of a window, each with its time line in short; `also` are shown whatever there is."""
        wanted, shown = set(also), []
        for number in range(len(HEADLINES)):
            there = self._figures.tiles(number)
            missing = [tile for tile in wanted if tile.number == number and tile not in there]
            for tile in [*there, *sorted(missing)]:
                figure = self._figures.figure(tile, TOTAL, slot)
                line_ = [point.value for point in self.lines.of(tile, slot)]
                shown.append(self._tile(tile, slot) | _shown(figure) | {"line": line_})
            yield
        into.append(orjson.dumps({"window": self._windows[slot].label, "tiles": shown}))

    def detail(self, choice: Choice, into: list[bytes]) -> Steps:
        """One tile at length: its time line, and its breakdown by a view."""
        rows: list[tuple[LabelSet, Figure]] = []
        for row in self._figures.rows(choice.tile, choice.view, choice.slot):
            rows += [] if row is None else [row]
            yield
        most = heapq.nsmallest(ROWS, rows, key=_rank)
        yield
        shown = [{"labels": labels.values, **_shown(figure)} for labels, figure in most]
        into.append(
            orjson.dumps(
                {
                    **self._tile(choice.tile, choice.slot),
                    **_shown(self._figures.figure(choice.tile, TOTAL, choice.slot)),
                    "window": self._windows[choice.slot].label,
                    "view": choice.view,
                    "rows": shown,
                    "more": len(rows) - len(shown),
                    "line": _columns(self.lines.of(choice.tile, choice.slot)),
                }
            )
        )

    def _tile(self, tile: Tile, slot: int) -> dict[str, Any]:
        family = HEADLINES[tile.number].headline.family
        window = {"window": self._windows[slot].label} if family.windowed else {}
        labels = {"view": "total", **window, **labels_of(tile)}
        series = line(family.name, labels, 0).rpartition(" ")[0]
        return {"id": encode(tile), "headline": tile.number, "labels": tile.values, "series": series}


def _rank(row: tuple[LabelSet, Figure]) -> tuple[float, LabelSet]:
    labels, figure = row
    return -((figure.value if figure.n is None else figure.n) or 0), labels


def _shown(figure: Figure) -> dict[str, float | None]:
    return figure._asdict()


def _columns(points: list[Point]) -> dict[str, list[float | None]]:
    return {name: [point[at] for point in points] for at, name in enumerate(Point._fields)}


def _headline(number: int) -> dict[str, Any]:
    domain, metric, headline = HEADLINES[number]
    over = headline.over_time
    return {
        "id": encode(Tile(number, tuple(value or "" for value in pattern(headline)))),
        "domain": domain,
        "title": headline.title,
        "unit": headline.unit,
        "better": headline.better,
        "windowed": headline.family.windowed,
        "about": headline.family.help,
        "bounds": headline.low is not None,
        "open": [at for at, value in enumerate(pattern(headline)) if value is None],
        "line": over and {"about": over.help, "own": over is headline.family},
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
