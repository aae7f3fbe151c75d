"""Where the demo's servers listen."""

from typing import NamedTuple

from stream.devbroker.ports import claim, free_port


class Ports(NamedTuple):
    """Of 127.0.0.1; by default each server's usual one."""

    kafka: int = 9092
    worker: int = 9818
    exporter: int = 9817
    prometheus: int = 9090
    alertmanager: int = 9093
    receiver: int = 9095

    def with_free_ports(self) -> "Ports":
        """Another port for each that is taken."""
        return Ports(*(port if claim(port) else free_port() for port in self))
