"""Write `jars.lock` anew, after a change of VERSION: `python -m stream.devbroker.kafka.lock`."""

import hashlib

import jgo

from stream.devbroker.kafka.jars import LOCK, VERSION

ENDPOINT = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36"


def lock_text() -> str:
    """What the lock file should hold: every jar that Kafka and a logger for it need, by Maven's own rules."""
    sums = {
        f"{each.groupId}:{each.artifactId}:{each.version}": hashlib.sha256(
            each.resolve().read_bytes()
        ).hexdigest()
        for each in jgo.resolve(ENDPOINT)
    }
    return "".join(f"{sums[coordinate]}  {coordinate}\n" for coordinate in sorted(sums))


if __name__ == "__main__":
    LOCK.write_text(lock_text())
