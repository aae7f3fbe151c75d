"""The mappings that ship: each sample gives the expected events, and what a vendor's past repeats counts once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.envelope import Event, at_ms
from schemas.topics import topics_of
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.model.time_buckets import Window
from stream.importing.records import format_of
from stream.importing.translation import Translation
from stream.mapping import shipped
from stream.mapping.mapping import MappingError, load
from tests.support import DAY, aggregation_config, count
from tests.support import Event as Given

SAMPLES = Path(__file__).parents[2] / "deploy" / "examples" / "samples"
GOLDEN = Path(__file__).parent / "golden"
NAMES = shipped.names()
VENDORS = [name for name in NAMES if not name.endswith("-past")]
CONFIG = aggregation_config(windows=(Window("600d", 600 * DAY),))
"""Purchases are remembered for the longest window and eight days, so that they may be imported later."""
CHANGED_BY_THE_PAST = {
    "stripe": {"sub_example1/plan": "the first plan is unknown later"},
    "chatwoot": {
        "10/updated/1767870001": "team and priority of the last activity",
        "10/status/resolved/1767870001": "resolved at the last activity, again",
    },
    "zendesk": {
        "5159/merged": "deleted, because the other ticket is unknown",
        "5159/comment/7004": "not in the webhooks of the sample",
        "5159/status/closed/2026-01-08T12:05:00Z": "likewise",
    },
}
"""IDs of events of the past that change what the webhooks gave, with the reason."""


def sample_of(name: str) -> Path:
    """Return the sample of a mapping."""
    (path,) = SAMPLES.glob(f"{name}.json*")
    return path


def events_of(name: str) -> list[Event]:
    """Return the events of a sample, which has no errors."""
    errors: list[str] = []
    path = sample_of(name)
    events = list(Translation(path, load(name), format_of(path), errors.append))
    assert errors == []
    return events


def bodies_of(name: str) -> list[Any]:
    """Return the webhook bodies of a sample."""
    return [json.loads(line) for line in sample_of(name).read_text(encoding="utf-8").splitlines()]


def variants(value: Any) -> Iterator[Any]:
    """Yield a JSON value with one of its parts left out or replaced, for each part."""
    if isinstance(value, dict):
        for name, part in value.items():
            rest = {other: value[other] for other in value if other != name}
            yield rest
            yield from (
                rest | {name: changed} for changed in (None, [], {}, "", "x", 1e300, True, *variants(part))
            )
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from (
                [*value[:number], changed, *value[number + 1 :]] for changed in (None, 7, *variants(part))
            )


def counted(events: list[Event]) -> list[tuple[int, Any]]:
    """Return the number of accepted events and all panes, by domain, as the workers count them."""
    by_domain: dict[str, list[Given]] = {domain.name: [] for domain in DOMAIN_REGISTRY}
    for event in events:
        given = Given(event.data, at_ms(event), at_ms(event), event.id, event.source)
        by_domain[topics_of(type(event.data))[0].domain].append(given)
    tasks = [count(domain, by_domain[domain.name], CONFIG) for domain in DOMAIN_REGISTRY]
    return [(task.outcome_counts["accepted"], task.panes.blocks) for task in tasks]


def lines(events: list[Event]) -> list[str]:
    """Return a line for each event: its type, ID, time and data without defaults."""
    return [
        f"{event.data.TYPE} {event.id} {event.time:%Y-%m-%dT%H:%M:%S.%f} {fields(event.data)}"
        for event in events
    ]


def fields(data: Any) -> str:
    """Return the fields of data that are not None or empty, in their order."""
    values = ((name, getattr(data, name)) for name in data.__struct_fields__)
    return " ".join(f"{name}={value!r}" for name, value in values if value is not None and value != ())


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_gives_the_expected_events(name: str) -> None:
    assert lines(events_of(name)) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_makes_an_event_of_the_sample(name: str) -> None:
    """No rule is untried."""
    mapping, path = load(name), sample_of(name)
    untried = [rule.label for rule in mapping.rules]
    for rule in mapping.rules:
        taken: list[object] = []
        results = rule.results

        def recording(*arguments: Any, results: Any = results, taken: Any = taken) -> Any:
            made_events = list(results(*arguments))
            taken.extend(made_events)
            return iter(made_events)

        rule.results = recording  # type: ignore[method-assign]
        list(Translation(path, mapping, format_of(path), print))
        if taken:
            untried.remove(rule.label)
    assert untried == []


@pytest.mark.parametrize("name", VENDORS)
def test_the_past_of_what_webhooks_sent_counts_once(name: str) -> None:
    """Its events are duplicates, except those that the webhooks of the sample did not send or sent differently."""
    live, past = events_of(name), events_of(f"{name}-past")
    changing = [event for event in past if event.id in CHANGED_BY_THE_PAST.get(name, {})]
    assert len(changing) == len(CHANGED_BY_THE_PAST.get(name, {}))
    assert len(past) > len(changing)
    assert counted(live + past) == counted(live + changing)
    known = {(event.data.TYPE, event.id) for event in live}
    repeated = [event for event in past if event not in changing]
    assert {(event.data.TYPE, event.id) for event in repeated} <= known


@pytest.mark.parametrize("name", VENDORS)
def test_other_payloads_are_ignored(name: str) -> None:
    """Vendors add topics and fields, and switch webhooks off on errors."""
    mapping = load(name)
    others = [body for other in VENDORS if other != name for body in bodies_of(other)]
    assert len(others) > 50
    for body in (*others, {}, {"type": "new"}, {"event": None, "data": None}, []):
        assert mapping.events(body) == []


@pytest.mark.parametrize("name", VENDORS)
def test_fields_that_are_missing_or_odd_raise_nothing(name: str) -> None:
    """Each field of each body is left out, or has another type. The results are events and errors."""
    mapping = load(name)
    for body in bodies_of(name):
        for changed in variants(body):
            assert all(isinstance(result, Event | MappingError) for result in mapping.events(changed))


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0, 1, 0)])
def test_stripe_events_of_one_second_in_any_order_are_one_active_customer(order: tuple[int, ...]) -> None:
    """`updated`, active, may come before `created`, incomplete, and twice."""
    bodies = bodies_of("stripe")
    assert [body["data"]["object"]["status"] for body in bodies[:2]] == ["active", "incomplete"]
    mapping = load("stripe")
    events = [event for number in order for event in mapping.events(bodies[number])]
    assert all(isinstance(event, Event) for event in events)
    (expected,) = [event for event in events if event.data.TYPE == "cx.customer.activated.v1"][:1]  # type: ignore[union-attr]
    assert counted(events)[2] == counted([expected, *mapping.events(bodies[1])])[2]  # type: ignore[arg-type, list-item]


@pytest.mark.parametrize("name", NAMES)
def test_a_mapping_says_what_a_user_must_know(name: str) -> None:
    """Settings, what was not checked, and what the vendor cannot tell."""
    text = shipped.resolve(name).read_text(encoding="utf-8")
    comments = " ".join(line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#"))
    assert "nverified: " in comments
    assert "cannot tell" in comments
    assert "Settings in " in comments if name in VENDORS else "GET " in comments
    assert shipped.title(name)
