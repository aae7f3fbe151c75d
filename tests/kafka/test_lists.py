"""Lists of tickets and customers: by commands that read the state, and by an exporter that follows it."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import bcrypt
import pytest

from schemas.customers import CustomerErased
from schemas.publish import Publisher
from schemas.topics import DOMAINS
from tests.chaos.cluster import ChaosCluster, wait
from tests.chaos.feedback_load import PublishedRecord, envelope
from tests.support import HOUR, MINUTE

pytestmark = pytest.mark.kafka


@pytest.fixture
def cluster(kafka: str, tmp_path: Path) -> Iterator[ChaosCluster]:
    """Yield a worker and an exporter with a user, whose client is `cluster.run` with `--url`."""
    web = tmp_path / "web.yml"
    web.write_text(f"basic_auth_users:\n  lead: {bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()}\n")
    env = {
        "CXGAUGE_EXPORTER_WEB_CONFIG": str(web),
        "CXGAUGE_EXPORTER_TICKET_URL": "https://desk.example/{id}",
        "CXGAUGE_COMMENTS_KEEP": "true",
    }
    with ChaosCluster(kafka, tmp_path, **env) as new_cluster:
        new_cluster.env |= {"CX_TOP_PASSWORD": "secret"}
        new_cluster.start()
        yield new_cluster


def record(kind: str, at: int, key: str, **data: Any) -> PublishedRecord:
    name: Any = f"{kind}-{key}"
    return PublishedRecord(key.encode(), envelope(f"cx.{kind}.v1", at, name, data), at, None)


def tickets(now: int) -> Iterator[PublishedRecord]:
    """Yield 20 tickets that wait, the older half over its target, ten solved ones, and two orphans."""
    for n in range(30):
        at = now - 3 * HOUR - n * MINUTE if n % 2 else now - n * MINUTE
        fields = {"ticket_id": f"t-{n}", "customer_id": f"c-{n}"}
        yield record("ticket.created", at, f"t-{n}", **fields, channel="chat")
        if n >= 20:
            yield record("ticket.status", now - MINUTE, f"t-{n}", ticket_id=f"t-{n}", status="solved")
    for n in range(2):
        yield record("ticket.status", now, f"o-{n}", ticket_id=f"o-{n}", status="open")


def listed(cluster: ChaosCluster, *arguments: str) -> Any:
    """Return the document that a command prints."""
    result = cluster.run(*arguments, "--format", "json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def ids(document: Any) -> list[str]:
    return [row["id"] for row in document["tickets"]]


def test_lists_of_a_running_cluster(cluster: ChaosCluster) -> None:
    now = int(time.time() * 1000)
    cluster.publish(tickets(now), topic="tickets", partitioner="consistent")
    customers = [
        record("customer.activated", now - HOUR, "gone", customer_id="gone"),
        record("customer.churned", now, "gone", customer_id="gone", reason="price"),
    ]
    cluster.publish(customers, topic="customers")
    for domain in ("tickets", "customers"):
        assert cluster.wait_until_counted(domain), cluster.logs()

    over_target = [f"t-{n}" for n in range(19, 0, -2)]
    waiting = listed(cluster, "tickets", "waiting")
    assert (waiting["total"], len(ids(waiting)), waiting["incomplete"]) == (20, 20, "")
    assert ids(waiting)[:10] == over_target
    assert waiting["tickets"][0]["url"] == "https://desk.example/t-19"
    assert ids(listed(cluster, "tickets", "over-target", "--limit", "3")) == over_target[:3]
    assert sorted(ids(listed(cluster, "tickets", "unanswered"))) == [f"t-{n}" for n in range(20, 30)]
    assert ids(listed(cluster, "tickets", "waiting", "--channel", "mail")) == []
    assert [row["reason"] for row in listed(cluster, "customers", "leaving")["customers"]] == ["price"]

    exporter: Any = cluster.start("exporter")
    ask = ("--url", f"http://127.0.0.1:{exporter.port}", "--user", "lead")
    wait(lambda: cluster.run("tickets", "orphans", *ask).returncode == 0, cluster.logs)
    wait(lambda: not listed(cluster, "tickets", "orphans", *ask)["incomplete"], cluster.logs)
    assert ids(listed(cluster, "tickets", "waiting", *ask)) == ids(waiting)
    assert sorted(ids(listed(cluster, "tickets", "orphans", *ask))) == ["o-0", "o-1"]
    assert listed(cluster, "customers", "leaving", *ask)["total"] == 1
    refused = cluster.run("tickets", "waiting", *ask, "--window", "7d")
    assert (refused.returncode, "--window is for" in refused.stderr) == (2, True)

    cluster.publish([record("ticket.created", now, "o-0", ticket_id="o-0")], topic="tickets")
    wait(lambda: ids(listed(cluster, "tickets", "orphans", *ask)) == ["o-1"], cluster.logs)
    asyncio.run(erase(cluster, "c-19"))
    wait(lambda: ids(listed(cluster, "tickets", "over-target", *ask)) == over_target[1:], cluster.logs)
    assert ids(listed(cluster, "tickets", "over-target")) == over_target[1:]


async def erase(cluster: ChaosCluster, customer_id: str) -> None:
    names = {domain: cluster.settings.topics.input(domain) for domain in DOMAINS}
    async with Publisher(cluster.settings.kafka.bootstrap_servers, topics=names) as publisher:
        await publisher.send(CustomerErased(customer_id=customer_id))


def test_text_and_csv(cluster: ChaosCluster) -> None:
    now = int(time.time() * 1000)
    event = record("ticket.created", now - 2 * HOUR, "t", ticket_id='a,"b', channel="chat", priority="low")
    cluster.publish([event], topic="tickets")
    assert cluster.wait_until_counted("tickets"), cluster.logs()
    lines = cluster.run("tickets", "waiting").stdout.splitlines()
    assert lines[0] == "waiting: 1"
    assert lines[2].split() == ["id", "age", "channel", "team", "priority", "url"]
    assert lines[3].split() == ['a,"b', "2", "h", "chat", "-", "low", "https://desk.example/a%2C%22b"]
    head, row = cluster.run("tickets", "waiting", "--format", "csv").stdout.splitlines()
    assert head == "id,since,age_seconds,channel,team,priority,url"
    assert row.startswith('"a,""b",')
    assert row.endswith(",chat,,low,https://desk.example/a%2C%22b")
    assert cluster.run("tickets", "reopened").stdout == "reopened: 0 in 24h\n"


def comment_texts(exporter: Any) -> dict[str, str] | None:
    """Return the texts of the exporter's comments by the ID of the answer, None until they are read."""
    password = base64.b64encode(b"lead:secret").decode()
    url = f"http://127.0.0.1:{exporter.port}/api/v1/comments"
    request = Request(url, headers={"Authorization": f"Basic {password}"})
    try:
        with urlopen(request, timeout=5) as response:  # noqa: S310 - http
            return {entry["feedback_id"]: entry["text"] for entry in json.loads(response.read())["comments"]}
    except OSError:
        return None


