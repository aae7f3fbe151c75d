"""Running the asynchronous part of a command."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka.errors import KafkaConnectionError, KafkaError

from stream.config import Kafka
from stream.errors import CxgaugeError
from stream.kafka.faults import diagnose
from stream.kafka.tokens import take_token_fault

T = TypeVar("T")


def run(kafka: Kafka, main: Coroutine[Any, Any, T], *others: Kafka) -> T:
    """Run a coroutine and return its result. `others` are further clusters to which it connects.

    Raises CxgaugeError for an error of Kafka's client: ConfigError for a refused login, PreconditionFailed for a missing
    right.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(main)
    except (KafkaError, TimeoutError) as error:
        clusters = (kafka, *others)
        for cluster in clusters:
            if (fault := asyncio.run(diagnose(cluster, error))) is not None:
                raise fault from error
        servers = " or ".join(repr(cluster.bootstrap_servers) for cluster in clusters)
        if isinstance(error, KafkaConnectionError):
            no_answer = CxgaugeError(f"kafka.bootstrap_servers: no broker answers at {servers}")
            raise take_token_fault() or no_answer from error
        raise CxgaugeError(f"Kafka at {servers}: {str(error) or 'no answer in time'}") from error
