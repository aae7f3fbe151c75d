"""Apache Kafka for development and tests, from Python packages alone: a Java runtime in a wheel, the jars by a lock file."""

from stream.cli.kafka.jars import VERSION
from stream.cli.kafka.server import Broker

__all__ = ["VERSION", "Broker"]
