"""One partition's records: applied to the windows a flush at a time."""

from stream.core import marker as markers
from stream.core.marker import Marker
from stream.core.windows import Steps, Windows


class Feed:
    """The blocks of a partition that were applied, as bytes, and those that wait for their marker."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._blocks: dict[bytes, bytes] = {}
        self._held: dict[bytes, bytes | None] = {}

    def hold(self, key: bytes, value: bytes | None) -> None:
        """A block of a flush whose marker is still to come."""
        self._held[key] = value

    def complete(self, marker: Marker) -> Steps:
        """The flush is there: apply all of it, unless another version wrote it: that one writes everything anew.

        Raises `msgspec.DecodeError` for what is no block.
        """
        held, self._held = self._held, {}
        if marker.version != markers.VERSION:
            return
        for block, new in held.items():
            self._windows.apply(block, self._blocks.get(block), new)
            if new is None:
                self._blocks.pop(block, None)
            else:
                self._blocks[block] = new
            yield

    def forget(self) -> Steps:
        """Take out all that was applied: the partition is read from its beginning."""
        self._held.clear()
        while self._blocks:
            self._windows.apply(*self._blocks.popitem(), None)
            yield
