"""Apache Kafka for development and tests, with a Java runtime from a wheel and the jars of a lock file."""

from stream.devbroker.kafka.jars import VERSION
from stream.devbroker.kafka.server import Broker

__all__ = ["VERSION", "Broker"]
