"""The ACLs of deploy/docs/acls.md on a broker that allows nothing else."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka.errors import TopicAuthorizationFailedError, TransactionalIdAuthorizationFailed
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from schemas.feedback import FeedbackSubmitted
from schemas.publish import Publisher
from stream.cli import main
from stream.config import Settings, load
from stream.devbroker.kafka import Broker
from stream.devbroker.ports import free_port
from stream.errors import PreconditionFailed
from stream.kafka.client import client_options
from stream.worker.startup import check
from tests.chaos.cluster import ChaosCluster, wait
from tests.intake.http_client import send
from tests.kafka.segments import damage, segment
from tests.style.sources import ROOT
from tests.support import partition_of_key

pytestmark = pytest.mark.kafka

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
EVENT = (
    '{"id":"%s","type":"cx.feedback.submitted.v1","time":"%s",'
    '"data":{"feedback_id":"%s","survey":"nps","score":9,"customer_id":"c-17"}}\n'
)


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


class SecuredBroker:
    """A broker with an authorizer. Users log in at `port` with their name as password. Another port is for the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        unrestricted, controller = free_port(), free_port()
        listeners = f"PLAINTEXT://127.0.0.1:{unrestricted},SASL_PLAINTEXT://127.0.0.1:{self.port}"
        login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        users = " ".join(f'user_{user}="{user}"' for user in USERS)
        properties = {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": listeners,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listener.security.protocol.map": (
                "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT"
            ),
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": f"{login} {users};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }
        self.broker = Broker(unrestricted, folder, properties)

    def connect(self) -> None:
        """Connect as the super user."""
        self._admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})

    def disconnect(self) -> None:
        """Close that connection."""
        del self._admin

    def allow(self, acls: set[Acl]) -> None:
        """Add ACLs and wait until the broker knows them."""
        for done in self._admin.create_acls([acl.binding() for acl in acls]).values():
            done.result()
        wait(lambda: acls <= self._known(), lambda: acls - self._known())

    def forbid(self, acl: Acl) -> None:
        """Remove an ACL and wait until the broker knows that."""
        binding = acl.binding()
        exact = AclBindingFilter(
            binding.restype,
            binding.name,
            binding.resource_pattern_type,
            binding.principal,
            binding.host,
            binding.operation,
            binding.permission_type,
        )
        for done in self._admin.delete_acls([exact]).values():
            assert len(done.result()) == 1, acl
        wait(lambda: acl not in self._known(), lambda: acl)

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

    def environ(self, user: str) -> dict[str, str]:
        """Return the settings of a user of this broker."""
        return {
            "CXGAUGE_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.port}",
            "CXGAUGE_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "CXGAUGE_KAFKA_SASL_USERNAME": user,
            "CXGAUGE_KAFKA_SASL_PASSWORD": user,
            **NAMES,
        }

    def settings(self, user: str) -> Settings:
        """Return the same as Settings."""
        return load(None, self.environ(user))

    def run(self, user: str, *arguments: str, stdin: str | None = None) -> Result:
        """Run a command as a user."""
        return CliRunner(env=self.environ(user)).invoke(main, arguments, input=stdin)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """A broker with the ACLs of the page, and the topics as its `admin` creates them."""
    secured = SecuredBroker(tmp_path_factory.mktemp("secured"))
    with secured.broker:
        secured.connect()
        secured.allow(ACLS)
        succeeds(secured.run("admin", "topics", "create"))
        yield secured
        secured.disconnect()


def succeeds(result: Result) -> str:
    """Return the output of a command that ended with 0."""
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def event(name: str) -> str:
    """Return a line of JSON with an answer."""
    return EVENT % (name, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), name)


def produce(secured: SecuredBroker, *values: str, partition: int) -> None:
    """Publish values of one batch with librdkafka as `app`."""
    options: dict[str, Any] = {
        "bootstrap.servers": f"127.0.0.1:{secured.port}",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "app",
        "sasl.password": "app",
        "linger.ms": 200,
    }
    producer = Producer(options)
    for value in values:
        producer.produce("cx.feedback", value.encode(), b"c-17", partition)
    assert producer.flush(20) == 0


