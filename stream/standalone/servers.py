"""The servers, started in order, restarted when they end, and stopped in reverse order."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeVar

from stream.config import Address, Settings
from stream.devbroker.http import get
from stream.devbroker.kafka import Broker
from stream.devbroker.process import Child
from stream.devbroker.tools import Unavailable, find
from stream.devbroker.tools.commands import Command
from stream.kafka import admin
from stream.kafka import topics as topology
from stream.standalone import monitoring
from stream.standalone.ports import Ports
from stream.standalone.restarts import Restarts

LISTENING = ("worker", "intake", "exporter")
"""Our programs, each with a setting `listen`."""
MAX_LOG_BYTES = 10 << 20
"""A longer log is put aside when its program is started, in place of the one put aside before."""
Say = Callable[[str], None]
WITHOUT_PROMETHEUS = "Without Prometheus no alert rule is evaluated. Metrics and live page are the same"
WITHOUT_ALERTMANAGER = "Without Alertmanager alerts are on the page of Prometheus only"

AnyServers = TypeVar("AnyServers", bound="Servers")


class Setup(NamedTuple):
    """What the servers are started with.

    Attributes:
        folder: for their data and logs
        ports: of 127.0.0.1
        settings: of the topics
        environment: of our programs, to which the addresses are added
        arguments: of `cxgauge` before the name of the command
        webhook: URL that Alertmanager notifies, None for the configuration in the folder
        listen: addresses of our programs, by default their ports of 127.0.0.1
        broker: settings of server.properties beside the defaults
    """

    folder: Path
    ports: Ports
    settings: Settings
    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    webhook: str | None = None
    listen: Mapping[str, Address] = {}
    broker: Mapping[str, str | int] = {}


class Servers:
    """The running servers by name."""

    def __init__(self, setup: Setup, say: Say) -> None:
        self.setup = setup
        self.ports = setup.ports
        self.children: dict[str, Child] = {}
        self.say = say
        self._closing = ExitStack()
        self._broker = Broker(setup.ports.kafka, setup.folder / "kafka", setup.broker)
        self._starts: dict[str, Callable[[], Child]] = {}
        self._restarts = Restarts()

    @property
    def alerting(self) -> bool:
        """True if Prometheus evaluates the alert rules."""
        return "prometheus" in self.children

    @property
    def bootstrap(self) -> str:
        """The address for Kafka clients."""
        return f"127.0.0.1:{self.ports.kafka}"

    def start(self) -> None:
        """Start all servers, each after those it needs are ready. `stop` works also after a failure.

        Raises:
            CxgaugeError: a server did not start
        """
        self._closing.enter_context(self._broker)
        self.children["kafka"], self._starts["kafka"] = self._broker.child, self._restarted_broker
        self.say(f"Apache Kafka is ready on {self.bootstrap}")
        settings = self.setup.settings
        topics = asyncio.run(admin.create(settings, topology.topics(settings)))
        if topics:
            self.say(f"Created {len(topics)} topics")
        self._start("worker")
        self._start("intake")
        self._start_monitoring()
        self._start("exporter")
        for name in LISTENING:
            self._wait(name, "/readyz")

    def check(self) -> None:
        """Restart the servers that have ended. Raises ProcessError if that does not help."""
        for name, child in list(self.children.items()):
            if child.ended():
                if not self._restarts.helps(name, child.exit_code, time.monotonic()):
                    raise child.failure()
                how = "was killed" if child.killed else f"ended with exit code {child.exit_code}"
                self.say(f"{name} {how}; restarting it")
                self.children[name] = self._starts[name]()

    def wait(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait up to `seconds` until the condition holds, and run `check` meanwhile."""
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            self.check()
            self.children["kafka"].ended(within=0.25)

    def watch(self) -> NoReturn:
        """Run `check` until it raises ProcessError."""
        while True:
            self.check()
            self.children["kafka"].ended(within=0.5)

    def stop(self) -> None:
        """Stop all servers in reverse order."""
        self._closing.close()

    def add(self, name: str, command: Command, env: Mapping[str, str] | None = None) -> None:
        """Start a program in the folder. `env` is None for the environment of this process."""
        folder = self.setup.folder

        def start() -> Child:
            log = folder / f"{name}.log"
            if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
                log.replace(folder / f"{name}.log.1")
            child = Child(name, command, log=log, env=env, cwd=folder)
            return self._closing.enter_context(child)

        self._starts[name] = start
        self.children[name] = start()

    def _restarted_broker(self) -> Child:
        self._broker.start()
        return self._broker.child

    def _start_monitoring(self) -> None:
        """Start Alertmanager and Prometheus. Print which one is left out and why."""
        prometheus = find("prometheus")
        if isinstance(prometheus, Unavailable):
            self.say(f"{prometheus}\n{WITHOUT_PROMETHEUS}")
            return
        setup, alertmanager = self.setup, find("alertmanager")
        if isinstance(alertmanager, Unavailable):
            self._without_alertmanager(alertmanager)
        else:
            command = monitoring.alertmanager(alertmanager, setup.folder, self.ports, setup.webhook)
            self.add("alertmanager", command)
            self._wait("alertmanager", "/-/ready")
        self.add("prometheus", monitoring.prometheus(prometheus, setup.folder, self.ports))
        self._wait("prometheus", "/-/ready")

    def _without_alertmanager(self, reason: Unavailable) -> None:
        self.say(f"{reason}\n{WITHOUT_ALERTMANAGER}")

    @property
    def alerts(self) -> int | None:
        """The port of 127.0.0.1 at which firing alerts are asked for, None if there is none."""
        return self.ports.alertmanager if "alertmanager" in self.children else None

    def _start(self, name: str) -> None:
        command = module_command("stream.cli", *self.setup.arguments, name)
        self.add(name, command, env=self.environment())

    def _wait(self, name: str, path: str) -> None:
        port = getattr(self.ports, name)
        self.children[name].wait_until(lambda: _is_ready(port, path))
        self.say(f"{name} is ready on 127.0.0.1:{port}")

    def environment(self) -> dict[str, str]:
        """Return the environment of our programs, with the addresses of the others."""
        addresses = {"CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap}
        for name in LISTENING:
            local = Address("127.0.0.1", getattr(self.ports, name))
            addresses[f"CXGAUGE_{name.upper()}_LISTEN"] = str(self.setup.listen.get(name, local))
        folders = [*self.setup.settings.exporter.folders, self.setup.folder.absolute()]
        addresses["CXGAUGE_EXPORTER_FOLDERS"] = json.dumps([str(folder) for folder in folders])
        if self.alerts is not None:
            addresses["CXGAUGE_EXPORTER_ALERTMANAGER"] = f"http://127.0.0.1:{self.alerts}"
        return {
            "CXGAUGE_WORKER_INSTANCE": "local",  # static membership, so that a restart needs no rebalance
            **self.setup.environment,
            **addresses,
            "TMPDIR": str(self.setup.folder),
        }


def _is_ready(port: int, path: str) -> bool:
    """Return whether a server is ready. One that asks for a password, TLS or another host name is, once it answers."""
    reply = get(port, path)
    if reply.status == 0:
        return reply.text.startswith("Remote end closed") or "SSL" in reply.text
    return reply.status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.MISDIRECTED_REQUEST)


def module_command(module: str, *arguments: str) -> Command:
    """Return the command that runs one of our modules with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


@contextmanager
def running(servers: AnyServers) -> Iterator[AnyServers]:
    """Start the servers, yield them and stop them at the end."""
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()
