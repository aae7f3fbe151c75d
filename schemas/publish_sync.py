"""A client without `await`: the publisher of `publish` on an event loop in a thread of its own."""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from .envelope import UNKNOWN_SOURCE, Event
from .fields import Data
from .publish import Publisher

CLOSE_TIMEOUT = 5.0
"""Seconds in which `close` waits for records that calls in other threads sent, or gave up."""


class SyncPublisher:
    """An idempotent producer of events, used as `with SyncPublisher("broker:9092", source="/shop") as publisher`.

    Threads may share it, processes may not. In a fork it is closed.

    Args:
        timeout: seconds in which Kafka must answer a call. The other arguments are those of `Publisher`.
    """

    def __init__(
        self,
        bootstrap_servers: str = "127.0.0.1:9092",
        *,
        source: str = UNKNOWN_SOURCE,
        topics: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        **client: Any,
    ) -> None:
        self._publisher = _BoundedPublisher(bootstrap_servers, source=source, topics=topics, **client)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Connect. `with` does the same.

        Raises:
            RuntimeError: it is open.
            aiokafka.errors.KafkaError: no broker answers, or it refuses the connection.
            TimeoutError: it did not answer in time.
        """
        with self._lock:
            if self._loop is not None:
                raise RuntimeError("The publisher is open")
            self._loop = asyncio.new_event_loop()
            # As a daemon, because a process waits for other threads before it calls _close_all.
            self._thread = threading.Thread(
                target=_run_loop, args=(self._loop,), name="cxgauge-publisher", daemon=True
            )
            self._thread.start()
            _OPEN.add(self)
        try:
            self._call(self._publisher.__aenter__, "The connection")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections and end the thread. `with` does the same at its end, and the end of the process.

        A closed publisher may be opened again.
        """
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
            if loop is None or thread is None:
                return
            _OPEN.discard(self)
            stopped = asyncio.run_coroutine_threadsafe(self._publisher.__aexit__(None, None, None), loop)
        try:
            stopped.result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def leave_to_parent(self) -> None:
        """Forget thread and connections, which stay with the parent, and the lock, which another thread may have held."""
        for task in asyncio.all_tasks(self._loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 - it goes on in the parent
        self._publisher.disown()
        self._loop = self._thread = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(
        self,
        data: Data | Event,
        *,
        source: str | None = None,
        id: str | None = None,  # noqa: A002
        time: datetime | str | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Publish and wait until all in-sync replicas have stored it.

        After a TimeoutError it may still be stored. An app that repeats the call must pass the same `id` and `time`, or an
        event that `codec.make` returned. The arguments are those of `Publisher.enqueue`.

        Raises:
            TimeoutError: Kafka did not confirm it in time.
            RuntimeError: the publisher is closed, or was opened before a fork.
            Other errors are those of `Publisher.enqueue`.
        """
        options = {"source": source, "id": id, "time": time, "timestamp_ms": timestamp_ms}
        self._call(self._publisher.send, "The event", data, **options)

    def send_all(self, events: Iterable[Data | Event]) -> None:
        """Publish events in few requests and wait until all are stored. They are checked before the first is sent.

        See `Publisher.send_all`. Raises the errors of `send`.
        """
        # A generator may read a database, whose connections belong to the calling thread.
        self._call(self._publisher.send_all, "Some of the events", list(events))

    def _call(
        self, method: Callable[..., Coroutine[Any, Any, Any]], subject: str, *arguments: Any, **options: Any
    ) -> None:
        """Run a method of the publisher in the thread and wait for it."""
        answer = self._submit(method, *arguments, **options)
        try:
            answer.result(self._timeout)
        except CancelledError:
            raise RuntimeError(f"The publisher was closed meanwhile. {subject} may be stored") from None
        except TimeoutError as error:
            if answer.done():  # an error of the method
                raise
            raise TimeoutError(
                f"{subject} got no answer of Kafka within {self._timeout:g} s and may still be stored: repeat with the same id "
                "and time"
            ) from error
        finally:
            answer.cancel()

    def _submit(
        self, method: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any, **options: Any
    ) -> Future[Any]:
        with self._lock:
            if self._loop is None:
                raise RuntimeError(
                    "The publisher is closed: use it as `with SyncPublisher(...) as publisher`, or call open() in each process "
                    "after a fork"
                )
            return asyncio.run_coroutine_threadsafe(method(*arguments, **options), self._loop)


class _BoundedPublisher(Publisher):
    """A publisher whose end does not wait for ever: aiokafka's idempotent producer never gives up a record."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        producer = self._producer
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await super().__aexit__(kind, error, trace)
        except TimeoutError:
            if producer is not None:
                await producer.client.close()

    def disown(self) -> None:
        """Let go of the producer without closing it. It belongs to the parent process."""
        if self._producer is not None:
            self._producer._closed = True  # noqa: SLF001 - its destructor would report it as not closed
            self._producer = None


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until it is stopped, then cancel its tasks and close it."""
    try:
        loop.run_forever()
        loop.run_until_complete(_cancel_tasks())
    finally:
        loop.close()


async def _cancel_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_OPEN: WeakSet[SyncPublisher] = WeakSet()


def _leave_all_to_parent() -> None:
    for publisher in list(_OPEN):
        publisher.leave_to_parent()
    _OPEN.clear()


def _close_all() -> None:
    for publisher in list(_OPEN):
        publisher.close()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_leave_all_to_parent)
