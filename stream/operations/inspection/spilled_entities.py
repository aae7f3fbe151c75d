"""Entities of a partition in temporary files, for readers that need each entity once and in no order."""

from collections.abc import Collection, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Self
from zlib import crc32

from stream.core.aggregation import entities
from stream.errors import PreconditionFailed

IN_MEMORY = 32 << 20
"""Bytes of records that stay in memory. More go to files without a name, in the folder of TMPDIR."""
MAX_FILES = 256
"""Files that are open together. With more records than so many slices have, each file has more than a slice."""
_SIZE_BYTES = 4


class SpilledEntities:
    """Entities in files by a hash of their keys. Memory holds the entities of one file at a time.

    `records` is about the number of records that will be restored. As a context it removes the files.
    """

    def __init__(self, records: int) -> None:
        self.count = 0
        """The number of entities that `slices` has yielded."""
        number = min(MAX_FILES, records // entities.SLICE + 1)
        self._files: list[IO[bytes]] = [
            SpooledTemporaryFile(IN_MEMORY // number)  # noqa: SIM115 - `__exit__` closes it
            for _ in range(number)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def restore(self, key: bytes, raw: bytes | None) -> None:
        """Restore an entity, or its deletion if `raw` is None.

            record: size of the key, size of the entity and 1 (0 for a deletion), key, entity

        Raises PreconditionFailed if a file cannot be written.
        """
        size = 0 if raw is None else len(raw) + 1
        header = len(key).to_bytes(_SIZE_BYTES) + size.to_bytes(_SIZE_BYTES)
        try:
            self._files[crc32(key) % len(self._files)].write(b"%b%b%b" % (header, key, raw or b""))
        except OSError as error:
            raise PreconditionFailed(
                f"temporary files cannot be written: {error}. They need as much room as the largest partition of a state "
                "topic, in the folder of the environment variable TMPDIR"
            ) from error

    def slices(self) -> Iterator[Collection[tuple[bytes, bytes]]]:
        """Yield all entities, those of a file at a time."""
        for file in self._files:
            newest: dict[bytes, bytes] = {}
            for key, raw in _records(file):
                if raw is None:
                    newest.pop(key, None)
                else:
                    newest[key] = raw
            self.count += len(newest)
            yield newest.items()


def _records(file: IO[bytes]) -> Iterator[tuple[bytes, bytes | None]]:
    file.seek(0)
    while header := file.read(2 * _SIZE_BYTES):
        key = file.read(int.from_bytes(header[:_SIZE_BYTES]))
        size = int.from_bytes(header[_SIZE_BYTES:])
        yield key, file.read(size - 1) if size else None
