"""Values past `max_values` and series past `max_series`, as twins see them."""

from stream.exporter.state import ExporterState
from tests.exporter.memory import Worker, answers, exporter, feed, refresh
from tests.support import HOUR, MINUTE, NOW, Event

HOUR_0 = NOW // HOUR * HOUR


def said(at: int = HOUR_0, **channels: int) -> list[Event]:
    """So many answers of each channel."""
    return [event for name, n in channels.items() for event in answers(n, 10, at, channel=name)]


def shown_channels(page: dict[str, float]) -> dict[str, float]:
    """Channel to promoters in the longest window."""
    head, tail = 'cx_nps_responses{view="channel",channel="', '",window="30d",category="promoter"}'
    return {
        name.removeprefix(head).removesuffix(tail): n
        for name, n in page.items()
        if name.startswith(head) and name.endswith(tail)
    }


def test_new_values_fold_as_they_come() -> None:
    """There are never more than `max_values`; the events of the others are in `__other__`."""
    shown = exporter(CXGAUGE_METRICS_MAX_VALUES="2")
    worker = Worker(shown)
    feed(shown, worker(said(a=3, b=2)))
    assert shown_channels(refresh(shown, wall_ms=HOUR_0)) == {"a": 3, "b": 2}
    feed(shown, worker(said(c=1, d=1)))
    page = refresh(shown, wall_ms=HOUR_0)
    assert shown_channels(page) == {"a": 3, "b": 2, "__other__": 2}
    assert page["cx_series_folded_total"] == 2


def test_the_ranking_is_that_of_the_hour() -> None:
    """A value that grows is shown from the next hour on, when its events are of a finished bucket."""
    shown = exporter(CXGAUGE_METRICS_MAX_VALUES="1")
    worker = Worker(shown)
    feed(shown, worker(said(HOUR_0 - HOUR, a=2, b=1)))
    assert shown_channels(refresh(shown, wall_ms=HOUR_0)) == {"a": 2, "__other__": 1}
    feed(shown, worker(said(HOUR_0 + MINUTE, b=9)))
    assert shown_channels(refresh(shown, wall_ms=HOUR_0 + 59 * MINUTE)) == {"a": 2, "__other__": 10}
    assert shown_channels(refresh(shown, wall_ms=HOUR_0 + HOUR)) == {"b": 10, "__other__": 2}


def test_twins_agree_whenever_they_began() -> None:
    """One that read everything as it came, one that begins within the hour."""
    early, late = (exporter(CXGAUGE_METRICS_MAX_VALUES="2") for _ in range(2))
    worker = Worker(early)
    flushes = [
        worker(said(HOUR_0 - HOUR, a=2, b=2, c=2, d=5)),
        worker(said(HOUR_0, e=9)),
        worker(said(HOUR_0, a=1, b=3)),
    ]
    for flush in flushes:
        feed(early, flush)
        refresh(early, wall_ms=HOUR_0)
        feed(late, flush)
    for shown in (early, late):
        assert shown_channels(refresh(shown, wall_ms=HOUR_0 + MINUTE)) == {"b": 5, "d": 5, "__other__": 14}
        assert shown_channels(refresh(shown, wall_ms=HOUR_0 + HOUR)) == {"b": 5, "e": 9, "__other__": 10}


def test_the_series_cap_holds_and_is_lifted_when_there_is_room() -> None:
    """Whole label sets fold, the smallest first; an hour later all that fits is shown again."""
    small = {
        "CXGAUGE_METRICS_WINDOWS": '["1h"]',
        "CXGAUGE_METRICS_VIEWS": '{"total": [], "channel": ["channel"]}',
    }
    alone, one = (series_with(exporter(**small), events) for events in ([], said(a=1)))
    most = alone + 3 * (one - alone)

    capped = exporter(**small, CXGAUGE_EXPORTER_MAX_SERIES=str(int(most)))
    worker = Worker(capped)
    later = HOUR_0 + 30 * MINUTE
    feed(capped, worker(said(a=5, b=4) + said(later, c=3, d=1, e=2), clock=later))
    page = refresh(capped, wall_ms=later)
    assert channels(page) == {"a", "b", "__other__"}
    assert page["cx_series"] <= most
    assert page["cx_series_folded_total"] == 3
    assert channels(refresh(capped, wall_ms=HOUR_0 + 70 * MINUTE)) == {"c", "d", "e"}


def series_with(shown: ExporterState, events: list[Event]) -> float:
    """How many series there are with these events."""
    feed(shown, Worker(shown)(events))
    return refresh(shown, wall_ms=HOUR_0)["cx_series"]


def channels(page: dict[str, float]) -> set[str]:
    """Those that have series."""
    return {name.split('"')[3] for name in page if 'view="channel"' in name}
