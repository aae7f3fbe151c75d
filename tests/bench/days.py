"""State of a partition over months: `python -m tests.bench.days`.

It is constant after the longest retention.
"""

import gc
from collections.abc import Iterator

from schemas.feedback import FeedbackSubmitted
from schemas.tickets import TicketCreated, TicketMessage, TicketStatus
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from tests.bench.recovery import resident
from tests.support import DAY, NOW, Event, aggregation_config, records

DAYS, EVERY, EVENTS, FLUSH = 160, 20, 3_000, 500


def answers(first: int, day: int) -> Iterator[Event]:
    """Yield new answers of a day, of 3,000 customers."""
    for i in range(first, first + EVENTS):
        at = NOW + day * DAY + (i - first) * DAY // EVENTS
        reasons = ("slow",) if i % 9 == 0 else ()
        customer_id, channel = f"c{i % 3_000}", f"ch{i % 5}"
        data = FeedbackSubmitted(
            feedback_id=f"r{i}",
            survey="nps",
            score=i % 11,
            customer_id=customer_id,
            channel=channel,
            reasons=reasons,
        )
        yield Event(data, at, at, f"e{i}")


def conversations(first: int, day: int) -> Iterator[Event]:
    """Yield tickets of a day with four events each, of 3,000 customers."""
    for i in range(first, first + EVENTS):
        at = NOW + day * DAY + (i - first) * DAY // EVENTS
        ids = {"ticket_id": f"t{i // 4}", "customer_id": f"c{i // 4 % 3_000}"}
        author = "agent" if i % 4 == 1 else "customer"
        data = [
            TicketCreated(channel=f"ch{i % 5}", topic="pay", **ids),
            TicketMessage(message_id=f"m{i}", author=author, public=True, **ids),  # type: ignore[arg-type]
            TicketMessage(message_id=f"m{i}", author=author, public=True, **ids),  # type: ignore[arg-type]
            TicketStatus(status="solved", by="agent", **ids),
        ][i % 4]
        yield Event(data, at, at, f"e{i}")


def main() -> None:
    gc.freeze()
    gc.set_threshold(50_000, 1_000, 1_000)
    for number, generate in ((0, answers), (1, conversations)):
        partition = PartitionTask(DOMAIN_REGISTRY[number], 0, 1, aggregation_config())
        for day in range(DAYS):
            day_records = records(generate(EVENTS * day, day), partition.next_offset)
            for i in range(0, len(day_records), FLUSH):
                batch = day_records[i : i + FLUSH]
                partition.process(batch, batch[-1].timestamp)
                partition.prepare_flush(batch[-1].timestamp, 0)
            if day % EVERY == EVERY - 1:
                print(
                    f"{partition.domain.name}, day {day + 1}: {len(partition.store.entities):,} entities, "
                    f"{len(partition.panes):,} blocks, {resident() / 1e6:.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
