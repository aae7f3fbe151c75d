"""Apache Kafka from pip for development, child processes and other projects' programs."""
