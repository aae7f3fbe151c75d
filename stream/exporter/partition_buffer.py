"""A buffer that applies the records of a partition to the windows one flush at a time."""

from stream.core.model.checkpoint import VERSION, Checkpoint
from stream.core.windows.rolling import CooperativeSteps, RollingWindows


class PartitionBuffer:
    """The applied blocks of a partition, as bytes, and the pending ones whose checkpoint has not been read yet."""

    def __init__(self, windows: RollingWindows) -> None:
        self._windows = windows
        self._applied: dict[bytes, bytes] = {}
        self._pending: dict[bytes, bytes | None] = {}

    def buffer(self, key: bytes, value: bytes | None) -> None:
        """Keep a block until the checkpoint of its flush is read. A value of None deletes the block."""
        self._pending[key] = value

    def commit(self, checkpoint: Checkpoint) -> CooperativeSteps:
        """Apply the pending blocks, a block a step. Raises ValueError, RecursionError or LookupError for a record that is no block.

        Blocks of another version are dropped. The worker that returns to this version rewrites all of them.
        """
        pending, self._pending = self._pending, {}
        if checkpoint.version != VERSION:
            return
        for key, value in pending.items():
            self._windows.apply(key, self._applied.get(key), value)
            if value is None:
                self._applied.pop(key, None)
            else:
                self._applied[key] = value
            yield

    def reset(self) -> CooperativeSteps:
        """Subtract all applied blocks from the windows, because the partition is read from its beginning."""
        self._pending.clear()
        while self._applied:
            self._windows.apply(*self._applied.popitem(), None)
            yield
