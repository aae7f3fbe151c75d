"""What else the shop's customers did: they joined, bought, called, opened tickets and left. The same seed, the same."""

from collections.abc import Iterator
from itertools import chain
from random import Random

from schemas.customers import CustomerActivated, CustomerChurned, PurchaseCompleted
from schemas.tickets import InteractionHandled, TicketCreated, TicketMessage, TicketStatus
from stream.demo.story import CHANNELS, DAY, HISTORY, MINUTE, SECOND, TOUCHPOINTS, TimedEvent

CUSTOMERS, CHURNS, ORDERS, TICKETS, CALLS = 1_000, 40, 600, 600, 300
JOINED = 31 * DAY
"""All joined before the longest window, and not longer ago than Kafka keeps events."""
REASONS = {"price": 4, "moved": 3, "competitor": 2, "payment failed": 1}


class Business:
    """One source of chance, one shop. `channels`: of each customer who has not left."""

    def __init__(self, seed: int = 1, name: str = "shop") -> None:
        self.channels: dict[str, str] = {}
        self._name = name
        self._chance = Random(seed)
        self._tickets = 0

    def history(self, now: int) -> list[TimedEvent]:
        """Everything up to `now` (ms), sorted by time."""
        events = chain(self._join(now), self._leave(now), self._buy(now), self._call(now), self._ask(now))
        return sorted((event for event in events if event.time <= now), key=lambda event: event.time)

    def passing(self, now: int) -> list[TimedEvent]:
        """Now and then a ticket of ten minutes ago that is answered at this moment, so that tickets go on, too."""
        if self._chance.random() > 0.2:
            return []
        customer = f"customer-{self._chance.randrange(CUSTOMERS)}"
        events = self.ticket(now - 10 * MINUTE, now, self._pick(CHANNELS), customer)
        return [event for event in events if event.time <= now]

    def ticket(self, created: int, answered: int, channel: str, customer: str) -> Iterator[TimedEvent]:
        """A ticket that waits for its first answer until then; solved some time after it."""
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
        yield TimedEvent(answered + self._chance.randint(1, 90) * MINUTE, f"{ticket}-solved", solved)

    def _join(self, now: int) -> Iterator[TimedEvent]:
        for number in range(CUSTOMERS):
            customer, channel = f"customer-{number}", self._pick(CHANNELS)
            self.channels[customer] = channel
            at = now - JOINED - self._chance.randrange(7 * DAY)
            yield TimedEvent(
                at, f"{customer}-joined", CustomerActivated(customer_id=customer, channel=channel)
            )

    def _leave(self, now: int) -> Iterator[TimedEvent]:
        for customer in self._chance.sample(list(self.channels), CHURNS):
            del self.channels[customer]
            reason = self._pick(REASONS)
            churned = CustomerChurned(
                customer_id=customer, reason=reason, voluntary=reason != "payment failed"
            )
            yield TimedEvent(now - self._chance.randrange(HISTORY), f"{customer}-left", churned)

    def _buy(self, now: int) -> Iterator[TimedEvent]:
        for number in range(ORDERS):
            order, customer = f"{self._name}-order-{number}", self._anyone()
            bought = PurchaseCompleted(
                order_id=order,
                customer_id=customer,
                amount_minor=self._chance.randint(500, 20_000),
                currency="EUR",
            )
            yield TimedEvent(now - self._age(), order, bought)

    def _call(self, now: int) -> Iterator[TimedEvent]:
        for number in range(CALLS):
            call, customer = f"{self._name}-call-{number}", self._anyone()
            handled = InteractionHandled(
                interaction_id=call,
                customer_id=customer,
                talk_s=round(self._chance.lognormvariate(5, 0.6), 3),
                hold_s=self._chance.randrange(60),
                wrap_s=self._chance.randrange(10, 90),
                channel="phone",
            )
            yield TimedEvent(now - self._age(), call, handled)

    def _ask(self, now: int) -> Iterator[TimedEvent]:
        for _ in range(TICKETS):
            customer, created = self._anyone(), now - self._age()
            patience = int(self._chance.lognormvariate(0, 0.7) * 12 * MINUTE) + SECOND
            yield from self.ticket(created, created + patience, self.channels[customer], customer)

    def _anyone(self) -> str:
        return self._chance.choice(list(self.channels))

    def _age(self) -> int:
        """The nearer the denser, so that short windows have something."""
        return int(HISTORY * self._chance.random() ** 2)

    def _pick(self, weighted: dict[str, int]) -> str:
        return self._chance.choices(list(weighted), list(weighted.values()))[0]
