"""Random histories of a few customers, and their conversion to events."""

from typing import Any

from hypothesis import strategies as st

from tests.core.aggregation.customers import events as make
from tests.core.aggregation.customers import oracle
from tests.core.aggregation.customers.oracle import OracleEvent
from tests.support import DAY, HOUR, MINUTE, NOW, Event

KINDS = (
    *("on", "on", "on", "update", "update", "notice", "withdraw", "off", "off"),
    *("buy", "buy", "refund", "sent", "converted", "converted", "reversed", "responded"),
    *("ticket", "ticket", "ticket"),
)
dims = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["web", "app"]),
        "plan": st.sampled_from(["free", "pro"]),
        "region": st.sampled_from(["eu", "us"]),
    },
)
ticket_dims = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["web", "app"]),
        "ticket_topic": st.sampled_from(["bill", "login"]),
        "region": st.sampled_from(["eu", "us"]),
    },
)
DIMENSIONS = ("channel", "plan", "ticket_topic")
"""Dimensions that are fields. The others are labels."""
lags = st.one_of(
    st.just(0),
    st.integers(-5 * MINUTE, 0),
    st.integers(0, 3 * HOUR),
    st.integers(0, 20 * DAY),
)
gaps = st.one_of(
    st.integers(0, 10 * MINUTE),
    st.integers(0, 30 * HOUR),
    st.integers(0, 15 * DAY),
    st.just(39 * DAY),
)


@st.composite
def oracle_events(draw: st.DrawFn, number: int, stamp: int, moments: list[int]) -> OracleEvent:
    """Draw one event, up to 20 d older than its record, so that no event belongs to forgotten state.

    Some are of the moment of an earlier one.
    """
    kind = draw(st.sampled_from(KINDS))
    same = [at for at in moments if stamp - 20 * DAY <= at]
    at = draw(st.sampled_from(same)) if same and draw(st.booleans()) else stamp - draw(lags)
    event: OracleEvent = {
        "kind": kind,
        "customer": draw(st.sampled_from("ab")),
        "at": at,
        "stamp": stamp,
        "id": draw(st.sampled_from("xyz")) + f"{number:03}",
    }
    if kind in ("on", "update"):
        event |= {
            "dims": draw(dims),
            "margin": draw(st.none() | st.sampled_from([0.0, 0.25, 0.3333, 1.0])),
        }
    elif kind == "off":
        event |= {
            "reason": draw(st.none() | st.sampled_from(["price", "moved"])),
            "voluntary": draw(st.booleans()),
        }
    elif kind in ("buy", "refund"):
        event |= {
            "amount": draw(st.integers(0, 10_000)),
            "currency": draw(st.sampled_from(["EUR", "JPY"])),
            "order": event["id"],
        }
    elif kind in ("sent", "converted", "reversed"):
        event |= {"referral": f"{draw(st.sampled_from('pq'))}{stamp // (30 * DAY)}"}
    elif kind == "ticket":
        event |= draw(summaries(number, at, moments))
    return event


@st.composite
def summaries(draw: st.DrawFn, number: int, at: int, moments: list[int]) -> OracleEvent:
    """Draw the fields of a ticket's summary. Tickets are created and solved at moments of other events, or near a week off."""
    days = st.sampled_from([0, 1, 7 * DAY - 1, 7 * DAY, 7 * DAY + 1, HOUR])
    earlier = [moment for moment in moments if moment <= at]
    created = draw(st.sampled_from(earlier)) if earlier and draw(st.booleans()) else at - draw(days)
    solved = draw(st.none() | days.map(lambda gap: min(created + gap, at)))
    reopened = None if solved is None else draw(st.none() | days.map(lambda gap: solved + gap))
    resolved = solved is not None and (reopened is None or reopened > at)
    return {
        "ticket": draw(st.sampled_from("tuv")),
        "customer": draw(st.sampled_from(["a", "a", "b", None])),
        "number": number,
        "topic": draw(st.none() | st.just("bill")),
        "created": created,
        "solved": solved,
        "one_contact": solved is not None and draw(st.sampled_from([True, True, False])),
        "reopened": reopened,
        "resolved": resolved,
        "gone": draw(st.sampled_from([False, False, False, True])),
        "dims": draw(ticket_dims),
    }


