"""The Faust app: one agent for each input topic, with our transport and our table manager."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import faust
from faust.tables.manager import TableManager
from faust.types import TP
from mode import CrashingSupervisor

from stream.clock import monotonic_ms
from stream.config import Settings
from stream.config.aggregation import aggregation_config
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from stream.core.model.aggregation_config import AggregationConfig
from stream.errors import CxgaugeError
from stream.kafka.client import client_options
from stream.kafka.tokens import token_provider
from stream.pacing import Pace
from stream.worker.task_manager import STALL_TIMEOUT, CheckpointStore, TaskManager
from stream.worker.transport import BatchApp, BatchSchema, BatchTransport

log = logging.getLogger(__name__)

FETCH_BYTES = 1 << 20
"""Maximum bytes of a partition in a fetch. Smaller fetches interrupt the counting thread more often."""
LOAD_TIMEOUT = 4 * 3600.0
"""Seconds for which a worker that joins the group waits for others that load partitions. If it did not wait, it would get those
partitions, too, and fence the worker that has almost loaded them. A dead worker is waited for until its session ends."""
COMMIT_INTERVAL = 5.0
"""Seconds between commits of the group's offsets, which only lag tools read."""
ORDER_INTERVAL = 1.0
"""Seconds between reads of skip orders while a partition is blocked."""


class AssignmentTables(TableManager):
    """A table manager that restores newly assigned partitions before Faust resumes the streams.

    Faust's tables are not used.
    """

    app: BatchApp

    async def on_start(self) -> None:
        """Start the recovery service without Faust's pause of one second for tables."""
        await self._update_channels()
        await self.recovery.start()

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Take over the assigned partitions.

        End the process on failure, because a half-loaded partition must not be counted.
        """
        try:
            await self.app.task_manager.on_assignment(self.app.task_factory(assigned))
        except Exception as error:  # noqa: BLE001 - every failure ends the process
            self.app.fail_fast(error)
            return
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)


def _task_factory(
    settings: Settings, config: AggregationConfig, assigned: set[TP]
) -> dict[TP, Callable[[], PartitionTask]]:
    domains = {settings.topics.input(domain.name): domain for domain in DOMAIN_REGISTRY}
    return {
        tp: partial(PartitionTask, domains[tp.topic], tp.partition, settings.topics.partitions, config)
        for tp in (TP(*tp) for tp in assigned)
        if tp.topic in domains
    }


def _credentials(settings: Settings, options: dict[str, Any]) -> Any:
    context = options.get("ssl_context")
    if "sasl_oauth_token_provider" in options:
        # Faust's other clients run in another thread than the consumer: they get a provider of their own
        return faust.OAuthCredentials(oauth_cb=token_provider(settings.kafka), ssl_context=context)
    if settings.kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.kafka.sasl_username,
            password=settings.kafka.sasl_password,
            mechanism=settings.kafka.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def build(
    settings: Settings,
    store: CheckpointStore,
    clock: Callable[[], int],
    fail_fast: Callable[[BaseException], None],
) -> BatchApp:
    """Build the app.

    `clock` returns the present in ms since the epoch. `fail_fast` is called with an error that forbids further counting, and does not return.
    """
    worker, options = settings.worker, client_options(settings.kafka)
    instance = {"consumer_group_instance_id": worker.instance} if worker.instance else {}
    app = BatchApp(
        worker.group,
        broker=";".join(
            f"kafka://{server.strip()}" for server in settings.kafka.bootstrap_servers.split(",")
        ),
        broker_credentials=_credentials(settings, options),
        broker_session_timeout=worker.session_timeout / 1000,
        broker_heartbeat_interval=1.0,
        broker_rebalance_timeout=LOAD_TIMEOUT,
        broker_request_timeout=max(40.0, worker.session_timeout / 1000 + 10),
        broker_max_poll_interval=300,
        consumer_max_fetch_size=FETCH_BYTES,
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=settings.topics.partitions,
        topic_replication_factor=settings.topics.replication_factor,
        table_standby_replicas=0,
        store="memory://",
        web_enabled=False,
        agent_supervisor=CrashingSupervisor,
        TableManager=AssignmentTables,
        stream_recovery_delay=0.0,
        canonical_url=f"http://{worker.instance or uuid4()}:6066",
        **instance,
    )
    app.client_options = options
    app.task_manager = TaskManager(store, clock)
    app.task_manager.is_at_end = lambda tp: app.consumer.at_end(tp)  # noqa: PLW0108 - the consumer exists only after the start
    app.fail_fast = fail_fast
    app.task_factory = partial(_task_factory, settings, aggregation_config(settings))
    app.transport = BatchTransport(app.conf.broker_consumer, app)
    pace = Pace(settings.worker.flush_interval / 1000)
    for domain in DOMAIN_REGISTRY:
        _add_agent(app, settings.topics.input(domain.name), domain.name, clock, pace)
    _add_tasks(app, pace, fail_fast)
    _add_order_reader(app, fail_fast)
    return app


def _add_agent(app: BatchApp, topic: str, name: str, clock: Callable[[], int], pace: Pace) -> None:
    source = app.topic(topic, partitions=app.conf.topic_partitions, schema=BatchSchema(), acks=False)

    @app.agent(source, name=name)
    async def count(stream: Any) -> None:
        async for tp, start, records in stream.noack():
            owned_task = app.task_manager.tasks.get(tp)
            if owned_task is not None:
                try:
                    owned_task.process(start, records, clock(), monotonic_ms())
                except CxgaugeError as error:
                    app.fail_fast(error)
                pace.note_change()


def _add_tasks(app: BatchApp, pace: Pace, fail_fast: Callable[[BaseException], None]) -> None:
    async def flusher() -> None:
        async for _ in pace.turns():
            if app.should_stop:
                return
            try:
                await app.task_manager.flush_due(pace.measured)
            except Exception as error:  # noqa: BLE001 - every failure ends the process
                fail_fast(error)
            if stalled := app.task_manager.stalled_partitions():
                fail_fast(
                    RuntimeError(f"the agent processed no records of {stalled} for {STALL_TIMEOUT // 1000} s")
                )

    async def committer() -> None:
        while not app.should_stop:
            await asyncio.sleep(COMMIT_INTERVAL)
            flushed = {
                tp: owned_task.flushed_offset
                for tp, owned_task in app.task_manager.tasks.items()
                if owned_task.flushed_offset > 0
            }
            if flushed and not app.rebalancing:
                await app.consumer.commit_for_lag_tools(flushed)

    async def close(*_: object, **__: object) -> None:
        await app.task_manager.close_all()

    app.task(flusher)
    app.task(committer)
    app.on_before_shutdown.connect(close)


def _add_order_reader(app: BatchApp, fail_fast: Callable[[BaseException], None]) -> None:
    async def order_reader() -> None:
        while not app.should_stop:
            await asyncio.sleep(ORDER_INTERVAL)
            try:
                await app.task_manager.read_orders()
            except Exception as error:  # noqa: BLE001 - every failure ends the process
                fail_fast(error)

    app.task(order_reader)
