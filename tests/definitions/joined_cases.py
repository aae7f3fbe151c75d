"""Events of few customers in short words, and the series that both the pipeline and the oracle give for them."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from tests.core.aggregation.pipeline import Pipeline, Series
from tests.definitions.joined import differences, joined_figures
from tests.definitions.joined_events import JoinedEvent, time_text
from tests.definitions.joined_reading import JoinedSettings
from tests.definitions.settings import DAY, HOUR
from tests.definitions.test_joined import env
from tests.support import NOW

START = NOW // HOUR * HOUR + HOUR - 7 * DAY
"""The start of the window of 7 d at `NOW`."""
SETTINGS = JoinedSettings()
_NUMBERS = count()


def ago(days: float, ms: int = 0) -> int:
    """Return a time of some days before `NOW`, and some ms later."""
    return NOW - round(days * DAY) + ms


def event(kind: str, at: int, **data: Any) -> JoinedEvent:
    """Return an event that was read at `NOW`, with an ID of its own."""
    return JoinedEvent(kind, at, NOW, f"e{next(_NUMBERS):04}", data)


def on(at: int, customer: str = "c", **data: Any) -> JoinedEvent:
    """Return an activation."""
    return event("activated", at, customer_id=customer, **data)


def off(at: int, customer: str = "c") -> JoinedEvent:
    """Return a churn."""
    return event("churned", at, customer_id=customer)


def nps(at: int, score: int | None, name: str = "f", customer: str | None = "c", **data: Any) -> JoinedEvent:
    return event("submitted", at, feedback_id=name, survey="nps", score=score, customer_id=customer, **data)


def csat(at: int, score: int | None, name: str = "f", customer: str | None = "c", **data: Any) -> JoinedEvent:
    return event("submitted", at, feedback_id=name, survey="csat", score=score, customer_id=customer, **data)


def leaving(
    at: int, *reasons: str, name: str = "f", score: int | None = None, customer: str = "c", revision: int = 0
) -> JoinedEvent:
    """Return an exit answer."""
    answer = {"feedback_id": name, "survey": "exit", "score": score, "reasons": list(reasons)}
    return event("submitted", at, **answer, customer_id=customer, revision=revision)


def without(at: int, name: str = "f") -> JoinedEvent:
    """Return the deletion of an answer."""
    return event("withdrawn_answer", at, feedback_id=name)


def bought(at: int, amount: int, customer: str = "c", currency: str = "EUR") -> JoinedEvent:
    order = f"o{next(_NUMBERS)}"
    return event("bought", at, order_id=order, customer_id=customer, amount_minor=amount, currency=currency)


def refunded(at: int, amount: int, customer: str = "c", currency: str = "EUR") -> JoinedEvent:
    refund = {"order_id": "o", "refund_id": f"r{next(_NUMBERS)}"}
    return event("refunded", at, **refund, customer_id=customer, amount_minor=amount, currency=currency)


def ticket(at: int, name: str = "t", customer: str | None = "c", **data: Any) -> JoinedEvent:
    """Return the creation of a ticket."""
    return event("created", at, ticket_id=name, customer_id=customer, **data)


def reply(at: int, name: str = "t", **data: Any) -> JoinedEvent:
    """Return a public message of an agent."""
    return event("message", at, ticket_id=name, message_id=f"m{next(_NUMBERS)}", author="agent", **data)


def status(at: int, text: str, name: str = "t") -> JoinedEvent:
    return event("status", at, ticket_id=name, status=text)


def later(at: int) -> dict[str, str]:
    """Return the transaction time of an answer given before it."""
    return {"transaction_time": time_text(at)}


def series_of_case(*events: JoinedEvent, settings: JoinedSettings = SETTINGS, now: int = NOW) -> Series:
    """Return the series of events, which must not depend on their order, and must be those of the oracle."""
    expected = joined_figures(events, now, settings)
    for ordered in orders_of(events):
        pipeline = Pipeline(**env(settings))
        for published in ordered:
            pipeline.publish(published.wire(), published.stamp)
            pipeline.run()
        assert differences(expected, pipeline.series(now)) == []
    return expected


def exposed_series(*events: JoinedEvent, **changes: str) -> Series:
    """Return the series of the pipeline alone, of events that are read one after the other.

    `changes` are other settings, as environment variables.
    """
    pipeline = Pipeline(**(env(SETTINGS) | changes))
    for published in events:
        pipeline.publish(published.wire(), published.stamp)
        pipeline.run()
    return pipeline.series(NOW)


def orders_of(events: tuple[JoinedEvent, ...]) -> Iterator[list[JoinedEvent]]:
    """Yield the order given, the reverse, and the two in which the second half comes first."""
    half = len(events) // 2
    for ordered in (list(events), [*events[half:], *events[:half]]):
        yield ordered
        yield ordered[::-1]


def values(series: Series, name: str, label: str, *, view: str = "total", **labels: str) -> dict[str, float]:
    """Return the values of a series by one label, without zeros. `labels` are the others, by default of 7 d."""
    wanted = {"view": view, **labels}
    if name.removeprefix("cx_class_") != "customers" and "clv" not in name:
        wanted.setdefault("window", "7d")
    return {
        dict(key)[label]: value
        for key, value in series.get(name, {}).items()
        if value and {k: v for k, v in key if k != label} == wanted
    }
