"""The ACLs of deploy/docs/acls.md on a broker that allows nothing else, and without one of them."""

import asyncio
import base64
import re
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import bcrypt
import pytest
from aiokafka.errors import ClusterAuthorizationFailedError, TopicAuthorizationFailedError
from confluent_kafka import Producer
from confluent_kafka.admin import AclOperation, AdminClient, NewTopic
from msgspec.structs import replace

from schemas.feedback import FeedbackSubmitted
from schemas.publish import Publisher
from schemas.topics import DOMAINS
from stream.config import Kafka, Settings
from stream.config.settings import Comments, Topics
from stream.errors import PreconditionFailed
from stream.kafka.admin import create
from stream.kafka.client import client_options
from stream.kafka.topics import topics
from stream.worker.health import Health
from stream.worker.startup import prepare
from tests.bridge.bridges import MAPPING, answer
from tests.chaos.cluster import ChaosCluster, wait
from tests.intake.http_client import send
from tests.kafka.segments import damage, segment
from tests.security.secured_broker import (
    ACLS,
    NAMES,
    PARTITIONS,
    Acl,
    SecuredBroker,
    acls_of_the_commands,
    operation,
    succeeds,
)
from tests.support import partition_of_key

pytestmark = pytest.mark.kafka

INPUTS = ("cx.feedback", "cx.tickets", "cx.customers")
EVENT = (
    '{"id":"%s","type":"cx.feedback.submitted.v1","time":"%s",'
    '"data":{"feedback_id":"%s","survey":"nps","score":9,"customer_id":"c-17"}}\n'
)


def event(name: str) -> str:
    """Return a line of JSON with an answer."""
    return EVENT % (name, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), name)


