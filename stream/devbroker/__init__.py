"""Apache Kafka from Python packages for development, child processes, and programs of other projects."""
