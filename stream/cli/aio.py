"""Running a command's asynchronous part."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka.errors import KafkaConnectionError, KafkaError

from stream.config import Kafka
from stream.errors import CxgaugeError

T = TypeVar("T")


def run(kafka: Kafka, main: Coroutine[Any, Any, T]) -> T:
    """Run to the end. What Kafka's client raises becomes one clear text instead of its log."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(main)
    except KafkaConnectionError as error:
        servers = kafka.bootstrap_servers
        raise CxgaugeError(f"kafka.bootstrap_servers: no broker answers at {servers!r}") from error
    except (KafkaError, TimeoutError) as error:
        raise CxgaugeError(f"Kafka at {kafka.bootstrap_servers!r}: {str(error) or 'no answer in time'}") from error
