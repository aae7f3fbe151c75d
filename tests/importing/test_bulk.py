"""Events in batches built here give the same records as single ones."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from aiokafka import ConsumerRecord
from click.testing import CliRunner

from schemas.codec import CONTENT_TYPE, make
from schemas.customers import CustomerErased
from schemas.envelope import Event
from schemas.feedback import FeedbackSubmitted
from schemas.tickets import TicketCreated, TicketMessage
from schemas.topics import partition_of
from stream.config import load
from stream.importing.bulk import send_many
from stream.importing.sending import ProgressMeter, Timestamps, describe_inputs
from stream.kafka.batches import BATCH_BYTES
from tests.support import NOW

pytestmark = pytest.mark.kafka
Sent = Callable[[str], list[ConsumerRecord]]


def send(environ: dict[str, str], events: list[Event], timestamps: Timestamps) -> int:
    async def main() -> int:
        settings = load(None, environ)
        descriptions = await describe_inputs(settings)
        with ProgressMeter(len(events)) as meter:
            await send_many(settings, events, meter, timestamps=timestamps, inputs=descriptions)
        return meter.events

    return asyncio.run(main())


@pytest.mark.usefixtures("runner")
def test_many_batches_keep_the_order_of_each_key(environ: dict[str, str], sent: Sent) -> None:
    """Each record is in the partition of its key, with the time of its event."""
    comment = "x" * 1_000
    events = [
        make(
            FeedbackSubmitted(
                feedback_id=f"f-{n % 7}", survey="nps", score=n % 11, revision=n, comment=comment
            ),
            id=str(n),
            source="/test",
            time=NOW + n,
        )
        for n in range(1_500)
    ]
    assert send(environ, events, "event") == 1_500
    records = sent("feedback")
    assert sum(len(record.value) for record in records) > 4 * BATCH_BYTES
    assert Counter(record.timestamp for record in records) == Counter(NOW + n for n in range(1_500))
    for record in records:
        assert record.partition == partition_of(record.key, 2)
        assert record.headers == (CONTENT_TYPE,)
    for number in range(7):
        times = [record.timestamp for record in records if record.key == b"f-%d" % number]
        assert times == sorted(times) != []


def test_keys_and_topics_equal_the_publishers(environ: dict[str, str], runner: CliRunner, sent: Sent) -> None:
    """The key is the owner, an erasure goes to all topics, and the timestamp is the present."""
    del runner
    data = [
        TicketCreated(ticket_id="t", customer_id="c"),
        TicketMessage(ticket_id="t", message_id="m", author="agent"),
        CustomerErased(customer_id="d"),
    ]
    send(
        environ,
        [make(event_data, id=str(n), source="/test", time=NOW) for n, event_data in enumerate(data)],
        "now",
    )
    assert sorted(record.key for record in sent("tickets")) == [b"d", b"t", b"t"]
    for domain in ("feedback", "customers"):
        (record,) = sent(domain)
        assert record.key == b"d"
        assert record.timestamp > NOW