def test_kept_comments(cluster: ChaosCluster) -> None:
    """From the event to the exporter, with edits, a deletion, an erasure, and a worker that is killed."""
    now = int(time.time() * 1000)
    exporter: Any = cluster.start("exporter")

    def answered(name: str, comment: str, **data: Any) -> PublishedRecord:
        fields = {"feedback_id": name, "survey": "nps", "score": 3, "customer_id": f"c-{name}"}
        return record("feedback.submitted", now, name, **fields, comment=comment, **data)

    cluster.publish(
        [answered("a", "slow"), answered("b", "dear"), answered("c", "bad"), answered("d", "odd")],
        partitioner="consistent",
    )
    wait(lambda: comment_texts(exporter) == {"a": "slow", "b": "dear", "c": "bad", "d": "odd"}, cluster.logs)
    cluster.workers[0].kill()
    edits = [
        answered("a", "not slow", revision=2),
        answered("a", "late edit", revision=1),
        answered("d", " ", revision=1),
    ]
    cluster.publish([*edits, record("feedback.deleted", now, "b", feedback_id="b")], partitioner="consistent")
    cluster.start()
    wait(lambda: comment_texts(exporter) == {"a": "not slow", "c": "bad"}, cluster.logs)
    asyncio.run(erase(cluster, "c-a"))
    wait(lambda: comment_texts(exporter) == {"c": "bad"}, cluster.logs)
    later: Any = cluster.start("exporter")
    wait(lambda: comment_texts(later) == {"c": "bad"}, cluster.logs)
