"""The number of listed tickets and customers is that of the figures, whatever the history."""

import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import get_args

import pytest

from schemas.times import from_ms
from schemas.topics import DomainName
from stream.config.aggregation import aggregation_config
from stream.core.aggregation.task import Flush
from stream.core.model.listing import WINDOWED_LISTS, TicketListName, Wanted
from stream.core.model.time_buckets import Window
from stream.operations.listing.index import PREFIXES, ListIndex
from tests.core.aggregation.pipeline import Pipeline, Series
from tests.definitions.generator import NOWS, history, long_history, settings, with_erasures
from tests.definitions.joined_histories import joined_history, joined_settings, with_joined_erasures
from tests.definitions.settings import DAY, MINUTE
from tests.definitions.test_joined import env, publish

FIGURES: dict[TicketListName, str] = {
    "waiting": "cx_waiting_tickets",
    "awaiting-reply": "cx_awaiting_reply_tickets",
    "over-target": "cx_waiting_over_target_tickets",
    "reopened": "cx_reopenings",
    "orphans": "cx_orphan_tickets",
    "unanswered": "cx_resolved_unanswered_tickets",
}
VIEWS = ("channel", "team", "priority")
EVERYTHING = 1_000_000
WINDOW = Window("30d", 30 * DAY)


class ListedPipeline(Pipeline):
    """A pipeline whose state topics are read into an index."""

    def __init__(self, partitions: int = 1, **env: str) -> None:
        super().__init__(partitions, **env)
        self.config = aggregation_config(self.exporter.settings)
        self.index = ListIndex(self.config)

    def _show(self, domain: DomainName, number: int, flush: Flush) -> None:
        super()._show(domain, number, flush)
        if domain in PREFIXES:
            for key, raw in flush.state:
                self.index.apply(domain, number, key, raw)


def value(series: Series, name: str, **labels: str) -> float:
    """Return the sum of the series of a name that have these labels."""
    wanted = set(labels.items())
    return sum(n for key, n in series.get(name, {}).items() if wanted <= set(key))


def ticket_differences(pipeline: ListedPipeline, now: int, *, erased: bool) -> Iterator[str]:
    """Yield each list whose length is not the figure. An erasure leaves counts of windows, whose tickets are gone."""
    series = pipeline.series(now)
    for name in get_args(TicketListName):
        windows = pipeline.config.windows if name in WINDOWED_LISTS else pipeline.config.windows[:1]
        for window in windows:
            labels = {"window": window.label} if name in WINDOWED_LISTS else {}
            listing = pipeline.index.tickets(name, window, now, EVERYTHING, Wanted())()
            assert listing.total == len(listing.rows)
            counted = value(series, FIGURES[name], view="total", **labels)
            if listing.total != counted and not (
                erased and name in WINDOWED_LISTS and listing.total < counted
            ):
                yield f"{name} {labels}: {listing.total} listed, {counted} counted"
            if name == "orphans" or erased:
                continue
            for view in VIEWS:
                by_value = Counter(getattr(row, view) for row in listing.rows if getattr(row, view))
                counted_by = {
                    dict(key)[view]: n
                    for key, n in series.get(FIGURES[name], {}).items()
                    if n and {("view", view), *labels.items()} <= set(key)
                }
                if by_value != counted_by:
                    yield f"{name} {labels} by {view}: {by_value} listed, {counted_by} counted"


def leaving_differences(pipeline: ListedPipeline, now: int, *, erased: bool) -> Iterator[str]:
    """Yield each state and reason of customers whose number of rows is not the figure."""
    series = pipeline.series(now)
    for window in pipeline.config.windows:
        rows = pipeline.index.leaving(window, now, EVERYTHING)().rows
        scheduled = sum(row.state == "scheduled" for row in rows)
        counted = value(series, "cx_cancel_scheduled_customers", view="total")
        if scheduled != counted:
            yield f"{scheduled} notices listed, {counted} counted"
        churned = Counter(row.reason for row in rows if row.state == "churned")
        by_reason = {
            dict(key)["reason"]: n
            for key, n in series.get("cx_churned_customers", {}).items()
            if n and {("view", "total"), ("window", window.label)} <= set(key)
        }
        more = {reason: n for reason, n in churned.items() if n > by_reason.get(str(reason), 0)}
        if (churned != by_reason and not erased) or more:
            yield f"{window.label}: {churned} churns listed, {by_reason} counted"


