"""Parameters of `/api/v1/figures`: metrics, views, and windows or a period."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web
from multidict import MultiMapping

from stream.core.metrics import REGISTRY
from stream.core.model.aggregation_config import AggregationConfig
from stream.core.model.periods import PERIODS, ComparedPeriod, named_period, period_between
from stream.core.model.time_zones import ALLOWED, time_zone
from stream.exporter.api.figures import FigureFilter
from stream.exporter.live.answers import refusal
from stream.text import printable

_LISTS = ("metric", "view", "window")
_OF_PERIODS = ("period", "from", "to", "time_zone")
PARAMETERS = (*_LISTS, *_OF_PERIODS)
_TIME = 'a date or a time such as 2026-10-01 or 2026-10-01T00:00Z ("+" is %2B in an address)'


class WantedPeriod(NamedTuple):
    """A period, the one before it, and the time zone in which they are written."""

    compared: ComparedPeriod
    zone: ZoneInfo


class WantedFigures(NamedTuple):
    """The wanted figures. `period` is None for those of windows."""

    figures: FigureFilter
    period: WantedPeriod | None


def wanted_figures(
    query: MultiMapping[str], config: AggregationConfig, present: Callable[[], int]
) -> WantedFigures:
    """Return what a request wants: without parameters, everything of all windows.

    `present` returns the end of the windows in ms. Raises HTTPBadRequest with the allowed names or values.
    """
    windows = [window.label for window in config.windows]
    allowed = {"metric": [*REGISTRY], "view": [*config.views], "window": windows}
    for name in query:
        if name not in PARAMETERS:
            raise _bad_request("parameter", name, PARAMETERS)
        if name in _OF_PERIODS and len(query.getall(name)) > 1:
            raise refusal(web.HTTPBadRequest, f"{name}: allowed once")
    metrics, views, labels = (
        _chosen(name, query.getall(name, []), values) for name, values in allowed.items()
    )
    figures = FigureFilter([REGISTRY[name] for name in metrics], views, labels)
    if not any(name in query for name in _OF_PERIODS):
        return WantedFigures(figures, None)
    if "window" in query:
        raise refusal(web.HTTPBadRequest, "window: allowed without period, from, to and time_zone")
    return WantedFigures(figures, _period(query, present()))


def _period(query: MultiMapping[str], now: int) -> WantedPeriod:
    given = [name for name in ("period", "from", "to") if name in query]
    if given not in (["period"], ["from", "to"]):
        raise refusal(web.HTTPBadRequest, "a period needs either period, or from and to")
    wanted_zone = query.get("time_zone", "UTC")
    if (zone := time_zone(wanted_zone)) is None:
        raise refusal(web.HTTPBadRequest, f"time_zone: got {printable(wanted_zone)!r}, allowed is {ALLOWED}")
    try:
        if given == ["period"]:
            name = next((known for known in PERIODS if known == query["period"]), None)
            if name is None:
                raise _bad_request("period", query["period"], PERIODS)
            return WantedPeriod(named_period(name, zone, now), zone)
        begin, end = (_time(name, query[name]) for name in ("from", "to"))
        return WantedPeriod(period_between(begin, end, zone, now), zone)
    except ValueError as error:
        raise refusal(web.HTTPBadRequest, f"{' and '.join(given)}: {error}") from error


def _time(name: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise refusal(web.HTTPBadRequest, f"{name}: got {printable(text)!r}, allowed is {_TIME}") from None


def _chosen(name: str, values: Sequence[str], allowed: Sequence[str]) -> Sequence[str]:
    """Return the values of a parameter in the order of those allowed, all of them if none is given."""
    for value in values:
        if value not in allowed:
            raise _bad_request(name, value, allowed)
    return [value for value in allowed if value in values] if values else allowed


def _bad_request(name: str, value: str, allowed: Iterable[str]) -> web.HTTPError:
    text = f"{name}: got {printable(value)!r}, allowed are {', '.join(allowed)}"
    return refusal(web.HTTPBadRequest, text)
