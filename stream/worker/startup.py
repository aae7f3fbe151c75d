"""Checks before counting: the broker answers, topics match the configuration, transactions work."""

import asyncio
import logging
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, UnsupportedVersionError

from stream.config import Settings
from stream.errors import PreconditionFailed
from stream.kafka.admin import check_topics
from stream.kafka.client import client_options
from stream.kafka.topics import topics
from stream.worker.health import Health

log = logging.getLogger(__name__)

RETRY_INTERVAL = 2.0
"""Seconds between attempts to reach the broker."""


async def prepare(settings: Settings, health: Health) -> None:
    """Wait until the broker answers and passes the checks. Raises PreconditionFailed."""
    while True:
        health.heartbeat()
        try:
            await check(settings)
        except (KafkaError, OSError, TimeoutError) as error:
            health.reason = (
                f"broker {settings.kafka.bootstrap_servers} cannot be reached: {type(error).__name__}"
            )
            log.warning("%s", health.reason)
            await asyncio.sleep(RETRY_INTERVAL)
        else:
            return


async def check(settings: Settings) -> None:
    """Raise PreconditionFailed for missing or differing topics and for a broker without transactions."""
    await check_topics(settings, topics(settings))
    await _try_transaction(f"{settings.worker.group}-startup", client_options(settings.kafka))


async def _try_transaction(name: str, options: dict[str, Any]) -> None:
    producer = AIOKafkaProducer(**options, transactional_id=name, request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(20):
            await producer.start()
    except (UnsupportedVersionError, IncompatibleBrokerVersion) as error:
        raise PreconditionFailed(
            "the broker has no transactions (InitProducerId), which counting exactly once needs"
        ) from error
    finally:
        await producer.stop()