def differences(seed: int, *, long: bool = False, erased: bool = False) -> Iterator[str]:
    """Yield the differences of the tickets of one history, in the middle and at the end."""
    random = Random(seed)
    now, configured = random.choice(NOWS), settings(random)
    events = (long_history if long else history)(random, now)
    if erased:
        events = with_erasures(random, events, now)
    pipeline = ListedPipeline(random.choice((1, 1, 3)), **configured.env())
    part = random.randrange(len(events))
    for first, last in ((0, part), (part, len(events))):
        for event in events[first:last]:
            pipeline.publish(event.wire(), event.stamp, partition=0)
        pipeline.run(random)
        yield from ticket_differences(pipeline, now, erased=erased)


def joined_differences(seed: int, *, erased: bool = False) -> Iterator[str]:
    """Yield the differences of tickets and customers of one history."""
    random = Random(seed)
    now, settings = random.choice(NOWS), joined_settings(random)
    events = joined_history(random, now, settings)
    if erased:
        events = with_joined_erasures(random, events, now)
    pipeline = ListedPipeline(random.choice((1, 2)), **env(settings))
    for event in events:
        publish(pipeline, event, random)
    pipeline.run(random)
    yield from ticket_differences(pipeline, now, erased=erased)
    yield from leaving_differences(pipeline, now, erased=erased)


@pytest.mark.parametrize("first_seed", range(0, 60, 5))
def test_as_many_tickets_as_the_figures_say(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert list(differences(seed)) == [], f"seed {seed}"


@pytest.mark.parametrize("first_seed", range(0, 10, 2))
def test_long_histories(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 2):
        assert list(differences(seed, long=True)) == [], f"seed {seed}"


@pytest.mark.parametrize("first_seed", range(0, 20, 5))
def test_erased_tickets_are_in_no_list(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert list(differences(seed, erased=True)) == [], f"seed {seed}"


@pytest.mark.parametrize("first_seed", range(0, 40, 5))
def test_as_many_customers_as_the_figures_say(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 5):
        assert list(joined_differences(seed)) == [], f"seed {seed}"
        assert list(joined_differences(seed, erased=True)) == [], f"seed {seed}"


def test_every_list_is_not_empty_in_some_history() -> None:
    seen = Counter[str]()
    for seed in range(10):
        random = Random(seed)
        now, configured = random.choice(NOWS), settings(random)
        pipeline = ListedPipeline(**configured.env())
        for event in history(random, now):
            pipeline.publish(event.wire(), event.stamp)
        pipeline.run(random)
        for name in get_args(TicketListName):
            seen[name] += len(pipeline.index.tickets(name, WINDOW, now, 5, Wanted())().rows)
    assert set(seen) == set(FIGURES)
    assert all(seen.values()), json.dumps(seen)


def test_over_target_begins_with_the_minute_of_the_figure() -> None:
    created = NOWS[0] + 1_234
    event = {
        "id": "e",
        "type": "cx.ticket.created.v1",
        "time": from_ms(created).isoformat(),
        "data": {"ticket_id": "t", "channel": "chat"},
    }
    pipeline = ListedPipeline()
    pipeline.publish(event, created)
    pipeline.run()
    listed = []
    for now in range(created + 59 * MINUTE, created + 64 * MINUTE, 5_000):
        assert list(ticket_differences(pipeline, now, erased=False)) == []
        listed.append(pipeline.index.tickets("over-target", WINDOW, now, None, Wanted())().total)
    assert set(listed) == {0, 1}
    assert sorted(listed) == listed


def test_a_customer_leaves_since_the_first_notice_that_stands() -> None:
    """A notice that was withdrawn does not count, nor does a repeated one. The figure counts the same moment."""
    day = NOWS[0] // DAY * DAY
    pipeline = ListedPipeline()
    kinds = ["activated", "cancel_scheduled", "cancel_withdrawn", "cancel_scheduled", "cancel_scheduled"]
    for number, kind in enumerate(kinds):
        event = {
            "id": f"e-{number}",
            "type": f"cx.customer.{kind}.v1",
            "time": from_ms(day + number * MINUTE).isoformat(),
            "data": {"customer_id": "c", "effective_at": from_ms(day + DAY).isoformat()},
        }
        pipeline.publish(event, day + number * MINUTE)
    pipeline.run()
    now = day + 6 * MINUTE
    (row,) = pipeline.index.leaving(WINDOW, now, EVERYTHING)().rows
    assert (row.state, row.since) == ("scheduled", day + 3 * MINUTE)
    hours_later = pipeline.series(row.since + 64 * MINUTE)
    labels = {"view": "total", "window": "1h"}
    assert value(hours_later, "cx_leaving_customers", **labels) == 0, "counted at a later notice"
    assert value(pipeline.series(now), "cx_leaving_customers", **labels) == 1
