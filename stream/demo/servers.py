"""The servers of the demo, started in order and stopped in reverse order."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

from stream.config import Kafka, Settings
from stream.demo import monitoring
from stream.demo.ports import Ports
from stream.demo.receiver import Receiver
from stream.devbroker.http import get
from stream.devbroker.kafka import Broker
from stream.devbroker.process import Child
from stream.devbroker.tools import Unavailable, find
from stream.devbroker.tools.commands import Command
from stream.kafka import admin
from stream.kafka import topics as topology

Say = Callable[[str], None]
RESTARTED = ("worker", "exporter")
"""Servers that are restarted after SIGKILL."""
WITHOUT_PROMETHEUS = "Without Prometheus no alert rule is evaluated. Metrics and live page are the same"
WITHOUT_ALERTMANAGER = "Prometheus sends its alerts to the demo directly, without grouping and inhibition"


class Servers:
    """The running servers by name."""

    def __init__(self, folder: Path, ports: Ports, say: Say) -> None:
        self.ports = ports
        self.children: dict[str, Child] = {}
        self.receiver = Receiver(ports.receiver, say)
        self._folder = folder
        self.say = say
        self._closing = ExitStack()

    @property
    def alerting(self) -> bool:
        """True if Prometheus evaluates the alert rules. Its alerts arrive also without Alertmanager."""
        return "prometheus" in self.children

    @property
    def bootstrap(self) -> str:
        """The address for Kafka clients."""
        return f"127.0.0.1:{self.ports.kafka}"

    def check(self) -> None:
        """Restart a killed worker or exporter. Raises ProcessError if any server has ended in another way."""
        for name, child in list(self.children.items()):
            if child.ended():
                if name not in RESTARTED or not child.killed:
                    raise child.failure()
                self.say(f"{name} was killed; restarting it")
                self._start(name)

    def start(self) -> None:
        """Start all servers, each after those it needs are ready. `stop` works also after a failure.

        Raises:
            CxgaugeError: a server did not start
        """
        self._closing.enter_context(self.receiver)
        broker = self._closing.enter_context(Broker(self.ports.kafka, self._folder / "kafka"))
        self.children["kafka"] = broker.child
        self.say(f"Apache Kafka is ready on {broker.bootstrap}")
        settings = Settings(kafka=Kafka(bootstrap_servers=self.bootstrap))
        topics = asyncio.run(admin.create(settings, topology.topics(settings)))
        self.say(f"Created {len(topics)} topics")
        self._start("worker")
        self._start_monitoring()
        self._start("exporter")
        self._wait("worker", "/readyz")
        self._wait("exporter", "/readyz")

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
        """Start a program in the folder of the demo. `env` is None for the environment of this process."""
        child = Child(name, command, log=self._folder / f"{name}.log", env=env, cwd=self._folder)
        self.children[name] = self._closing.enter_context(child)

    def _start_monitoring(self) -> None:
        """Start Alertmanager and Prometheus. Print which one is left out and why."""
        prometheus = find("prometheus")
        if isinstance(prometheus, Unavailable):
            self.say(f"{prometheus}\n{WITHOUT_PROMETHEUS}")
            return
        alertmanager = find("alertmanager")
        if isinstance(alertmanager, Unavailable):
            self.say(f"{alertmanager}\n{WITHOUT_ALERTMANAGER}")
            self.ports = self.ports._replace(alertmanager=self.ports.receiver)
        else:
            self.add("alertmanager", monitoring.alertmanager(alertmanager, self._folder, self.ports))
            self._wait("alertmanager", "/-/ready")
        self.add("prometheus", monitoring.prometheus(prometheus, self._folder, self.ports))
        self._wait("prometheus", "/-/ready")

    def _start(self, name: str) -> None:
        self.add(name, module_command("stream.cli", name), env=self._environment())

    def _wait(self, name: str, path: str) -> None:
        port = getattr(self.ports, name)
        self.children[name].wait_until(lambda: get(port, path).status == 200)
        self.say(f"{name} is ready on 127.0.0.1:{port}")

    def _environment(self) -> dict[str, str]:
        """Return the environment of our programs: the demo's addresses, other settings by default."""
        alertmanager_url = f"http://127.0.0.1:{self.ports.alertmanager}"
        alerts = {"CXGAUGE_EXPORTER_ALERTMANAGER": alertmanager_url} if self.alerting else {}
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CXGAUGE_")}
        return (
            inherited
            | alerts
            | {
                "TMPDIR": str(self._folder),  # files of a killed program are removed with the folder
                "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
                "CXGAUGE_WORKER_INSTANCE": "demo",  # static membership, so that a restart needs no rebalance
                "CXGAUGE_WORKER_LISTEN": f"127.0.0.1:{self.ports.worker}",
                "CXGAUGE_EXPORTER_LISTEN": f"127.0.0.1:{self.ports.exporter}",
            }
        )


def module_command(module: str, *arguments: str) -> Command:
    """Return the command that runs one of our modules with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


@contextmanager
def running_servers(folder: Path, say: Say) -> Iterator[Servers]:
    """Start all servers, yield them and stop them at the end. Their data and logs are in `folder`."""
    servers = Servers(folder, Ports().with_free_ports(), say)
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()
