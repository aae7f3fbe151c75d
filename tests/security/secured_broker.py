"""A broker with an authorizer, logins and TLS, and the ACLs of deploy/docs/acls.md."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import trustme
from click.testing import CliRunner, Result
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from stream.cli import main
from stream.config import Settings, load
from stream.devbroker.kafka import Broker
from stream.devbroker.ports import free_port
from tests.chaos.cluster import wait
from tests.style.sources import ROOT

PAGE = (ROOT / "deploy/docs/acls.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"^    kafka-acls\.sh (.+)$", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)
TYPES = {
    "topic": ResourceType.TOPIC,
    "topics": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
    "transactional": ResourceType.TRANSACTIONAL_ID,
}
PARTITIONS = 2
NAMES = {
    "CXGAUGE_WORKER_GROUP": "cxgauge",
    "CXGAUGE_TOPICS_STATE_PREFIX": "cx",
    "CXGAUGE_TOPICS_FEEDBACK": "cx.feedback",
    "CXGAUGE_TOPICS_TICKETS": "cx.tickets",
    "CXGAUGE_TOPICS_CUSTOMERS": "cx.customers",
    "CXGAUGE_TOPICS_DEADLETTER": "cx.deadletter",
    "CXGAUGE_TOPICS_PARTITIONS": str(PARTITIONS),
}
"""The default names, which are those of the page."""


class Acl(NamedTuple):
    """An allowed operation. The name of a prefixed pattern ends in `*`."""

    principal: str
    type: ResourceType
    name: str
    operation: AclOperation

    def binding(self) -> AclBinding:
        """Return the ACL as librdkafka's admin client takes it."""
        prefixed = self.name.endswith("*")
        pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
        user = f"User:{self.principal}"
        name = self.name.removesuffix("*")
        return AclBinding(self.type, name, pattern, user, "*", self.operation, AclPermissionType.ALLOW)

    @property
    def verb(self) -> str:
        """The operation as kafka-acls.sh names it, such as DescribeConfigs."""
        return self.operation.name.title().replace("_", "")


def acls_for(user: str, principal: str) -> set[Acl]:
    """Return the ACLs of a user of the page for another principal."""
    return {acl._replace(principal=principal) for acl in ACLS if acl.principal == user}


def operation(name: str) -> AclOperation:
    """Return an operation by the name that kafka-acls.sh gives it, such as DescribeConfigs."""
    return AclOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()]


def acls_of_the_table() -> set[Acl]:
    """Return the ACLs of the page's table."""
    return {
        Acl(principal, TYPES[resource.split()[0]], name, operation(verb))
        for principal, resource, operations in ROW.findall(PAGE)
        for name in re.findall(r"`([^`]+)`", resource)
        for verb in operations.split(", ")
    }


def acls_of_the_commands() -> set[Acl]:
    """Return the ACLs that the page's commands add."""
    acls = set()
    for words in (line.split() for line in COMMAND.findall(PAGE)):
        words.remove("--add")
        options = [(words[n].removeprefix("--"), words[n + 1]) for n in range(0, len(words), 2)]
        (principal,) = (value.removeprefix("User:") for name, value in options if name == "allow-principal")
        suffix = "*" if ("resource-pattern-type", "prefixed") in options else ""
        acls |= {
            Acl(principal, TYPES[kind], name + suffix, operation(verb))
            for kind, name in options
            if kind in TYPES
            for option, verb in options
            if option == "operation"
        }
    return acls


ACLS = acls_of_the_table()
USERS = sorted({acl.principal for acl in ACLS})
EXPIRED = "expired"
"""The common name of a client whose certificate has expired."""