async def publish_with_library(secured: SecuredBroker) -> None:
    """Publish an answer as `app` with the client library."""
    async with Publisher(**client_options(secured.settings("app").kafka)) as publisher:
        await publisher.send(FeedbackSubmitted(feedback_id="lib", survey="nps", score=9, customer_id="c-17"))


def test_the_commands_add_the_acls_of_the_table() -> None:
    """The page lists every ACL in its table and in its commands."""
    assert acls_of_the_commands() == ACLS
    assert len(ACLS) > 40


def test_every_command_works_with_the_acls_of_the_page(secured: SecuredBroker, tmp_path: Path) -> None:
    """From a batch to be skipped and a forward to the purge of a dead letter."""
    home = partition_of_key("c-17", PARTITIONS)
    produce(secured, event("damaged"), partition=home)
    damage(segment(secured.folder, "cx.feedback", home), 0, lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]))
    succeeds(secured.run("operator", "skip", f"cx.feedback:{home}:0"))
    produce(secured, event("forwarded"), "{nonsense", partition=1 - home)
    asyncio.run(publish_with_library(secured))
    succeeds(secured.run("importer", "publish", "-", stdin=event("published")))

    with ChaosCluster(secured.broker.bootstrap, tmp_path, **NAMES) as cluster:
        cluster.start(**secured.environ("worker"))
        exporter: Any = cluster.start("exporter", **secured.environ("exporter"))
        intake: Any = cluster.start("intake", **secured.environ("intake"))
        wait(lambda: cluster.ready(intake), cluster.logs)
        response = send(f"http://127.0.0.1:{intake.port}", event("over http"), "application/json")
        assert response.status == 202
        name = 'cx_nps_responses{view="total",window="1h",category="promoter"}'
        wait(lambda: cluster.samples(exporter).get(name) == 4, cluster.logs)
        wait(lambda: secured.run("support", "doctor").exit_code == 0, cluster.logs)
        succeeds(secured.run("support", "doctor", "audit"))
        assert "nps" in succeeds(secured.run("support", "explain", "--customer", "c-17"))
        assert "invalid" in succeeds(secured.run("support", "deadletter", "ls"))
        succeeds(secured.run("support", "deadletter", "purge", "c-17", "--dry-run"))
        succeeds(secured.run("operator", "deadletter", "replay"))
        wait(
            lambda: re.search(
                r"invalid +2$", secured.run("support", "deadletter", "ls").output, re.MULTILINE
            ),
            cluster.logs,
        )
        succeeds(secured.run("operator", "deadletter", "purge", "c-17"))
        assert "invalid" not in succeeds(secured.run("support", "deadletter", "ls"))


MISSING: list[tuple[str, str, str, str, list[str]]] = [
    ("admin", "DescribeConfigs", "cx.*", "Topic authorization failed", ["topics", "check"]),
    ("importer", "Write", "cx.feedback", "missing topics: cx.feedback", ["publish", "-"]),
    ("importer", "DescribeConfigs", "cx.tickets", "Topic authorization failed", ["publish", "-"]),
    ("support", "Describe", "cx.feedback", "cx.feedback: is missing", ["doctor"]),
    ("support", "DescribeConfigs", "cx.customers", "Topic authorization failed", ["doctor"]),
    ("support", "Read", "cx.panes.*", "cx.panes.feedback: is missing", ["doctor"]),
    ("support", "Read", "cx.state.*", "cx.state.feedback: is missing", ["explain", "--customer", "c-17"]),
    ("support", "Read", "cx.state.*", "cx.state.feedback: is missing", ["doctor", "audit"]),
    ("support", "Read", "cx.deadletter", "missing topic: cx.deadletter", ["deadletter", "ls"]),
    ("operator", "DescribeConfigs", "cx.feedback", "Topic authorization failed", ["deadletter", "replay"]),
    ("operator", "Read", "cx.deadletter", "TopicAuthorizationFailedError", ["deadletter", "replay"]),
    (
        "operator",
        "Write",
        "cxgauge-deadletter-purge",
        "TransactionalIdAuthorizationFailed",
        ["deadletter", "purge", "c-17"],
    ),
    ("operator", "Read", "cx.panes.*", "cx.panes.feedback: is missing", ["skip", "cx.feedback:0:0"]),
    ("operator", "Write", "cx.state.*", "cx.state.feedback: is missing", ["skip", "cx.feedback:0:0"]),
]


