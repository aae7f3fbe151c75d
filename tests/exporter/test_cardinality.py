"""Values over `max_values` and series over `max_series`, as replicas serve them."""

from stream.exporter.state import ExporterState
from tests.exporter.in_memory import Worker, answers, apply_records, exporter, refresh
from tests.support import HOUR, MINUTE, NOW, Event

HOUR_0 = NOW // HOUR * HOUR


def channel_answers(at: int = HOUR_0, **channels: int) -> list[Event]:
    """Return answers, as many as given for each channel."""
    return [event for name, n in channels.items() for event in answers(n, 10, at, channel=name)]


def shown_channels(series: dict[str, float]) -> dict[str, float]:
    """Return the promoters in the longest window by channel."""
    start, end = 'cx_nps_responses{view="channel",channel="', '",window="30d",category="promoter"}'
    return {
        name.removeprefix(start).removesuffix(end): n
        for name, n in series.items()
        if name.startswith(start) and name.endswith(end)
    }


def test_new_values_over_the_limit_are_folded() -> None:
    """At most `max_values` values are shown. The events of the others count in `__other__`."""
    state = exporter(CXGAUGE_METRICS_MAX_VALUES="2")
    worker = Worker(state)
    apply_records(state, worker(channel_answers(a=3, b=2)))
    assert shown_channels(refresh(state, wall_ms=HOUR_0)) == {"a": 3, "b": 2}
    apply_records(state, worker(channel_answers(c=1, d=1)))
    series = refresh(state, wall_ms=HOUR_0)
    assert shown_channels(series) == {"a": 3, "b": 2, "__other__": 2}
    assert series["cx_series_folded_total"] == 2


def test_values_are_ranked_once_an_hour() -> None:
    """A growing value is shown from the next hour, when its events are in a finished bucket."""
    state = exporter(CXGAUGE_METRICS_MAX_VALUES="1")
    worker = Worker(state)
    apply_records(state, worker(channel_answers(HOUR_0 - HOUR, a=2, b=1)))
    assert shown_channels(refresh(state, wall_ms=HOUR_0)) == {"a": 2, "__other__": 1}
    apply_records(state, worker(channel_answers(HOUR_0 + MINUTE, b=9)))
    assert shown_channels(refresh(state, wall_ms=HOUR_0 + 59 * MINUTE)) == {"a": 2, "__other__": 10}
    assert shown_channels(refresh(state, wall_ms=HOUR_0 + HOUR)) == {"b": 10, "__other__": 2}


def test_replicas_agree_whenever_they_started() -> None:
    """One replica reads each flush as it comes, the other starts within the hour."""
    early_exporter, late_exporter = (exporter(CXGAUGE_METRICS_MAX_VALUES="2") for _ in range(2))
    worker = Worker(early_exporter)
    flushes = [
        worker(channel_answers(HOUR_0 - HOUR, a=2, b=2, c=2, d=5)),
        worker(channel_answers(HOUR_0, e=9)),
        worker(channel_answers(HOUR_0, a=1, b=3)),
    ]
    for flush in flushes:
        apply_records(early_exporter, flush)
        refresh(early_exporter, wall_ms=HOUR_0)
        apply_records(late_exporter, flush)
    for state in (early_exporter, late_exporter):
        assert shown_channels(refresh(state, wall_ms=HOUR_0 + MINUTE)) == {"b": 5, "d": 5, "__other__": 14}
        assert shown_channels(refresh(state, wall_ms=HOUR_0 + HOUR)) == {"b": 5, "e": 9, "__other__": 10}


def test_the_limit_of_series_holds_and_expands_again() -> None:
    """The smallest label sets are folded. An hour later all that fit are shown again."""
    config = {
        "CXGAUGE_METRICS_WINDOWS": '["1h"]',
        "CXGAUGE_METRICS_VIEWS": '{"total": [], "channel": ["channel"]}',
    }
    without_events, with_one_channel = (
        count_series(exporter(**config), events) for events in ([], channel_answers(a=1))
    )
    max_series = without_events + 3 * (with_one_channel - without_events)

    capped = exporter(**config, CXGAUGE_EXPORTER_MAX_SERIES=str(int(max_series)))
    worker = Worker(capped)
    later = HOUR_0 + 30 * MINUTE
    apply_records(
        capped, worker(channel_answers(a=5, b=4) + channel_answers(later, c=3, d=1, e=2), clock=later)
    )
    series = refresh(capped, wall_ms=later)
    assert channels(series) == {"a", "b", "__other__"}
    assert series["cx_series"] <= max_series
    assert series["cx_series_folded_total"] == 3
    series = refresh(capped, wall_ms=HOUR_0 + 70 * MINUTE)
    assert channels(series) == {"c", "d", "e"}
    assert series["cx_series"] <= max_series


def count_series(state: ExporterState, events: list[Event]) -> float:
    """Return the number of series with these events."""
    apply_records(state, Worker(state)(events))
    return refresh(state, wall_ms=HOUR_0)["cx_series"]


def channels(series: dict[str, float]) -> set[str]:
    """Return the channels with series of the window itself."""
    return {name.split('"')[3] for name in series if 'view="channel"' in name and "_previous{" not in name}
