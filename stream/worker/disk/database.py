"""A RocksDB database as an ordered table. Imported only where `worker.state_dir` is set."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, cast

from rocksdict import (
    BlockBasedOptions,
    BottommostLevelCompaction,
    Cache,
    CompactOptions,
    DbClosedError,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
    WriteOptions,
)

from stream.core.model.pane_blocks import Row
from stream.errors import CxgaugeError

log = logging.getLogger(__name__)

CACHE_BYTES = 64 << 20
"""Blocks, indexes and filters that all databases of a worker cache."""
BUFFER_BYTES = 96 << 20
"""Rows in memory that all databases of a worker have not written to a file yet."""
MEMTABLE_BYTES = 32 << 20
_ZSTD = -14, 1, 0, 0, True
"""Window bits (default), level, strategy (default), bytes of a dictionary, and that these options apply."""
PATIENCE = 60.0
"""Seconds for which a patient write waits."""
_T = TypeVar("_T")
_PAUSE = 0.02
_pause = threading.Event()
_DAMAGE = "Corruption"
_REFUSAL = "Write stall"
"""Part of RocksDB's message for a write that would have to wait."""


class WriteRefused(Exception):  # noqa: N818 - the situation is the name
    """The database cannot take more at the moment. Nothing was written."""


class DiskFailed(CxgaugeError):  # noqa: N818 - the situation is the name
    """The database cannot be read or written. The text says why."""


def failed(folder: Path, reason: str) -> DiskFailed:
    """Return the error that a database cannot be used, for a reason."""
    return DiskFailed(
        f"worker.state_dir: {folder}: {reason}. Nothing is lost, because the topics have all entities: make room on the "
        "disk or replace it, and start the worker again, or unset worker.state_dir"
    )


class DatabaseOptions:
    """Options of all databases of a worker, which share a cache and a budget of memory."""

    def __init__(self) -> None:
        self.cache = Cache(CACHE_BYTES)
        self._buffers = WriteBufferManager(BUFFER_BYTES, False)

    def make(self) -> Options:
        """Return the options of a database and of its only column family."""
        blocks = BlockBasedOptions()
        blocks.set_block_cache(self.cache)
        blocks.set_block_size(4 << 10)
        blocks.set_bloom_filter(10, block_based=False)
        blocks.set_cache_index_and_filter_blocks(True)
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(blocks)
        options.set_compression_type(DBCompressionType.lz4())
        # IDs are most of a row, and lz4 does not compress random ones. The lowest level has most of the rows.
        options.set_bottommost_compression_type(DBCompressionType.zstd())
        options.set_bottommost_compression_options(*_ZSTD)
        options.set_level_compaction_dynamic_level_bytes(True)
        options.set_write_buffer_size(MEMTABLE_BYTES)
        options.set_write_buffer_manager(self._buffers)
        # Without a bloom filter of the memtable a look-up of a new ID takes 5 µs more.
        options.set_memtable_prefix_bloom_ratio(0.05)
        options.set_memtable_whole_key_filtering(True)
        options.set_max_background_jobs(2)
        options.set_keep_log_file_num(2)
        options.set_max_log_file_size(1 << 20)
        options.set_stats_dump_period_sec(0)
        return options


class Database:
    """A database in a folder of its own. Writes are not synced: after a crash of the machine the last ones may be missing.

    Methods raise DiskFailed.
    """

    def __init__(self, folder: Path, options: DatabaseOptions) -> None:
        self.folder = folder
        new = options.make()
        # The column family is named, because RocksDB otherwise reopens it without bloom filter.
        self._db = self._checked(lambda: Rdict(str(folder), new, {"default": new}))
        self._write_options = WriteOptions()
        self._write_options.no_slowdown = True
        self._rewriting: threading.Thread | None = None
        self._rewritten = False

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, None if there is none."""
        try:
            return cast("bytes | None", self._db.get(key))
        except Exception as error:
            raise self._translated(error) from error

    def get_many(self, keys: list[bytes]) -> Sequence[bytes | None]:
        """Return the value of each key, None if there is none."""
        try:
            return cast("list[bytes | None]", self._db.get(list(keys)))
        except Exception as error:
            raise self._translated(error) from error

    def items(self, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows from this key on, in order, as of the first one."""
        rows = self._db.iter()
        rows.seek(start)
        while rows.valid():
            yield rows.key(), rows.value()
            rows.next()
        self._checked(rows.status)  # an iterator that cannot read on is not valid either

    def write(self, rows: Iterable[Row], *, patiently: bool = False) -> None:
        """Write rows in one batch. None deletes a key.

        Raises WriteRefused, or if `patiently` DiskFailed after `PATIENCE`.
        """
        batch = WriteBatch(raw_mode=True)
        for key, value in rows:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        give_up_at = time.monotonic() + PATIENCE
        while True:
            try:
                self._checked(lambda: self._db.write(batch, self._write_options))
            except WriteRefused as error:
                if not patiently:
                    raise
                if time.monotonic() > give_up_at:
                    raise failed(self.folder, f"no write for {PATIENCE:.0f} s: {error}") from error
                _pause.wait(_PAUSE)  # lets the interpreter go, which a write that waits would keep
            else:
                return

    def metric(self, name: str) -> int:
        """Return a property of RocksDB, such as `estimate-pending-compaction-bytes`."""
        try:
            return self._db.property_int_value(f"rocksdb.{name}") or 0
        except DbClosedError:  # another thread has closed it meanwhile
            return 0

    def rewrite(self) -> None:
        """Begin to rewrite all files in a thread, so that no deleted row remains in one."""
        self._rewritten = False
        self._rewriting = threading.Thread(target=self._rewrite, name="rewrite", daemon=True)
        self._rewriting.start()

    def rewrite_result(self) -> bool | None:
        """Return True if the last rewrite has ended, False if it failed, None if there is none or it runs."""
        if self._rewriting is None or self._rewriting.is_alive():
            return None
        self._rewriting = None
        return self._rewritten

    def _rewrite(self) -> None:
        forced = CompactOptions()
        forced.set_bottommost_level_compaction(BottommostLevelCompaction.force())
        try:
            self._db.flush()
            self._db.compact_range(None, None, forced)
            self._rewritten = True
        except Exception as error:  # noqa: BLE001 - rocksdict raises no other class, also when the database is closed
            log.info("%s: deleted rows remain in the files for now: %s", self.folder, error)

    def close(self) -> None:
        """Close the database. It may be opened again at once."""
        if self._rewriting is not None and self._rewriting.is_alive():
            self._db.cancel_all_background(wait=False)
            self._rewriting.join()
        try:
            self._db.close()
        except Exception as error:  # noqa: BLE001 - it is closed, and the log of writes has what it could not flush
            log.debug("%s: %s", self.folder, error)

    def _checked(self, operation: Callable[[], _T]) -> _T:
        """Return the result of an operation of RocksDB. Raises WriteRefused and DiskFailed."""
        try:
            return operation()
        except Exception as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> Exception:
        """Return the error that stands for one of rocksdict, which has no classes for them.

        A damaged database loses its file CURRENT, so that the next start does not use it.
        """
        if _REFUSAL in str(error):
            return WriteRefused(str(error))
        if _DAMAGE in str(error):
            with suppress(OSError):
                (self.folder / "CURRENT").unlink()
        return failed(self.folder, str(error))
