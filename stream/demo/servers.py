"""The servers of the demo, started in order and stopped in reverse."""

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
OURS = ("worker", "exporter")
"""What a visitor may kill: it goes on where it was."""
WITHOUT_PROMETHEUS = (
    "Without Prometheus no alert rule is evaluated; figures, live page and /metrics are the same"
)
WITHOUT_ALERTMANAGER = "Prometheus sends its alerts to the demo directly, neither grouped nor inhibited"


class Servers:
    """Everything that runs, by name."""

    def __init__(self, folder: Path, ports: Ports, say: Say) -> None:
        self.ports = ports
        self.children: dict[str, Child] = {}
        self.receiver = Receiver(ports.receiver, say)
        self._folder = folder
        self._say = say
        self._closing = ExitStack()

    @property
    def alerting(self) -> bool:
        """True if Prometheus evaluates the rules. Its alerts arrive also without Alertmanager."""
        return "prometheus" in self.children

    @property
    def bootstrap(self) -> str:
        """Where Kafka's clients connect."""
        return f"127.0.0.1:{self.ports.kafka}"

    def check(self) -> None:
        """Start again what of our own was killed; raise ProcessError if one ended otherwise, or another did."""
        for name, child in list(self.children.items()):
            if child.ended():
                if name not in OURS or not child.killed:
                    raise child.failure()
                self._say(f"{name} was killed and is started again")
                self._start(name)

    def start(self) -> None:
        """Start all, each when what it needs is there. `stop` stops what was started, also after a failure.

        Raises:
            CxgaugeError: one did not start
        """
        self._closing.enter_context(self.receiver)
        broker = self._closing.enter_context(Broker(self.ports.kafka, self._folder / "kafka"))
        self.children["kafka"] = broker.child
        self._say(f"Apache Kafka is ready on {broker.bootstrap}")
        settings = Settings(kafka=Kafka(bootstrap_servers=self.bootstrap))
        topics = asyncio.run(admin.create(settings, topology.topics(settings)))
        self._say(f"{len(topics)} topics are made")
        self._start("worker")
        self._start_monitoring()
        self._start("exporter")
        self._wait("worker", "/readyz")
        self._wait("exporter", "/readyz")

    def wait(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until it holds, or the time is up; `check` meanwhile."""
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            self.check()
            self.children["kafka"].ended(within=0.25)

    def watch(self) -> NoReturn:
        """`check` until that raises ProcessError."""
        while True:
            self.check()
            self.children["kafka"].ended(within=0.5)

    def stop(self) -> None:
        """Stop all in reverse order."""
        self._closing.close()

    def add(self, name: str, command: Command, env: Mapping[str, str] | None = None) -> None:
        """Start one more program, in the folder of all."""
        child = Child(name, command, log=self._folder / f"{name}.log", env=env, cwd=self._folder)
        self.children[name] = self._closing.enter_context(child)

    def _start_monitoring(self) -> None:
        """Start Prometheus and, before it, Alertmanager; print what is left out and why."""
        prometheus = find("prometheus")
        if isinstance(prometheus, Unavailable):
            self._say(f"{prometheus}\n{WITHOUT_PROMETHEUS}")
            return
        alertmanager = find("alertmanager")
        if isinstance(alertmanager, Unavailable):
            self._say(f"{alertmanager}\n{WITHOUT_ALERTMANAGER}")
            self.ports = self.ports._replace(alertmanager=self.ports.receiver)
        else:
            self.add("alertmanager", monitoring.alertmanager(alertmanager, self._folder, self.ports))
            self._wait("alertmanager", "/-/ready")
        self.add("prometheus", monitoring.prometheus(prometheus, self._folder, self.ports))
        self._wait("prometheus", "/-/ready")

    def _start(self, name: str) -> None:
        self.add(name, our_own("stream.cli", name), env=self._environment())

    def _wait(self, name: str, path: str) -> None:
        port = getattr(self.ports, name)
        self.children[name].wait_until(lambda: get(port, path).status == 200)
        self._say(f"{name} is ready on 127.0.0.1:{port}")

    def _environment(self) -> dict[str, str]:
        """For our own programs: default settings but for the addresses, whatever the user's configuration is."""
        asked = f"http://127.0.0.1:{self.ports.alertmanager}"
        alerts = {"CXGAUGE_EXPORTER_ALERTMANAGER": asked} if self.alerting else {}
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CXGAUGE_")}
        return (
            inherited
            | alerts
            | {
                "TMPDIR": str(self._folder),  # what a killed one leaves goes with the demo
                "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
                "CXGAUGE_WORKER_INSTANCE": "demo",  # started again it is not waited for
                "CXGAUGE_WORKER_LISTEN": f"127.0.0.1:{self.ports.worker}",
                "CXGAUGE_EXPORTER_LISTEN": f"127.0.0.1:{self.ports.exporter}",
            }
        )


def our_own(module: str, *arguments: str) -> Command:
    """How to run a module of ours with the interpreter that runs us."""
    return [sys.executable, "-m", module, *arguments]


@contextmanager
def running(folder: Path, say: Say) -> Iterator[Servers]:
    """All servers, ready, for the length of the block; their data and logs are in `folder`."""
    servers = Servers(folder, Ports().with_free_ports(), say)
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()
