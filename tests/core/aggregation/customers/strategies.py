"""Random histories of a few customers, and their conversion to events."""

from typing import Any

from hypothesis import strategies as st

from tests.core.aggregation.customers import events as make
from tests.core.aggregation.customers.oracle import OracleEvent
from tests.support import DAY, HOUR, MINUTE, NOW, Event

KINDS = ("on", "on", "on", "notice", "off", "off", "buy", "buy", "refund", "sent", "converted", "converted")
dims = st.fixed_dictionaries({}, optional={"channel": st.sampled_from(["web", "app"])})
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
def oracle_events(draw: st.DrawFn, number: int, stamp: int) -> OracleEvent:
    """Draw one event, up to 20 d older than its record, so that no event belongs to forgotten state."""
    kind = draw(st.sampled_from([*KINDS, "reversed", "responded"]))
    event: OracleEvent = {
        "kind": kind,
        "customer": draw(st.sampled_from("ab")),
        "at": stamp - draw(lags),
        "stamp": stamp,
        "id": draw(st.sampled_from("xyz")) + str(number),
    }
    if kind == "on":
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
        }
    elif kind in ("sent", "converted", "reversed"):
        event |= {"referral": f"{draw(st.sampled_from('pq'))}{stamp // (30 * DAY)}"}
    return event


@st.composite
def histories(draw: st.DrawFn, max_size: int = 18, gap: st.SearchStrategy[int] = gaps) -> list[OracleEvent]:
    """Draw events in the order of their records, without two different events of one natural key.

    Some are repeated.
    """
    stamp, out, natural_keys = NOW, [], set()
    for number in range(draw(st.integers(0, max_size))):
        stamp += draw(gap)
        event = draw(oracle_events(number, stamp))
        natural_key = (event["customer"], event["kind"], event.get("referral", event["id"]))
        if natural_key not in natural_keys:
            natural_keys.add(natural_key)
            out += [event] * draw(st.sampled_from([1, 1, 1, 2]))
    return out


def typed(event: OracleEvent) -> Event:
    """Convert an event of the oracle to an event of the core."""
    kind, customer_id, at, stamp = event["kind"], event["customer"], event["at"], event["stamp"]
    return FACTORIES.get(kind, other_event)(event, customer_id, at)._replace(stamp=stamp, id=event["id"])


def other_event(event: OracleEvent, customer_id: str, at: int) -> Event:
    if event["kind"] == "responded":
        return make.responded(customer_id, at)
    return make.referral(event["kind"], customer_id, event["referral"], at)


FACTORIES: dict[str, Any] = {
    "on": lambda event, customer_id, at: make.activated(
        customer_id, at, margin_rate=event["margin"], **event["dims"]
    ),
    "notice": lambda _, customer_id, at: make.notice(customer_id, at, at + DAY),
    "off": lambda event, customer_id, at: make.churned(
        customer_id, at, reason=event["reason"], voluntary=event["voluntary"]
    ),
    "buy": lambda event, customer_id, at: make.bought(
        customer_id, event["id"], event["amount"], at, currency=event["currency"]
    ),
    "refund": lambda event, customer_id, at: make.refunded(
        customer_id, event["id"], event["amount"], at, currency=event["currency"]
    ),
}
