"""Running the asynchronous part of a command."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka.errors import KafkaConnectionError, KafkaError

from stream.config import Kafka
from stream.errors import CxgaugeError

T = TypeVar("T")


def run(kafka: Kafka, main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine and return its result.

    Raises CxgaugeError with the server names for an error of Kafka's client.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(main)
    except KafkaConnectionError as error:
        servers = kafka.bootstrap_servers
        raise CxgaugeError(f"kafka.bootstrap_servers: no broker answers at {servers!r}") from error
    except (KafkaError, TimeoutError) as error:
        raise CxgaugeError(
            f"Kafka at {kafka.bootstrap_servers!r}: {str(error) or 'no answer in time'}"
        ) from error