@st.composite
def ticket_histories(draw: st.DrawFn) -> list[OracleEvent]:
    """Draw summaries of a few tickets with different numbers, in any order."""
    moments = [NOW - n * 7 * DAY - back for n in range(3) for back in (0, 1, 5 * MINUTE)]
    history: list[OracleEvent] = []
    for number in draw(st.permutations(range(draw(st.integers(1, 14))))):
        fields = draw(summaries(number, NOW, moments))
        history.append({"kind": "ticket", "at": NOW, "stamp": NOW, "id": f"{number}", **fields})
    return history


@st.composite
def histories(draw: st.DrawFn, max_size: int = 18, gap: st.SearchStrategy[int] = gaps) -> list[OracleEvent]:
    """Draw events in the order of their records, without two of one natural key that differ otherwise.

    Some are delivered more than once, also under an ID that is new, and sorts like the old one.
    """
    stamp, out, natural_keys, moments = NOW, [], set(), list[int]()
    for number in range(draw(st.integers(0, max_size))):
        stamp += draw(gap)
        event = draw(oracle_events(number, stamp, moments))
        moments.append(event["at"])
        natural_key = event["customer"], number if event["kind"] == "ticket" else oracle.natural_key(event)
        if natural_key not in natural_keys:
            natural_keys.add(natural_key)
            copies = [event, {**event, "id": event["id"] + "+"}, event]
            out += copies[: draw(st.sampled_from([1, 1, 1, 2, 3]))]
    return out


def typed(event: OracleEvent) -> Event:
    """Convert an event of the oracle to an event of the core."""
    kind, customer_id, at, stamp = event["kind"], event["customer"], event["at"], event["stamp"]
    return FACTORIES.get(kind, other_event)(event, customer_id, at)._replace(stamp=stamp, id=event["id"])


def ticket_event(event: OracleEvent, customer_id: str | None, at: int) -> Event:
    fields = ("created", "solved", "one_contact", "reopened", "resolved", "gone", "topic")
    return make.summarized(
        event["ticket"],
        customer_id,
        event["number"],
        at,
        **{name: event[name] for name in fields},
        **dimensions(event["dims"]),
    )


def dimensions(dims: dict[str, str]) -> dict[str, Any]:
    """Return dimensions as fields of an event."""
    fields: dict[str, Any] = {name: value for name, value in dims.items() if name in DIMENSIONS}
    return fields | {"labels": {name: value for name, value in dims.items() if name not in DIMENSIONS}}


def other_event(event: OracleEvent, customer_id: str, at: int) -> Event:
    if event["kind"] == "responded":
        return make.responded(customer_id, at)
    return make.referral(event["kind"], customer_id, event["referral"], at)


FACTORIES: dict[str, Any] = {
    "on": lambda event, customer_id, at: make.activated(
        customer_id, at, margin_rate=event["margin"], **dimensions(event["dims"])
    ),
    "update": lambda event, customer_id, at: make.updated(
        customer_id, at, margin_rate=event["margin"], **dimensions(event["dims"])
    ),
    "notice": lambda _, customer_id, at: make.notice(customer_id, at, at + DAY),
    "withdraw": lambda _, customer_id, at: make.withdrawn(customer_id, at),
    "off": lambda event, customer_id, at: make.churned(
        customer_id, at, reason=event["reason"], voluntary=event["voluntary"]
    ),
    "buy": lambda event, customer_id, at: make.bought(
        customer_id, event["order"], event["amount"], at, currency=event["currency"]
    ),
    "refund": lambda event, customer_id, at: make.refunded(
        customer_id, event["order"], event["amount"], at, currency=event["currency"]
    ),
    "ticket": ticket_event,
}