class SecuredBroker:
    """A broker with an authorizer.

    Users log in with their name as password, by PLAIN or SCRAM-SHA-256, with TLS or without, or by a client certificate.
    Another port, without a login, is for the tests.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {
            name: free_port() for name in ("PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL", "STALE")
        }
        self._write_certificates()
        self.broker = Broker(self.ports["PLAINTEXT"], folder, self._properties())

    def _write_certificates(self) -> None:
        authority, yesterday = trustme.CA(), datetime.now(UTC) - timedelta(days=1)
        authority.cert_pem.write_to_path(self.folder / "ca.pem")
        trustme.CA().cert_pem.write_to_path(self.folder / "other-ca.pem")
        before = {"not_before": yesterday - timedelta(days=1), "not_after": yesterday}
        for name, period in {"server": {}, "stale-server": before, "worker": {}, EXPIRED: before}.items():
            certificate = authority.issue_cert("127.0.0.1", common_name=name, **period)
            # Kafka reads only PKCS 8
            key = load_pem_private_key(certificate.private_key_pem.bytes(), None).private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
            chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
            (self.folder / f"{name}.pem").write_bytes(key + chain)

    def _properties(self) -> dict[str, str | int]:
        listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in self.ports.items())
        login = "org.apache.kafka.common.security"
        users = " ".join(f'user_{user}="{user}"' for user in USERS)
        controller = free_port()
        properties: dict[str, str | int] = {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": listeners,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listener.security.protocol.map": (
                "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,STALE:SSL"
            ),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
            "listener.name.ssl.ssl.client.auth": "required",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }
        for name in ("sasl_plaintext", "sasl_ssl"):
            listener = f"listener.name.{name}"
            properties[f"{listener}.plain.sasl.jaas.config"] = (
                f"{login}.plain.PlainLoginModule required {users};"
            )
            properties[f"{listener}.scram-sha-256.sasl.jaas.config"] = (
                f"{login}.scram.ScramLoginModule required;"
            )
        for name, certificate in (("sasl_ssl", "server"), ("ssl", "server"), ("stale", "stale-server")):
            listener = f"listener.name.{name}.ssl"
            properties |= {
                f"{listener}.keystore.type": "PEM",
                f"{listener}.keystore.location": str(self.folder / f"{certificate}.pem"),
                f"{listener}.truststore.type": "PEM",
                f"{listener}.truststore.location": str(self.folder / "ca.pem"),
            }
        return properties

    def connect(self) -> None:
        """Connect as the super user."""
        self._admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})

    def add_scram_users(self) -> None:
        """Let all users log in by SCRAM-SHA-256, too."""
        credentials = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
        upsertions = [UserScramCredentialUpsertion(user, credentials, user.encode()) for user in USERS]
        for done in self._admin.alter_user_scram_credentials(upsertions).values():
            done.result()

    def disconnect(self) -> None:
        """Close that connection."""
        del self._admin

    def allow(self, acls: set[Acl]) -> None:
        """Add ACLs and wait until the broker knows them."""
        for done in self._admin.create_acls([acl.binding() for acl in acls]).values():
            done.result()
        wait(lambda: acls <= self._known(), lambda: acls - self._known())

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Delete the records of a partition before an offset."""
        for done in self._admin.delete_records([TopicPartition(topic, partition, before)]).values():
            done.result()

    def forbid(self, acls: set[Acl]) -> None:
        """Remove ACLs and wait until the broker knows that."""
        exact = [
            AclBindingFilter(
                binding.restype,
                binding.name,
                binding.resource_pattern_type,
                binding.principal,
                binding.host,
                binding.operation,
                binding.permission_type,
            )
            for binding in (acl.binding() for acl in acls)
        ]
        for done in self._admin.delete_acls(exact).values():
            assert len(done.result()) == 1
        wait(lambda: not acls & self._known(), lambda: acls)

    def _known(self) -> set[Acl]:
        every = AclBindingFilter(
            ResourceType.ANY,
            None,
            ResourcePatternType.ANY,
            None,
            None,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        return {
            Acl(
                acl.principal.removeprefix("User:"),
                acl.restype,
                acl.name + "*" * (acl.resource_pattern_type is ResourcePatternType.PREFIXED),
                acl.operation,
            )
            for acl in self._admin.describe_acls(every).result()
        }

    def environ(self, user: str, listener: str = "SASL_PLAINTEXT", **kafka: Any) -> dict[str, str]:
        """Return the settings of a user of this broker, with further settings of `kafka`."""
        settings = {
            "bootstrap_servers": f"127.0.0.1:{self.ports[listener]}",
            "security_protocol": "SSL" if listener == "STALE" else listener,
            **({"sasl_username": user, "sasl_password": user} if listener.startswith("SASL") else {}),
            **({} if listener == "SASL_PLAINTEXT" else {"ssl_cafile": self.folder / "ca.pem"}),
            **kafka,
        }
        return {**{f"CXGAUGE_KAFKA_{name.upper()}": str(value) for name, value in settings.items()}, **NAMES}

    def settings(self, user: str, listener: str = "SASL_PLAINTEXT", **kafka: Any) -> Settings:
        """Return the same as Settings."""
        return load(None, self.environ(user, listener, **kafka))

    def run(self, user: str, *arguments: str, stdin: str | None = None, **environ: str) -> Result:
        """Run a command as a user."""
        return CliRunner(env=self.environ(user) | environ).invoke(main, arguments, input=stdin)


def succeeds(result: Result) -> str:
    """Return the output of a command that ended with 0."""
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output
