"""The ports of the servers on one machine."""

from typing import NamedTuple

from stream.devbroker.ports import claim, free_port


class Ports(NamedTuple):
    """Ports of 127.0.0.1. The defaults are the default ports of the servers."""

    kafka: int = 9092
    worker: int = 9818
    intake: int = 9816
    exporter: int = 9817
    prometheus: int = 9090
    alertmanager: int = 9093
    receiver: int = 9095

    def with_free_ports(self) -> "Ports":
        """Return ports in which each taken one is replaced by a free one."""
        return Ports(*(port if claim(port) else free_port() for port in self))
