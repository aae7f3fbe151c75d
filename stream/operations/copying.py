"""Copying the inputs to another installation, which counts them anew.

Records keep partition, order, key, headers and timestamp, because an erasure depends on what was read before it. Records that
workers derived are left out: the other installation's workers derive their own, numbered by its offsets. A record that was
forwarded is copied like the original, which will be forwarded once more and then be a duplicate.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from schemas.codec import Decoder, Undecodable
from schemas.topics import CUSTOMERS, DERIVED, DOMAINS
from stream.config import Settings
from stream.core.model.unreadable import UnreadableBatch
from stream.errors import PreconditionFailed, TopicsMissing
from stream.importing.sending import MAX_IN_FLIGHT, ProgressMeter, describe_inputs
from stream.kafka.client import client_options, running
from stream.kafka.reading import assign, committed_consumer, read_ranges
from stream.kafka.records import described
from stream.kafka.rights import READ

log = logging.getLogger(__name__)
_decoder = Decoder(CUSTOMERS)


def is_derived(record: Any) -> bool:
    """Return whether a record of `cx.customers` was written by workers."""
    try:
        return type(_decoder.decode(record.value, record.headers).data) in DERIVED
    except Undecodable:
        return False


async def copy(
    settings: Settings, target: Settings, *, append: bool, skip_unreadable: bool = False
) -> Counter[str]:
    """Copy the inputs up to their present ends, and return the numbers of records by domain, and of those left out.

    With `skip_unreadable` batches that cannot be read are left out, too, each with a line in the log.

    Raises:
        PreconditionFailed: topics are missing, have other numbers of partitions, or hold records already (without
            `append`), or a batch cannot be read
        KafkaError: of aiokafka
    """
    partitions = await _check_partitions(settings, target)
    counts: Counter[str] = Counter()

    def on_unreadable(tp: TopicPartition, batch: UnreadableBatch) -> None:
        if not skip_unreadable:
            raise PreconditionFailed(f"{described(tp, batch)}. To copy without it: --skip-unreadable")
        log.warning("Left out: %s", described(tp, batch))
        counts["unreadable"] += batch.records(batch.offset)

    producer = AIOKafkaProducer(**client_options(target.kafka), enable_idempotence=True, linger_ms=20)
    async with running(committed_consumer(settings.kafka)) as consumer, running(producer):
        ranges = await assign(consumer, _partitions(settings, partitions))
        if not append:
            await _check_empty(target, partitions)
        domains = {settings.topics.input(domain): domain for domain in DOMAINS}
        names = {settings.topics.input(domain): target.topics.input(domain) for domain in DOMAINS}
        with ProgressMeter(sum(span.end - span.begin for span in ranges.values()), "records") as progress:
            async for tp, records in read_ranges(
                consumer, ranges, max_records=MAX_IN_FLIGHT, on_unreadable=on_unreadable
            ):
                domain = domains[tp.topic]
                kept = [r for r in records if domain != CUSTOMERS.domain or not is_derived(r)]
                await _send(producer, TopicPartition(names[tp.topic], tp.partition), kept)
                counts[domain] += len(kept)
                counts["derived"] += len(records) - len(kept)
                for _ in records:
                    progress.step()
    return counts


async def _send(producer: AIOKafkaProducer, target: TopicPartition, records: Sequence[Any]) -> None:
    """Send records of one partition in order, and wait until all are stored."""
    futures = [
        await producer.send(
            target.topic,
            record.value,
            key=record.key,
            partition=target.partition,
            timestamp_ms=record.timestamp,
            headers=list(record.headers),
        )
        for record in records
    ]
    await asyncio.gather(*futures)


def _partitions(settings: Settings, counts: Mapping[str, int]) -> list[TopicPartition]:
    """Return the partitions of the inputs. `counts` has their numbers by domain."""
    return [
        TopicPartition(settings.topics.input(domain), number)
        for domain in DOMAINS
        for number in range(counts[domain])
    ]


async def _check_partitions(settings: Settings, target: Settings) -> dict[str, int]:
    """Return the number of partitions of each input by domain, which must be the same at the target."""
    here = await describe_inputs(settings, READ)
    try:
        there = await describe_inputs(target)
    except PreconditionFailed as error:
        hint = ", with its configuration" if isinstance(error, TopicsMissing) else ""
        raise PreconditionFailed(f"target {target.kafka.bootstrap_servers}: {error}{hint}") from error
    if same := [
        settings.topics.input(domain) for domain in DOMAINS if here[domain].topic_id == there[domain].topic_id
    ]:
        raise PreconditionFailed(f"the target is the source: both have {', '.join(same)}")
    wrong = [
        f"{target.topics.input(domain)} has {there[domain].partitions} partitions at the target, "
        f"{settings.topics.input(domain)} has {here[domain].partitions}"
        for domain in DOMAINS
        if here[domain].partitions != there[domain].partitions
    ]
    if wrong:
        remedy = "create the target's topics with topics.partitions as it is here, so that records keep their order"
        raise PreconditionFailed("\n".join([*wrong, remedy]))
    return {domain: topic.partitions for domain, topic in here.items()}


async def _check_empty(target: Settings, partitions: Mapping[str, int]) -> None:
    async with running(committed_consumer(target.kafka)) as consumer:
        ranges = await assign(consumer, _partitions(target, partitions))
    if held := sorted({tp.topic for tp, span in ranges.items() if span.end > span.begin}):
        raise PreconditionFailed(
            f"{', '.join(held)} at {target.kafka.bootstrap_servers} already has records: copy before apps send there, or "
            "with --append, where what is there already will be a duplicate"
        )
