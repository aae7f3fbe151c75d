"""Write `jars.lock` after a change of VERSION: `python -m stream.devbroker.kafka.lock`."""

import hashlib

import jgo

from stream.devbroker.kafka.jars import LOCK, VERSION

ENDPOINT = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36"


def lock_text() -> str:
    """Return the content of the lock file: the jars that Maven resolves for Kafka and a logger."""
    sums = {
        f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}": hashlib.sha256(
            artifact.resolve().read_bytes()
        ).hexdigest()
        for artifact in jgo.resolve(ENDPOINT)
    }
    return "".join(f"{sums[coordinate]}  {coordinate}\n" for coordinate in sorted(sums))


if __name__ == "__main__":
    LOCK.write_text(lock_text())
