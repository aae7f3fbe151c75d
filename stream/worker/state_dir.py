"""The folder `worker.state_dir`, if it is set. Without it nothing of RocksDB is imported."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.topics import DOMAINS
from stream.config import Settings
from stream.config.settings import Kafka
from stream.errors import ConfigError
from stream.kafka.client import connect
from stream.kafka.metadata import NO_ID, cluster_id
from stream.kafka.topics import TOMBSTONE_RETENTION, TopicDescription

if TYPE_CHECKING:
    from stream.worker.disk.local_state import LocalState

log = logging.getLogger(__name__)

_INSTALL = "pip install 'cxgauge[disk]'"


def open_state_dir(
    settings: Settings, described: Mapping[str, TopicDescription], clock: Callable[[], int]
) -> "LocalState | None":
    """Lock the folder of this worker and return its databases, None if `worker.state_dir` is not set.

    `described` are the topics, `clock` returns ms since the epoch.

    Raises ConfigError, PreconditionFailed, KafkaError, OSError and TimeoutError.
    """
    state_dir: Path | None = settings.worker.state_dir
    if state_dir is None:
        return None
    try:
        from stream.worker.disk.folders import claim  # noqa: PLC0415
        from stream.worker.disk.local_state import LocalState, TopicFacts  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(f"worker.state_dir: needs a package: {_INSTALL} ({error})") from error
    topics, worker = settings.topics, settings.worker
    installation = asyncio.run(_cluster_id(settings.kafka)), worker.group, topics.state_prefix
    folder = claim(state_dir, installation, worker.instance)
    log.info("Entities are kept in %s", folder.path)
    facts: dict[str, TopicFacts] = {}
    for domain in DOMAINS:
        state, panes = described[topics.state(domain)], described[topics.panes(domain)]
        ids = state.topic_id, panes.topic_id
        lineage = b"" if NO_ID in ids or b"" in ids else b"".join(ids)
        kept = int(state.configs.get("delete.retention.ms") or TOMBSTONE_RETENTION)
        facts[domain] = TopicFacts(lineage, kept // 2)
    return LocalState(folder, facts, clock)


async def _cluster_id(kafka: Kafka) -> str:
    client = await connect(kafka)
    try:
        return await cluster_id(client) or "unknown"
    finally:
        await client.close()
