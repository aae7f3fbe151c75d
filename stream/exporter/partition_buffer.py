"""One partition's records: applied to the windows a flush at a time."""

from stream.core.model import checkpoint as markers
from stream.core.model.checkpoint import Checkpoint
from stream.core.windows.rolling import CooperativeSteps, RollingWindows


class PartitionBuffer:
    """The blocks of a partition that were applied, as bytes, and those that wait for their marker."""

    def __init__(self, windows: RollingWindows) -> None:
        self._windows = windows
        self._applied: dict[bytes, bytes] = {}
        self._pending: dict[bytes, bytes | None] = {}

    def buffer(self, key: bytes, value: bytes | None) -> None:
        """A block of a flush whose marker is still to come."""
        self._pending[key] = value

    def commit(self, checkpoint: Checkpoint) -> CooperativeSteps:
        """The flush is there: apply all of it, unless another version wrote it: that one writes everything anew.

        Raises `msgspec.DecodeError` for what is no block.
        """
        held, self._pending = self._pending, {}
        if checkpoint.version != markers.VERSION:
            return
        for block, new in held.items():
            self._windows.apply(block, self._applied.get(block), new)
            if new is None:
                self._applied.pop(block, None)
            else:
                self._applied[block] = new
            yield

    def reset(self) -> CooperativeSteps:
        """Take out all that was applied: the partition is read from its beginning."""
        self._pending.clear()
        while self._applied:
            self._windows.apply(*self._applied.popitem(), None)
            yield