@pytest.mark.parametrize(("user", "verb", "name", "error", "command"), MISSING)
def test_a_command_names_a_missing_acl(
    secured: SecuredBroker, user: str, verb: str, name: str, error: str, command: list[str]
) -> None:
    """With the errors of the page."""
    (missing,) = (
        acl for acl in ACLS if (acl.principal, acl.operation, acl.name) == (user, operation(verb), name)
    )
    secured.forbid(missing)
    try:
        result = secured.run(user, *command, stdin=event("refused"))
    finally:
        secured.allow({missing})
    assert result.exit_code in (1, 4)
    assert error in result.output
    assert re.sub(r"cx\.[a-z.]+", "cx.feedback", error).removeprefix("missing topic: ") in PAGE


def test_an_intake_names_a_topic_that_it_may_not_write(secured: SecuredBroker, tmp_path: Path) -> None:
    """It is not ready, and waits for the ACL."""
    missing = Acl("intake", ResourceType.TOPIC, "cx.feedback", AclOperation.WRITE)
    secured.forbid(missing)
    cluster = ChaosCluster(secured.broker.bootstrap, tmp_path, **secured.environ("intake"))
    intake: Any = cluster.start("intake")
    try:
        url = f"http://127.0.0.1:{intake.port}"
        wait(lambda: cluster.get(intake, "/livez"), cluster.logs)
        wait(
            lambda: (
                "missing topics: cx.feedback\n" in send(url, "", None, method="GET", path="/readyz").document
            ),
            cluster.logs,
        )
        secured.allow({missing})
        wait(lambda: cluster.ready(intake), cluster.logs)
    finally:
        secured.allow({missing})
        intake.kill()
        intake.wait()


def test_creating_topics_needs_create(secured: SecuredBroker) -> None:
    """For a topic that is missing."""
    create = Acl("admin", ResourceType.TOPIC, "cx.*", AclOperation.CREATE)
    secured.forbid(create)
    try:
        result = CliRunner(env=secured.environ("admin") | {"CXGAUGE_TOPICS_DEADLETTER": "cx.other"}).invoke(
            main, ["topics", "create"]
        )
    finally:
        secured.allow({create})
    assert result.exit_code == 1
    assert "cx.other: TopicAuthorizationFailedError: Authorization failed." in result.output


@pytest.mark.parametrize(
    ("type_", "verb", "name", "error"),
    [
        (ResourceType.TRANSACTIONAL_ID, "Write", "cxgauge-*", TransactionalIdAuthorizationFailed),
        (ResourceType.TOPIC, "DescribeConfigs", "cx.deadletter", TopicAuthorizationFailedError),
        (ResourceType.TOPIC, "Write", "cx.deadletter", PreconditionFailed),
    ],
)
def test_a_worker_does_not_start_without_an_acl(
    secured: SecuredBroker, type_: ResourceType, verb: str, name: str, error: type[Exception]
) -> None:
    """It tries again after an error of Kafka, and exits with 4 after the other."""
    missing = Acl("worker", type_, name, operation(verb))
    secured.forbid(missing)
    try:
        with pytest.raises(error):
            asyncio.run(check(secured.settings("worker")))
    finally:
        secured.allow({missing})
