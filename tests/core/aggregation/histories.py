"""Seeded events of answers, tickets and customers.

Every event has its own natural key, so that their order does not matter.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from schemas.feedback import FeedbackSubmitted
from tests.core.aggregation.customers import events as customer
from tests.core.aggregation.tickets import events as ticket
from tests.support import DAY, HOUR, MINUTE, Event

SPAN = 20 * DAY
"""The age of the oldest event at `now`. It is shorter than every retention."""


def answers(random: Random, n: int, people: int, now: int) -> Iterator[Event]:
    """Yield `n` answers of the customers of `customers`, with records up to 2 d later."""
    for i in range(n):
        at, stamp = _times(random, now)
        survey = random.choice(["nps", "nps", "csat", "exit"])
        data = FeedbackSubmitted(
            feedback_id=f"f{i}",
            survey=survey,
            score=None if survey == "exit" else random.choice([1, 4, 5]),
            customer_id=f"c{random.randrange(people)}",
            reasons=random.choice([(), ("price",)]),
            ticket_id=random.choice([None, f"t{random.randrange(4)}"]),
        )
        yield Event(data, at, stamp, f"f{i}")


def tickets(random: Random, n: int, people: int, now: int) -> Iterator[Event]:
    """Yield `n` events of three tickets per person and of interactions, with records up to 2 d later."""
    for i in range(n):
        at, stamp = _times(random, now)
        customer_id = f"p{random.randrange(people)}"
        name = f"{customer_id} {random.randrange(3)}"
        yield _ticket_event(random, i, at, name, customer_id=customer_id)._replace(stamp=stamp, id=f"e{i}")


def _times(random: Random, now: int) -> tuple[int, int]:
    at = now - random.randrange(SPAN)
    return at, min(now, at + random.choice([0, 5 * MINUTE, 3 * HOUR, 2 * DAY]))


def random_dimensions(random: Random) -> dict[str, Any]:
    dimensions = {
        "channel": random.choice(["web", "app", None]),
        "touchpoint": random.choice(["help", "shop", None]),
        "topic": random.choice(["bill", None]),
    }
    return {name: value for name, value in dimensions.items() if value is not None}


def _ticket_event(random: Random, i: int, at: int, name: str, **customer_id: str) -> Event:
    kind = random.choices(list(TICKET_EVENTS), TICKET_WEIGHTS)[0]
    return TICKET_EVENTS[kind](random, i, at, name, customer_id)


TICKET_EVENTS: dict[str, Callable[[Random, int, int, str, dict[str, str]], Event]] = {
    "created": lambda random, _, at, name, customer_id: ticket.created(
        at,
        name,
        opened_by=random.choice(["customer", "customer", "agent"]),
        **random_dimensions(random),
        **customer_id,
    ),
    "message": lambda random, i, at, name, customer_id: ticket.message(
        at, random.choice(["agent", "agent", "customer", "bot"]), name, message_id=f"m{i}", **customer_id
    ),
    "status": lambda random, _, at, name, customer_id: ticket.status(
        at,
        random.choice(["open", "pending", "solved", "solved", "closed"]),
        name,
        by=random.choice([None, "agent", "bot", "timeout"]),
        **customer_id,
    ),
    "handoff": lambda _, __, at, name, customer_id: ticket.handoff(at, name, **customer_id),
    "updated": lambda random, _, at, name, customer_id: ticket.updated(
        at, name, **random_dimensions(random), **customer_id
    ),
    "handled": lambda random, i, at, _, customer_id: ticket.handled(
        at, random.randrange(900), random.randrange(60), interaction_id=f"i{i}", channel="web", **customer_id
    ),
    "merged": lambda _, __, at, name, customer_id: ticket.merged(at, name, **customer_id),
    "deleted": lambda _, __, at, name, customer_id: ticket.deleted(at, name, **customer_id),
}
TICKET_WEIGHTS = (25, 30, 25, 5, 7, 6, 1, 1)


def customers(random: Random, n: int, people: int, now: int) -> Iterator[Event]:
    """Yield at most `n` events of customers (lives, money, referrals, tickets, answers), with records up to 2 d later."""
    known = set()
    for i in range(n):
        at, stamp = _times(random, now)
        kind = random.choices(list(CUSTOMER_EVENTS), CUSTOMER_WEIGHTS)[0]
        event = CUSTOMER_EVENTS[kind](random, i, at, f"c{random.randrange(people)}")
        natural_key = (event.data.customer_id, event.data.TYPE, getattr(event.data, "referral_id", str(i)))
        if kind == "responded":
            natural_key = natural_key[:2]
        if natural_key not in known:
            known.add(natural_key)
            yield event._replace(stamp=stamp, id=f"e{i}")


def _joined(random: Random, i: int, at: int, customer_id: str) -> Event:
    survey, answer_class = random.choice(
        [
            ("nps", "promoter"),
            ("nps", "detractor"),
            ("csat", "satisfied"),
            ("csat", "dissatisfied"),
            ("exit", None),
        ]
    )
    return customer.joined(
        customer_id,
        f"{survey}{random.randrange(2)}",
        survey,
        at,
        number=i,
        answer_class=answer_class,
        ticket_id=random.choice([None, f"t{random.randrange(4)}"]),
        reasons=random.choice([(), ("price",)]),
        counts=random.choice([True, True, True, False]),
        gone=random.choice([False, False, False, True]),
    )


CUSTOMER_EVENTS: dict[str, Callable[[Random, int, int, str], Event]] = {
    "activated": lambda random, _, at, customer_id: customer.activated(
        customer_id,
        at,
        margin_rate=random.choice([None, 0.25]),
        plan=random.choice([None, "pro"]),
        channel=random.choice(["web", "app", None]),
        touchpoint=random.choice(["help", None]),
    ),
    "updated": lambda random, _, at, customer_id: customer.updated(
        customer_id, at, channel=random.choice(["web", "app"])
    ),
    "notice": lambda _, __, at, customer_id: customer.notice(customer_id, at, at + DAY),
    "withdrawn": lambda _, __, at, customer_id: customer.withdrawn(customer_id, at),
    "churned": lambda random, _, at, customer_id: customer.churned(
        customer_id, at, reason=random.choice(["price", None]), voluntary=random.choice([True, False])
    ),
    "bought": lambda random, i, at, customer_id: customer.bought(
        customer_id, f"o{i}", random.randrange(10_000), at, currency=random.choice(["EUR", "JPY"])
    ),
    "refunded": lambda random, i, at, customer_id: customer.refunded(
        customer_id, f"b{i}", random.randrange(1_000), at
    ),
    "referral": lambda random, _, at, customer_id: customer.referral(
        random.choice(["sent", "converted", "converted", "reversed"]),
        customer_id,
        f"r{random.randrange(4)}",
        at,
    ),
    "responded": lambda _, __, at, customer_id: customer.responded(customer_id, at),
    "summarized": lambda random, i, at, customer_id: customer.solved(
        f"t{random.randrange(4)}",
        at,
        at - random.choice([0, HOUR, DAY]),
        number=i,
        customer_id=random.choice([customer_id, None]),
        one_contact=random.choice([True, True, False]),
        gone=random.choice([False, False, True]),
    ),
    "joined": _joined,
}
CUSTOMER_WEIGHTS = (25, 5, 6, 3, 14, 30, 5, 15, 5, 20, 25)
