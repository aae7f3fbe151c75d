"""Simulated customers of the shop who join, buy, call, open tickets and leave.

The same seed gives the same events.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from random import Random

from schemas.customers import CustomerActivated, CustomerChurned, PurchaseCompleted
from schemas.feedback import FeedbackSubmitted
from schemas.tickets import InteractionHandled, TicketCreated, TicketMessage, TicketStatus
from stream.demo.departures import CHURN_RATES, SATISFIED_RATES, Spell, spells
from stream.demo.story import CHANNELS, DAY, HISTORY, MINUTE, SECOND, TOUCHPOINTS, TimedEvent

CUSTOMERS, ORDERS, TICKETS, CALLS = 1_000, 600, 600, 300
JOINED = 31 * DAY
"""Minimum age in ms of a customer's activation: before the longest window, within the retention of the
topics."""
TARGET = 60 * MINUTE
"""Time in ms within which a first response is in time, by default."""
REASONS = {"price": 4, "moved": 3, "competitor": 2, "payment failed": 1}


class Business:
    """A shop with a seeded random generator.

    `channels` are the channels of the customers who have not left.
    """

    def __init__(self, seed: int = 1, name: str = "shop") -> None:
        self.channels: dict[str, str] = {}
        self._name = name
        self._random = Random(seed)
        self._tickets = 0

    def history(self, now: int, answers: Iterable[TimedEvent] = ()) -> list[TimedEvent]:
        """Return all events up to `now` (ms), sorted by time.

        Customers leave at hidden rates by the class of their `answers` to NPS, see `departures`.
        """
        events = chain(
            self._join(now), self._leave(now, answers), self._buy(now), self._call(now), self._ask(now)
        )
        return sorted((event for event in events if event.time <= now), key=lambda event: event.time)

    def passing(self, now: int) -> list[TimedEvent]:
        """Return the events up to `now` (ms) of a ticket, in one of five calls on average.

        The ticket was created ten minutes ago and is answered now.
        """
        if self._random.random() > 0.2:
            return []
        customer = f"customer-{self._random.randrange(CUSTOMERS)}"
        events = self.ticket(now - 10 * MINUTE, now, self._pick(CHANNELS), customer)
        return [event for event in events if event.time <= now]

    def ticket(self, created: int, answered: int, channel: str, customer: str) -> Iterator[TimedEvent]:
        """Yield the events of a ticket that is answered at `answered` (ms) and solved later."""
        self._tickets += 1
        ticket = f"{self._name}-ticket-{self._tickets}"
        touchpoint = self._pick(TOUCHPOINTS)
        yield TimedEvent(
            created,
            f"{ticket}-created",
            TicketCreated(ticket_id=ticket, customer_id=customer, channel=channel, touchpoint=touchpoint),
        )
        message = TicketMessage(ticket_id=ticket, message_id="1", author="agent", customer_id=customer)
        yield TimedEvent(answered, f"{ticket}-answered", message)
        solved = TicketStatus(ticket_id=ticket, status="solved", by="agent", customer_id=customer)
        yield TimedEvent(answered + self._random.randint(1, 90) * MINUTE, f"{ticket}-solved", solved)

    def _join(self, now: int) -> Iterator[TimedEvent]:
        for number in range(CUSTOMERS):
            customer, channel = f"customer-{number}", self._pick(CHANNELS)
            self.channels[customer] = channel
            joined_at = now - JOINED - self._random.randrange(7 * DAY)
            yield TimedEvent(
                joined_at, f"{customer}-joined", CustomerActivated(customer_id=customer, channel=channel)
            )

    def _leave(self, now: int, answers: Iterable[TimedEvent]) -> Iterator[TimedEvent]:
        start = now - HISTORY
        by_customer = spells(answers, start)
        for customer, channel in list(self.channels.items()):
            for spell in by_customer.get(customer, [Spell("none", start, None)]):
                if self._random.random() < CHURN_RATES[spell.name]:
                    end = now if spell.end is None else spell.end
                    left_at = spell.start + int(self._random.random() * (end - spell.start))
                    yield from self._farewell(customer, channel, left_at)
                    break

    def _farewell(self, customer: str, channel: str, left_at: int) -> Iterator[TimedEvent]:
        """Yield a churn and, for every second customer, an exit answer within the hour."""
        del self.channels[customer]
        reason = self._pick(REASONS)
        churned = CustomerChurned(customer_id=customer, reason=reason, voluntary=reason != "payment failed")
        yield TimedEvent(left_at, f"{customer}-left", churned)
        if self._random.random() < 0.5:
            said = FeedbackSubmitted(
                feedback_id=f"{customer}-exit",
                survey="exit",
                score=None,
                reasons=(reason,),
                customer_id=customer,
                channel=channel,
            )
            yield TimedEvent(left_at + self._random.randrange(60 * MINUTE), f"{customer}-exit", said)

    def _buy(self, now: int) -> Iterator[TimedEvent]:
        for number in range(ORDERS):
            order, customer = f"{self._name}-order-{number}", self._random_customer()
            bought = PurchaseCompleted(
                order_id=order,
                customer_id=customer,
                amount_minor=self._random.randint(500, 20_000),
                currency="EUR",
            )
            yield TimedEvent(now - self._random_age(), order, bought)

    def _call(self, now: int) -> Iterator[TimedEvent]:
        for number in range(CALLS):
            call, customer = f"{self._name}-call-{number}", self._random_customer()
            handled = InteractionHandled(
                interaction_id=call,
                customer_id=customer,
                talk_s=round(self._random.lognormvariate(5, 0.6), 3),
                hold_s=self._random.randrange(60),
                wrap_s=self._random.randrange(10, 90),
                wait_s=round(self._random.lognormvariate(2.5, 0.8), 3),
                channel="phone",
            )
            yield TimedEvent(now - self._random_age(), call, handled)

    def _ask(self, now: int) -> Iterator[TimedEvent]:
        for _ in range(TICKETS):
            customer, created = self._random_customer(), now - self._random_age()
            patience = int(self._random.lognormvariate(0, 0.7) * 12 * MINUTE) + SECOND
            events = list(self.ticket(created, created + patience, self.channels[customer], customer))
            yield from events
            yield from self._rate(events[-1], customer, late=patience > TARGET)

    def _rate(self, solved: TimedEvent, customer: str, *, late: bool) -> Iterator[TimedEvent]:
        """Yield an answer to CSAT about a solved ticket: about every late one, and four of ten others."""
        rate = SATISFIED_RATES["late" if late else "in_time"]
        scores = (4, 5) if self._random.random() < rate else (1, 2, 3)
        score, answered_at = self._random.choice(scores), solved.time + self._random.randint(1, 60) * MINUTE
        if late or self._random.random() < 0.4:
            ticket: str = solved.data.ticket_id  # type: ignore[attr-defined]  # it is a status
            rated = FeedbackSubmitted(
                feedback_id=f"{ticket}-rated",
                survey="csat",
                score=score,
                ticket_id=ticket,
                customer_id=customer,
                channel=self.channels[customer],
                touchpoint="support",
            )
            yield TimedEvent(answered_at, f"{ticket}-rated", rated)

    def _random_customer(self) -> str:
        return self._random.choice(list(self.channels))

    def _random_age(self) -> int:
        """Return a random age in ms. Recent ages are more likely, so that short windows have events."""
        return int(HISTORY * self._random.random() ** 2)

    def _pick(self, weighted: dict[str, int]) -> str:
        return self._random.choices(list(weighted), list(weighted.values()))[0]
