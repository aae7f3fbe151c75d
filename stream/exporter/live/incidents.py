"""`GET /api/v1/incidents`: the cards of incidents, as the live page shows them."""

from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from schemas.times import from_ms
from stream.core.detection.incident_card import Card, Clause, Figure
from stream.core.model.time_buckets import Window
from stream.exporter.api.paths import INCIDENTS
from stream.exporter.exposition import line
from stream.exporter.incidents import RULES
from stream.exporter.live.answers import json_answer, refusal
from stream.exporter.state import ExporterState
from stream.text import printable


class IncidentsEndpoint:
    """Answers requests with the cards of the last refresh, which the newest `/metrics` is of. Parameters get status 400."""

    def __init__(self, exporter: ExporterState) -> None:
        self._exporter = exporter

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(INCIDENTS, self._incidents)]

    async def _incidents(self, request: web.Request) -> web.Response:
        if request.query:
            name = printable(next(iter(request.query)))
            raise refusal(web.HTTPBadRequest, f"parameter: got {name!r}, none is allowed")
        served = self._exporter.served_cards
        partitions = {"expected": served.expected, "covered": served.covered}
        return json_answer({"partitions": partitions, "incidents": card_documents(self._exporter)})


def card_documents(exporter: ExporterState) -> list[dict[str, Any]]:
    """Return the documents of the served cards."""
    served = exporter.served_cards
    ascending = sorted(exporter.config.windows, key=lambda window: window.span)
    return [_card_document(card, _window(card, ascending, served.now)) for card in served.cards]


def _window(card: Card, ascending: list[Window], now: int) -> str:
    """Return the shortest window that has the whole incident, the longest one if none has."""
    since = card.known.since
    needed = max(card.known.finding.window_seconds * 1000, 0 if since is None else now - since.time)
    return next((window.label for window in ascending if window.span >= needed), ascending[-1].label)


def _card_document(card: Card, window: str) -> dict[str, Any]:
    rule, known = RULES[card.of], card.known
    first = card.clauses[0].figures[0]
    return {
        "of": card.of,
        "alert": rule.name,
        "severity": rule.severity,
        "view": known.labels.view,
        "labels": {name: text for name, text in first.labels.items() if name not in ("view", "of")},
        "by_chance_per_month": known.finding.by_chance,
        "since": None if known.since is None else from_ms(known.since.time).isoformat(),
        "text": card.text,
        "clauses": [_clause_document(clause, window) for clause in card.clauses],
    }


def _clause_document(clause: Clause, window: str) -> dict[str, Any]:
    link = urlencode({"window": window, "view": clause.view, "tile": clause.tile})
    figures = [{"series": _series(figure), "value": figure.value} for figure in clause.figures]
    return {"kind": clause.kind, "text": clause.text, "link": f"#{link}", "figures": figures}


def _series(figure: Figure) -> str:
    return line(figure.series, figure.labels, 0).rpartition(" ")[0]
