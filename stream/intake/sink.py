"""The intake's connection to Kafka: an idempotent producer, replaced after a failure."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.topics import DOMAINS
from stream.config import Settings
from stream.errors import waiting_for
from stream.intake.decoding import OutgoingEvent
from stream.intake.memory import Reservation
from stream.intake.problem import unavailable
from stream.kafka.batches import BATCH_BYTES
from stream.kafka.client import QuietLibrary, client_options
from stream.kafka.faults import retry_reason
from stream.kafka.metadata import cluster_topics
from stream.kafka.rights import Operation, check_rights

log = logging.getLogger(__name__)

ACK_TIMEOUT = 10.0
"""Seconds after which a request is answered 503, although its records may still be stored."""
RETRY_INTERVAL = 2.0
"""Seconds between attempts to connect to the broker."""
STOP_TIMEOUT = 10.0
"""Seconds for which a producer that is stopped may wait for acknowledgements."""
DEADLETTER = "deadletter"
"""The name of the dead-letter topic among the domains."""


class KafkaSink:
    """Stores records while it is connected."""

    def __init__(self, settings: Settings) -> None:
        self._reason = "starting"
        self._settings = settings
        self._topics: dict[str, str] = {domain: settings.topics.input(domain) for domain in DOMAINS}
        self._topics[DEADLETTER] = settings.topics.deadletter
        self._producer: AIOKafkaProducer | None = None
        self._pending: dict[asyncio.Future[Any], float] = {}
        """The futures of unacknowledged records, the oldest first, with the time of the event loop at which they were sent."""
        self._failed = asyncio.Event()

    @property
    def reason(self) -> str:
        """The reason why records are not stored now, empty if they are."""
        if self._reason or not self._pending:
            return self._reason
        age = asyncio.get_running_loop().time() - next(iter(self._pending.values()))
        if age < ACK_TIMEOUT:
            return ""
        return f"Kafka has not acknowledged {len(self._pending)} records for {age:.0f} s"

    async def run(self) -> None:
        """Keep a producer connected until cancelled.

        A batch that failed leaves a gap in the sequence numbers of its producer, which the broker never accepts. The
        producer is therefore replaced after any failure.

        Raises PreconditionFailed for a missing right, and ConfigError if the broker refuses the login.
        """
        while True:
            self._failed.clear()
            producer = AIOKafkaProducer(
                **client_options(self._settings.kafka),
                enable_idempotence=True,
                acks="all",
                max_batch_size=BATCH_BYTES,
                request_timeout_ms=int(ACK_TIMEOUT * 1000),
            )
            try:
                with QuietLibrary():
                    async with asyncio.timeout(ACK_TIMEOUT):
                        await producer.start()
                        missing = await self._missing_topics(producer)
                if missing:
                    self._not_ready(waiting_for(missing))
                else:
                    self._producer, self._reason = producer, ""
                    log.info("Connected to Kafka at %s", self._settings.kafka.bootstrap_servers)
                    await self._failed.wait()
                    self._not_ready("reconnecting after records were refused")
            except (KafkaError, OSError, TimeoutError) as error:
                self._not_ready(await retry_reason(self._settings.kafka, error, [Operation.WRITE]))
            finally:
                self._producer = None
                await self._close(producer)
            await asyncio.sleep(RETRY_INTERVAL)

    async def send(self, records: Sequence[OutgoingEvent], reservation: Reservation) -> None:
        """Return when all in-sync replicas have all records.

        Raises ProblemError (503) if they may not have some. The reservation is held until Kafka's client drops the
        last record.
        """
        producer = self._producer
        if producer is None:
            raise unavailable(f"Kafka: {self._reason}")
        futures = []
        try:
            async with asyncio.timeout(ACK_TIMEOUT):
                for record in records:
                    for domain in record.domains:
                        future = await producer.send(
                            self._topics[domain],
                            record.value,
                            key=record.key or None,
                            timestamp_ms=record.timestamp,
                            headers=list(record.headers),
                        )
                        self._track(future, reservation)
                        futures.append(future)
                if futures:
                    await asyncio.wait(futures)  # unlike gather it does not cancel them after the timeout
            for future in futures:
                if future.cancelled():
                    raise unavailable("Kafka: the connection was lost")
                future.result()
        except KafkaError as error:
            log.warning("Kafka did not store a record: %r", error)
            self._failed.set()
            raise unavailable(f"Kafka: {type(error).__name__}") from error
        except TimeoutError:
            log.warning("Kafka did not acknowledge records within %.0f s", ACK_TIMEOUT)
            raise unavailable(f"Kafka did not acknowledge within {ACK_TIMEOUT:.0f} s") from None

    def _track(self, future: "asyncio.Future[Any]", reservation: Reservation) -> None:
        reservation.hold(future)
        self._pending[future] = asyncio.get_running_loop().time()
        future.add_done_callback(self._pending.pop)

    def _not_ready(self, reason: str) -> None:
        self._producer, self._reason = None, reason
        log.warning("%s", reason)

    async def _missing_topics(self, producer: AIOKafkaProducer) -> list[str]:
        """Return the missing topics. Raises PreconditionFailed if one may not be written."""
        names = sorted(set(self._topics.values()))
        described = await cluster_topics(producer.client, names)
        check_rights(self._settings.kafka, described, dict.fromkeys(names, (Operation.WRITE,)))
        return [name for name in names if name not in described.existing]

    async def _close(self, producer: AIOKafkaProducer) -> None:
        """Stop a producer. Records that it could not store by then are given up, and were not answered 202."""
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await producer.stop()
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("Stopped without the acknowledgement of %d records: %r", len(self._pending), error)
            if producer._sender is not None and producer._sender.sender_task is not None:  # noqa: SLF001
                producer._sender.sender_task.cancel()  # noqa: SLF001 - it would try for ever
            await producer.client.close()
        for future in list(self._pending):
            future.cancel()
