"""Apache Kafka for development and tests, from Python packages alone: a Java runtime in a wheel, the jars by a lock file."""

from stream.devbroker.kafka.jars import VERSION
from stream.devbroker.kafka.server import Broker

__all__ = ["VERSION", "Broker"]
