"""The demo's customers for a Kafka that already runs, such as that of docker-compose.yml."""

from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import TopicPartition

from schemas.topics import DOMAINS
from stream.config import Settings
from stream.demo.business import Business
from stream.demo.feed import now_ms, publish
from stream.demo.story import Story
from stream.demo.visitors import visit
from stream.importing.sending import describe_inputs
from stream.kafka.client import client_options
from stream.kafka.reading import high_watermarks


async def publish_until_stopped(settings: Settings, say: Callable[[str], None]) -> None:
    """Publish the history if no input has a record yet, then visits for ever.

    Every start has visitors of its own, because events of known IDs would be duplicates. Raises TopicsMissing, and
    aiokafka's KafkaError.
    """
    now, client = now_ms(), _client(settings)
    bootstrap = settings.kafka.bootstrap_servers
    if await _is_empty(settings):
        answers = Story().history(now)
        events = sorted([*answers, *Business().history(now, answers)], key=lambda event: event.time)
        await publish(bootstrap, events, client=client)
        say(f"Published {len(events)} events of the last 29 days. Visitors follow")
    else:
        say("The topics have records, so only visitors are added")
    await visit(bootstrap, name=f"visitor-{now}", client=client)


def _client(settings: Settings) -> Mapping[str, Any]:
    options = client_options(settings.kafka)
    del options["bootstrap_servers"]
    return {"topics": {domain: settings.topics.input(domain) for domain in DOMAINS}, **options}


async def _is_empty(settings: Settings) -> bool:
    described = await describe_inputs(settings)
    partitions = [
        TopicPartition(settings.topics.input(domain), number)
        for domain in DOMAINS
        for number in range(described[domain].partitions)
    ]
    return not any((await high_watermarks(settings.kafka, partitions)).values())
