"""The servers of the demo, with a receiver that prints alerts."""

import os
from pathlib import Path

from stream.config import Kafka, Settings
from stream.demo.receiver import Receiver
from stream.devbroker.tools import Unavailable
from stream.standalone.ports import Ports
from stream.standalone.servers import Say, Servers, Setup

WITHOUT_ALERTMANAGER = "Prometheus sends its alerts to the demo directly, without grouping and inhibition"


class DemoServers(Servers):
    """The servers of one machine. Alertmanager notifies the receiver, or Prometheus if there is no Alertmanager."""

    def __init__(self, folder: Path, ports: Ports, say: Say) -> None:
        settings = Settings(kafka=Kafka(bootstrap_servers=f"127.0.0.1:{ports.kafka}"))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CXGAUGE_")}
        webhook = f"http://127.0.0.1:{ports.receiver}/"
        super().__init__(Setup(folder, ports, settings, environment, webhook=webhook), say)
        self.receiver = Receiver(ports.receiver, say)

    def start(self) -> None:
        """Start the receiver and all servers."""
        self._closing.enter_context(self.receiver)
        super().start()

    @property
    def alerts(self) -> int | None:
        """The port of Alertmanager or of the receiver, None without Prometheus."""
        return self.ports.alertmanager if self.alerting else None

    def _without_alertmanager(self, reason: Unavailable) -> None:
        self.say(f"{reason}\n{WITHOUT_ALERTMANAGER}")
        self.ports = self.ports._replace(alertmanager=self.ports.receiver)