def produce(secured: SecuredBroker, *values: str, partition: int) -> None:
    """Publish values of one batch with librdkafka as `app`."""
    options: dict[str, Any] = {
        "bootstrap.servers": f"127.0.0.1:{secured.ports['SASL_PLAINTEXT']}",
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
        assert "waiting: 0" in succeeds(secured.run("support", "tickets", "waiting"))
        assert "leaving: 0" in succeeds(secured.run("support", "customers", "leaving"))
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
    # Nobody could read the damaged batch after this test.
    secured.delete_records("cx.feedback", home, 1)


COMMANDS: dict[tuple[str, str], list[str]] = {
    ("admin", "cx.*"): ["topics", "check"],
    ("importer", "cx.*"): ["publish", "-"],
    ("support", "cx.*"): ["doctor"],
    ("support", "cx.state.*"): ["explain", "--customer", "c-17"],
    ("support", "cx.panes.*"): ["doctor", "audit"],
    ("support", "cx.deadletter"): ["deadletter", "ls"],
    ("operator", "cx.*"): ["skip", "cx.feedback:0:0"],
    ("operator", "cx.deadletter"): ["deadletter", "purge", "c-17"],
    ("operator", "cxgauge-deadletter-purge"): ["deadletter", "purge", "c-17"],
}
"""The command that fails without an ACL, by principal and name or the beginning of a name."""
REPLAY = ["deadletter", "replay"]
TESTED = sorted(
    acl
    for acl in ACLS
    if acl.principal not in ("app", "bridge", "exporter", "intake")
    and (acl.principal, acl.name) not in (("worker", "cx.clock"), ("worker", "cx.comments"))
)
"""An app uses the client library or any other client. Bridge, exporter and intake run as processes below. Counting needs no clock
topic, and comments only if they are kept."""


def of(principal: str) -> list[Acl]:
    """Return the ACLs of a principal of the page."""
    return sorted(acl for acl in ACLS if acl.principal == principal)


def described(acl: Acl) -> str:
    """Return the name of a test without this ACL."""
    return f"{acl.principal}-{acl.verb}-{acl.name}"


def is_named(acl: Acl, output: str) -> bool:
    """Return whether an output says that an ACL is missing."""
    resource = rf"[a-zA-Z ]+{re.escape(acl.name.removesuffix('*'))}"
    return re.search(f"User:{acl.principal} lacks {acl.verb} on {resource}", output) is not None


def command_of(acl: Acl) -> list[str]:
    """Return the command that needs an ACL."""
    if acl.principal == "operator" and acl.operation is AclOperation.WRITE and acl.name in INPUTS:
        return REPLAY
    if acl.operation is AclOperation.CREATE:
        return ["topics", "create"]
    return COMMANDS.get((acl.principal, acl.name)) or COMMANDS[acl.principal, "cx.*"]


@pytest.mark.parametrize("missing", TESTED, ids=described)
def test_a_missing_acl_is_named(secured: SecuredBroker, missing: Acl) -> None:
    """With the principal, the operation and the resource. The exit code is 4."""
    secured.forbid({missing})
    try:
        if missing.principal == "worker":
            with pytest.raises(PreconditionFailed) as raised:
                asyncio.run(prepare(secured.settings("worker"), Health()))
            output = str(raised.value)
        else:
            deadletter = {"CXGAUGE_TOPICS_DEADLETTER": "cx.other"} if missing.verb == "Create" else {}
            result = secured.run(
                missing.principal, *command_of(missing), stdin=event("refused"), **deadletter
            )
            assert result.exit_code == 4, (result.output, result.exception)
            output = result.output
    finally:
        secured.allow({missing})
    assert is_named(missing, output), output
    assert "Traceback" not in output


@pytest.fixture(scope="module")
def orders(secured: SecuredBroker) -> None:
    """The source topic of the page, with a record for an event and one for a dead letter."""
    unrestricted = {"bootstrap.servers": secured.broker.bootstrap}
    admin, producer = AdminClient(unrestricted), Producer(unrestricted)
    for created in admin.create_topics([NewTopic("orders", 1, 1)]).values():
        created.result()
    for value in (answer(1), b"{"):
        producer.produce("orders", value)
    assert producer.flush(20) == 0


def bridge_orders(secured: SecuredBroker, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a bridge of the topic up to its present end. A process, because it ends by itself after an error."""
    mapping = folder / "mapping.toml"
    mapping.write_text(MAPPING)
    command = ["bridge", "orders", "--mapping", str(mapping), "--once"]
    cluster = ChaosCluster(secured.broker.bootstrap, folder, **secured.environ("bridge"))
    return cluster.run(*command)


@pytest.mark.usefixtures("orders")
def test_a_bridge_works_with_the_acls_of_the_page(secured: SecuredBroker, tmp_path: Path) -> None:
    """It sends an event and a dead letter, and commits. A second one fences it and resumes."""
    for outcome in ("2 records: 1 mapped, 0 ignored, 1 in dead letters", "0 records"):
        finished = bridge_orders(secured, tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.startswith(outcome)


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize("missing", of("bridge"), ids=described)
def test_a_bridge_names_a_missing_acl(secured: SecuredBroker, tmp_path: Path, missing: Acl) -> None:
    secured.forbid({missing})
    try:
        finished = bridge_orders(secured, tmp_path)
    finally:
        secured.allow({missing})
    assert finished.returncode == 4, finished.stderr
    assert is_named(missing, finished.stderr), finished.stderr
    assert "Traceback" not in finished.stderr


def test_figures_do_not_need_the_clock_topic(secured: SecuredBroker, tmp_path: Path) -> None:
    """Worker and exporter say that they may not write and read it, and go on."""
    missing = without(("worker", "Write", "cx.clock"), ("exporter", "Read", "cx.clock"))
    secured.forbid(missing)
    try:
        with ChaosCluster(secured.broker.bootstrap, tmp_path, **NAMES) as cluster:
            worker = cluster.start(**secured.environ("worker"))
            exporter: Any = cluster.start("exporter", **secured.environ("exporter"))
            wait(lambda: "Topic cx.clock is missing: the broker's clock" in cluster.logs(), cluster.logs)
            note = "the broker's clock is not compared: topic cx.clock is missing"
            wait(lambda: note in (cluster.get(exporter, "/readyz") or ""), cluster.logs)
            assert cluster.ready(worker)
            assert worker.poll() is exporter.poll() is None
    finally:
        secured.allow(missing)


def test_an_app_gets_the_errors_of_its_client(secured: SecuredBroker) -> None:
    """One for a topic that it may not write, another one if it may write none."""
    missing = set(of("app"))
    for acls, error in (
        (without(("app", "Write", "cx.feedback")), TopicAuthorizationFailedError),
        (missing, ClusterAuthorizationFailedError),
    ):
        secured.forbid(acls)
        try:
            with pytest.raises(error):
                asyncio.run(publish_with_library(secured))
        finally:
            secured.allow(acls)


ALSO: list[tuple[str, str, str, list[str]]] = [
    ("importer", "Write", "cx.tickets", ["erase", "--yes", "c-17"]),
    ("support", "Read", "cx.state.*", ["doctor", "audit"]),
    ("support", "Read", "cx.panes.*", ["doctor"]),
    ("operator", "Read", "cx.deadletter", REPLAY),
]


@pytest.mark.parametrize(("user", "verb", "name", "command"), ALSO)
def test_other_commands_name_a_missing_acl(
    secured: SecuredBroker, user: str, verb: str, name: str, command: list[str]
) -> None:
    """The same for commands that share an ACL with those above."""
    (missing,) = (
        acl for acl in ACLS if (acl.principal, acl.operation, acl.name) == (user, operation(verb), name)
    )
    secured.forbid({missing})
    try:
        result = secured.run(user, *command)
    finally:
        secured.allow({missing})
    assert result.exit_code == 4, (result.output, result.exception)
    assert f"User:{user} lacks {verb} on topic {name.removesuffix('*')}" in result.output


def without(*names: tuple[str, str, str]) -> set[Acl]:
    """Return ACLs of the page by principal, operation and name."""
    acls = {acl for acl in ACLS if (acl.principal, acl.verb, acl.name) in names}
    assert len(acls) == len(names)
    return acls


def test_a_copy_needs_the_acls_of_an_importer_at_the_target(secured: SecuredBroker, tmp_path: Path) -> None:
    """And Read here, which `operator` has. An error says which side lacks a right."""
    names = {domain: f"there.{domain}" for domain in DOMAINS}
    connection = Kafka(bootstrap_servers=secured.broker.bootstrap)
    there = Settings(kafka=connection, topics=Topics(**names, state_prefix="there", partitions=PARTITIONS))
    asyncio.run(create(there, topics(there)))
    rights = {
        acl._replace(name=acl.name.replace("cx.", "there.")) for acl in ACLS if acl.principal == "importer"
    }
    kafka = secured.environ("importer")
    lines = [
        "[kafka]",
        *(
            f'{n} = "{kafka[f"CXGAUGE_KAFKA_{n.upper()}"]}"'
            for n in ("bootstrap_servers", "security_protocol")
        ),
        *(f'{n} = "importer"' for n in ("sasl_username", "sasl_password")),
        "[topics]",
        f"partitions = {PARTITIONS}",
        *(f'{domain} = "{name}"' for domain, name in names.items()),
    ]
    config = tmp_path / "there.toml"
    config.write_text("\n".join(lines))
    produce(secured, event("copied"), partition=0)
    refused = secured.run("operator", "copy", "--to", str(config))
    assert refused.exit_code == 4
    assert "target 127.0.0.1:" in refused.output
    assert "User:importer lacks Write on topic there.customers" in refused.output
    assert "with its configuration" not in refused.output
    secured.allow(rights)
    assert "Copied " in succeeds(secured.run("operator", "copy", "--to", str(config)))


@pytest.mark.parametrize("missing", of("intake"), ids=described)
def test_an_intake_names_a_missing_acl(secured: SecuredBroker, tmp_path: Path, missing: Acl) -> None:
    """At its start."""
    secured.forbid({missing})
    try:
        with ChaosCluster(secured.broker.bootstrap, tmp_path, **NAMES) as cluster:
            assert cluster.start("intake", **secured.environ("intake")).wait(30) == 4, cluster.logs()
            assert is_named(missing, cluster.logs())
            assert "Traceback" not in cluster.logs()
    finally:
        secured.allow({missing})


def test_an_exporter_names_a_missing_acl(secured: SecuredBroker, tmp_path: Path) -> None:
    """At its start, and while it runs."""
    missing = without(("exporter", "Read", "cx.panes.*"))
    text = "User:exporter lacks Read on topic cx.panes."
    with ChaosCluster(secured.broker.bootstrap, tmp_path, **NAMES) as cluster:
        running: Any = cluster.start("exporter", **secured.environ("exporter"))
        wait(lambda: re.search("covered|complete", cluster.logs()), cluster.logs)
        secured.forbid(missing)
        try:
            assert running.wait(30) == 4, cluster.logs()
            assert text in cluster.logs()
            assert cluster.start("exporter", **secured.environ("exporter")).wait(30) == 4, cluster.logs()
        finally:
            secured.allow(missing)
        assert cluster.logs().count(f"Error: {text}") == 2
        assert "Traceback" not in cluster.logs()


def test_an_exporter_that_may_not_compare_its_topics(secured: SecuredBroker, tmp_path: Path) -> None:
    """It ends at its start."""
    missing = without(("exporter", "DescribeConfigs", "cx.panes.*"))
    secured.forbid(missing)
    try:
        with ChaosCluster(secured.broker.bootstrap, tmp_path, **NAMES) as cluster:
            assert cluster.start("exporter", **secured.environ("exporter")).wait(30) == 4, cluster.logs()
            assert "User:exporter lacks DescribeConfigs on topic cx.panes." in cluster.logs()
    finally:
        secured.allow(missing)


FOR_USERS = {
    "cx.state.tickets": ("/api/v1/lists", "/api/v1/tickets", '"tickets":'),
    "cx.state.customers": ("/api/v1/lists", "/api/v1/customers/leaving", '"customers":'),
    "cx.comments": ("/api/v1/comments/state", "/api/v1/comments", '"comments":'),
}
"""Topics that an exporter reads for its users, with the paths of their state and of what is in them, and a part of that."""
KEPT = Comments(keep=True)


@pytest.fixture(scope="module")
def comments_topic(secured: SecuredBroker) -> None:
    """The topic of comments, which exists only if they are kept."""
    connection = Kafka(bootstrap_servers=secured.broker.bootstrap)
    settings = Settings(kafka=connection, topics=Topics(partitions=PARTITIONS), comments=KEPT)
    asyncio.run(create(settings, topics(settings)))


@pytest.mark.usefixtures("comments_topic")
@pytest.mark.parametrize("missing", [acl for acl in of("worker") if acl.name == "cx.comments"], ids=described)
def test_a_worker_that_keeps_comments_names_a_missing_acl(secured: SecuredBroker, missing: Acl) -> None:
    settings = replace(secured.settings("worker"), comments=KEPT)
    asyncio.run(prepare(settings, Health()))
    secured.forbid({missing})
    try:
        with pytest.raises(PreconditionFailed) as raised:
            asyncio.run(prepare(settings, Health()))
    finally:
        secured.allow({missing})
    assert is_named(missing, str(raised.value))


@pytest.mark.usefixtures("comments_topic")
@pytest.mark.parametrize("missing", [acl for acl in of("exporter") if acl.name in FOR_USERS], ids=described)
def test_figures_do_not_need_the_rights_of_lists(
    secured: SecuredBroker, tmp_path: Path, missing: Acl
) -> None:
    """An exporter with users names a missing right, serves its figures, and lists when it has the right."""
    password = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    web = tmp_path / "web.yml"
    web.write_text(f"basic_auth_users:\n  lead: {password}\n")
    more = {"CXGAUGE_EXPORTER_WEB_CONFIG": str(web), "CXGAUGE_COMMENTS_KEEP": "true"}
    state, path, part = FOR_USERS[missing.name]
    with ChaosCluster(secured.broker.bootstrap, tmp_path, **NAMES) as cluster:
        cluster.start(**secured.environ("worker") | {"CXGAUGE_COMMENTS_KEEP": "true"})
        secured.forbid({missing})
        try:
            exporter: Any = cluster.start("exporter", **secured.environ("exporter") | more)
            wait(lambda: is_named(missing, _get(exporter, state)), cluster.logs)
            wait(lambda: _get(exporter, "/readyz").startswith("ok"), cluster.logs)
            assert is_named(missing, cluster.logs())
        finally:
            secured.allow({missing})
        wait(lambda: part in _get(exporter, path), cluster.logs)


def _get(exporter: Any, path: str) -> str:
    """Return an answer to the user, empty if there is none."""
    password = base64.b64encode(b"lead:secret").decode()
    request = Request(
        f"http://127.0.0.1:{exporter.port}{path}", headers={"Authorization": f"Basic {password}"}
    )
    try:
        with urlopen(request, timeout=5) as response:  # noqa: S310 - http
            return str(response.read().decode())
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("verb", "name", "resource"),
    [
        ("Read", "cxgauge", "group cxgauge"),
        ("Read", "cx.feedback", "topic cx.feedback"),
        ("Write", "cx.deadletter", "topic cx.deadletter"),
        ("Write", "cx.panes.*", "topic cx.panes."),
        ("Write", "cxgauge-*", "transactional ID cxgauge-"),
    ],
)
def test_a_running_worker_names_an_acl_that_is_taken_away(
    secured: SecuredBroker, tmp_path: Path, verb: str, name: str, resource: str
) -> None:
    """Within 30 s, with an event that it must read and a dead letter that it must write."""
    missing = without(("worker", verb, name))
    with ChaosCluster(secured.broker.bootstrap, tmp_path, **NAMES) as cluster:
        worker = cluster.start(**secured.environ("worker"))
        wait(lambda: cluster.ready(worker), cluster.logs)
        secured.forbid(missing)
        try:
            for partition in range(PARTITIONS):
                produce(secured, "{nonsense", partition=partition)
            assert worker.wait(30) == 4, cluster.logs()
        finally:
            secured.allow(missing)
        assert f"User:worker lacks {verb} on {resource}" in cluster.logs()
        assert "Traceback" not in cluster.logs()
