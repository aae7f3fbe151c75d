"""Operations that a principal needs on topics and on a group, and the texts that name the missing ones."""

import _ssl
import re
from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from typing import Any

from stream.config.settings import OAUTHBEARER, Kafka
from stream.errors import PreconditionFailed
from stream.kafka.metadata import ClusterTopics
from stream.kafka.topics import TopicSpec

PAGE = "deploy/docs/acls.md"
_ATTRIBUTES = {
    "commonName": "CN",
    "organizationalUnitName": "OU",
    "organizationName": "O",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "countryName": "C",
}

_SPECIAL, _ESCAPED = re.compile(r'[,=+<>#;"\\]'), r"\\\g<0>"
"""Characters that Java escapes in the subject of a certificate."""


class Operation(IntEnum):
    """An operation of Kafka's authorizers. The value is its code and the number of its bit."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11

    @property
    def label(self) -> str:
        """The name in kafka-acls.sh, such as DescribeConfigs."""
        return self.name.title().replace("_", "")


DESCRIBING = frozenset(
    {Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER, Operation.DESCRIBE}
)
"""The operations that include Describe. Without any of them a topic is hidden."""
Needs = Mapping[str, Collection[Operation]]
"""The needed operations by topic."""
CHECK = (Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS)
"""The operations for comparing a topic with the configuration."""
READ = (Operation.READ, Operation.DESCRIBE_CONFIGS)
WRITE = (Operation.WRITE, Operation.DESCRIBE_CONFIGS)


def needs_of(specs: Iterable[TopicSpec], by_role: Mapping[str, Collection[Operation]]) -> Needs:
    """Return the needs of topics by their roles. Topics of other roles are only compared."""
    return {spec.name: by_role.get(spec.role, CHECK) for spec in specs}


def decode_certificate(file: str) -> dict[str, Any]:
    """Return the first certificate of a file in PEM, in the form of `ssl.SSLSocket.getpeercert`."""
    decoded: dict[str, Any] = _ssl._test_decode_cert(file)  # type: ignore[attr-defined]  # noqa: SLF001 - ssl has no public function
    return decoded


def principal(kafka: Kafka) -> str:
    """Return the principal of the configured client, as Kafka names it without mapping rules."""
    if kafka.security_protocol.startswith("SASL") and kafka.sasl_mechanism == OAUTHBEARER:
        return f"the principal of the token of {kafka.token_provider!r}"
    if kafka.security_protocol.startswith("SASL"):
        return f"User:{kafka.sasl_username}"
    if kafka.security_protocol == "SSL" and kafka.ssl_certfile:
        return f"User:{_subject(str(kafka.ssl_certfile))}"
    return "User:ANONYMOUS"


def _subject(certificate: str) -> str:
    """Return the subject of a certificate as in RFC 2253: the most specific attribute first."""
    names = decode_certificate(certificate)["subject"]
    return ",".join(
        f"{_ATTRIBUTES.get(key, key)}={_SPECIAL.sub(_ESCAPED, value)}"
        for name in reversed(names)
        for key, value in name
    )


def lacking(kafka: Kafka, operations: Iterable[Operation], resource: str) -> str:
    """Return a line that says which operations on a resource the principal lacks."""
    labels = " and ".join(operation.label for operation in sorted(operations))
    return f"{principal(kafka)} lacks {labels} on {resource}"


def denied(lines: Iterable[str]) -> PreconditionFailed:
    """Return the error with lines of `lacking`."""
    return PreconditionFailed("\n".join([*lines, f"The ACLs of each command are listed in {PAGE}"]))


def check_rights(kafka: Kafka, topics: ClusterTopics, needs: Needs) -> None:
    """Raise PreconditionFailed with a line for each topic of which needed operations are not permitted."""
    if lines := list(_lacking(kafka, topics, needs)):
        raise denied(lines)


def _lacking(kafka: Kafka, topics: ClusterTopics, needs: Needs) -> Iterable[str]:
    for name, operations in needs.items():
        topic = topics.existing.get(name)
        if name in topics.hidden:
            lacked = {operation for operation in operations if operation in DESCRIBING}
        elif topic is None or topic.operations is None:
            continue
        else:
            lacked = {operation for operation in operations if not topic.operations >> operation & 1}
        if lacked:
            yield lacking(kafka, lacked, f"topic {name}")
