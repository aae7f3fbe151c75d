"""Running the asynchronous part of a command."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from aiokafka.conn import collect_hosts
from aiokafka.errors import KafkaConnectionError, KafkaError

from stream.cli.output import echo
from stream.config import Kafka
from stream.errors import CxgaugeError
from stream.kafka.client import QuietLibrary
from stream.kafka.faults import diagnose
from stream.kafka.tokens import take_token_fault

T = TypeVar("T")

SILENCE = 5.0
"""Seconds without a connection after which a command says that it waits."""
CONNECTION_SECONDS = 50
"""Seconds after which a command gives up a server that accepts connections and is silent: the time of a request of aiokafka's
clients, 40, and that of the question why, 10."""


def run(kafka: Kafka, main: Coroutine[Any, Any, T], *others: Kafka) -> T:
    """Run a coroutine and return its result. `others` are further clusters to which it connects.

    Raises CxgaugeError for an error of Kafka's client: ConfigError for a refused login, PreconditionFailed for a missing
    right.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(_announced(main, (kafka, *others)))
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


async def _announced(main: Coroutine[Any, Any, T], clusters: Sequence[Kafka]) -> T:
    """Await a coroutine. Say on standard error if no broker has answered after `SILENCE`."""

    def announce() -> None:
        if not QuietLibrary.has_connected:
            servers = [cluster.bootstrap_servers for cluster in clusters]
            longest = CONNECTION_SECONDS * sum(len(collect_hosts(text)) for text in servers)
            echo(f"Waiting for broker {' or '.join(servers)}, {longest} s at most", err=True)

    QuietLibrary.has_connected = False
    timer = asyncio.get_running_loop().call_later(SILENCE, announce)
    try:
        return await main
    finally:
        timer.cancel()
