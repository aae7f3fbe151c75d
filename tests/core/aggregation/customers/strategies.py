"""Random histories of a few customers, and how they become records."""

from typing import Any

from hypothesis import strategies as st

from tests.core.aggregation.customers import events as make
from tests.core.aggregation.customers.oracle import Happened
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
def happenings(draw: st.DrawFn, number: int, stamp: int) -> Happened:
    """One event; `lags` of up to 20 d behind its record, so that nothing comes for what has been forgotten."""
    kind = draw(st.sampled_from([*KINDS, "reversed", "responded"]))
    happened: Happened = {
        "kind": kind,
        "who": draw(st.sampled_from("ab")),
        "at": stamp - draw(lags),
        "stamp": stamp,
        "id": draw(st.sampled_from("xyz")) + str(number),
    }
    if kind == "on":
        happened |= {
            "dims": draw(dims),
            "margin": draw(st.none() | st.sampled_from([0.0, 0.25, 0.3333, 1.0])),
        }
    elif kind == "off":
        happened |= {
            "reason": draw(st.none() | st.sampled_from(["price", "moved"])),
            "voluntary": draw(st.booleans()),
        }
    elif kind in ("buy", "refund"):
        happened |= {
            "amount": draw(st.integers(0, 10_000)),
            "currency": draw(st.sampled_from(["EUR", "JPY"])),
        }
    elif kind in ("sent", "converted", "reversed"):
        happened |= {"one": f"{draw(st.sampled_from('pq'))}{stamp // (30 * DAY)}"}
    return happened


@st.composite
def histories(draw: st.DrawFn, most: int = 18, gap: st.SearchStrategy[int] = gaps) -> list[Happened]:
    """Events in the order of their records, no two different ones under one natural key, some repeated at once."""
    stamp, out, known = NOW, [], set()
    for number in range(draw(st.integers(0, most))):
        stamp += draw(gap)
        happened = draw(happenings(number, stamp))
        natural = (happened["who"], happened["kind"], happened.get("one", happened["id"]))
        if natural not in known:
            known.add(natural)
            out += [happened] * draw(st.sampled_from([1, 1, 1, 2]))
    return out


def typed(happened: Happened) -> Event:
    """The event as the core gets it."""
    kind, who, at, stamp = happened["kind"], happened["who"], happened["at"], happened["stamp"]
    return _MAKERS.get(kind, _other)(happened, who, at)._replace(stamp=stamp, id=happened["id"])


def _other(happened: Happened, who: str, at: int) -> Event:
    if happened["kind"] == "responded":
        return make.responded(who, at)
    return make.referral(happened["kind"], who, happened["one"], at)


_MAKERS: dict[str, Any] = {
    "on": lambda happened, who, at: make.activated(
        who, at, margin_rate=happened["margin"], **happened["dims"]
    ),
    "notice": lambda _, who, at: make.notice(who, at, at + DAY),
    "off": lambda happened, who, at: make.churned(
        who, at, reason=happened["reason"], voluntary=happened["voluntary"]
    ),
    "buy": lambda happened, who, at: make.bought(
        who, happened["id"], happened["amount"], at, currency=happened["currency"]
    ),
    "refund": lambda happened, who, at: make.refunded(
        who, happened["id"], happened["amount"], at, currency=happened["currency"]
    ),
}
