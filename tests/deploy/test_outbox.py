"""The example of an outbox: the event of each committed transaction counts once, whenever the relay is killed."""

import importlib.util
import pkgutil
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from click.testing import CliRunner

import schemas
from schemas.codec import Decoder, make
from schemas.customers import PurchaseCompleted
from schemas.envelope import EVENTS, Event
from schemas.examples import EXAMPLES
from schemas.publish_sync import SyncPublisher
from schemas.topics import TOPICS
from stream.cli import main
from stream.core.aggregation.customers import Customers
from stream.core.aggregation.task import PartitionTask
from tests.chaos.cluster import wait
from tests.deploy.project import ROOT
from tests.support import NOW, FakeRecord, aggregation_config

SCRIPT = ROOT / "deploy/examples/outbox_relay.py"
PAGE = (ROOT / "deploy/docs/outbox.md").read_text(encoding="utf-8")
INPUTS = ("feedback", "tickets", "customers")


@pytest.fixture(scope="module")
def outbox() -> Iterator[Any]:
    """The module of the example. It imports `schemas` by the name that apps use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)  # it would be among the files of the wheel
        patch.setitem(sys.modules, "cxgauge_events", schemas)
        for module in pkgutil.iter_modules(schemas.__path__):
            name = f"schemas.{module.name}"
            patch.setitem(sys.modules, f"cxgauge_events.{module.name}", import_module(name))
        spec = importlib.util.spec_from_file_location("outbox_relay", SCRIPT)
        assert spec is not None
        assert spec.loader is not None
        example = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(example)
        yield example


@pytest.fixture
def database(outbox: Any, tmp_path: Path) -> Path:
    """The app's database, with a table of its own and the outbox."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as shop:
        shop.execute("CREATE TABLE orders (id TEXT PRIMARY KEY)")
        shop.execute(outbox.CREATE)
        shop.commit()
    return path


@pytest.fixture
def shop(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(database)) as connection:
        yield connection


@pytest.fixture
def names(environ: dict[str, str]) -> dict[str, str]:
    """The names of the input topics by domain."""
    return {domain: environ[f"CXGAUGE_TOPICS_{domain.upper()}"] for domain in INPUTS}


def purchase(number: int) -> Event:
    data = PurchaseCompleted(
        order_id=f"o-{number}", customer_id=f"c-{number % 7}", amount_minor=100 + number, currency="EUR"
    )
    return make(data, id=f"purchase-{number}", source="/shop", time=NOW + number)


def buy(outbox: Any, shop: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Write orders and their events, each in one transaction."""
    for number in numbers:
        with shop:
            shop.execute("INSERT INTO orders VALUES (?)", [f"o-{number}"])
            outbox.add(shop, purchase(number))


def rows(shop: sqlite3.Connection, table: str) -> int:
    return int(shop.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


def outcomes(records: Iterable[ConsumerRecord]) -> dict[str, int]:
    """Return the outcomes of records as a worker counts them."""
    task = PartitionTask(Customers(), 0, 1, aggregation_config())
    for offset, record in enumerate(records):
        fake = FakeRecord(offset, record.timestamp, record.key, record.value, record.headers)
        task.process([fake], record.timestamp)
    return {outcome: count for outcome, count in task.outcome_counts.items() if count}


class KilledPublisher(SyncPublisher):
    """A publisher whose process is killed when Kafka has the events."""

    def send_all(self, events: Iterable[Any]) -> None:
        super().send_all(events)
        raise KeyboardInterrupt


@pytest.mark.kafka
def test_a_relay_that_is_killed_before_it_deletes(
    outbox: Any,
    shop: sqlite3.Connection,
    names: dict[str, str],
    runner: CliRunner,
    environ: dict[str, str],
    sent: Callable[[str], list[ConsumerRecord]],
) -> None:
    """The events are published twice and count once. A transaction that was rolled back has none."""
    buy(outbox, shop, range(20))
    with pytest.raises(sqlite3.IntegrityError):
        buy(outbox, shop, [3])
    servers = environ["CXGAUGE_KAFKA_BOOTSTRAP_SERVERS"]
    with KilledPublisher(servers, topics=names) as publisher, pytest.raises(KeyboardInterrupt):
        outbox.relay(shop, publisher)
    assert rows(shop, "cx_outbox") == 20
    with SyncPublisher(servers, topics=names) as publisher:
        assert [outbox.relay(shop, publisher) for _ in range(2)] == [20, 0]
    assert rows(shop, "cx_outbox") == 0
    assert outcomes(sent("customers")) == {"accepted": 20, "duplicate": 20}


@pytest.mark.kafka
def test_the_relay_is_killed_under_load(
    outbox: Any,
    shop: sqlite3.Connection,
    database: Path,
    tmp_path: Path,
    names: dict[str, str],
    runner: CliRunner,
    environ: dict[str, str],
    sent: Callable[[str], list[ConsumerRecord]],
) -> None:
    """By SIGKILL. After the last start it ends with 0 at SIGTERM, and every order was counted once."""
    (tmp_path / "cxgauge_events").symlink_to(ROOT / "schemas")
    patched = SCRIPT.read_text(encoding="utf-8").replace(
        "SyncPublisher(brokers)", f"SyncPublisher(brokers, topics={names!r})"
    )
    (tmp_path / "relay.py").write_text(patched.replace("BATCH = 500", "BATCH = 3"), encoding="utf-8")
    command = [sys.executable, "relay.py", database, environ["CXGAUGE_KAFKA_BOOTSTRAP_SERVERS"]]
    for part in range(3):
        relay = subprocess.Popen(command, cwd=tmp_path)
        try:
            buy(outbox, shop, range(part * 100, part * 100 + 100))
            limit = 50 if part < 2 else 1
            wait(lambda limit=limit: rows(shop, "cx_outbox") < limit, lambda: rows(shop, "cx_outbox"))
        finally:
            relay.send_signal(signal.SIGKILL if part < 2 else signal.SIGTERM)
            code = relay.wait(20)
    assert code == 0
    counts = outcomes(sent("customers"))
    assert counts["accepted"] == rows(shop, "orders") == 300
    assert counts.keys() <= {"accepted", "duplicate"}


@pytest.mark.kafka
def test_the_relay_of_the_page_for_the_shell(
    outbox: Any,
    shop: sqlite3.Connection,
    database: Path,
    runner: CliRunner,
    environ: dict[str, str],
    sent: Callable[[str], list[ConsumerRecord]],
) -> None:
    """The statements of the page, with `publish` between them."""
    buy(outbox, shop, range(10))
    statements = re.findall(r'sqlite3 shop\.db "([^"]+)"', PAGE)
    (last,) = shop.execute(statements[0]).fetchone()
    buy(outbox, shop, [10])  # meanwhile
    lines = [row[0] for row in shop.execute(statements[1].replace("$last", str(last)))]
    result = runner.invoke(main, ["publish", "-"], input="".join(f"{line}\n" for line in lines))
    assert result.exit_code == 0, result.output
    with shop:
        shop.execute(statements[2].replace("$last", str(last)))
    assert len(statements) == 3
    assert rows(shop, "cx_outbox") == 1
    assert outcomes(sent("customers")) == {"accepted": 10}


def test_every_event_passes_the_outbox(outbox: Any, shop: sqlite3.Connection) -> None:
    """The payload is what a worker decodes from a record of Debezium's router: text of `payload`, `owner`, no CloudEvents header."""
    for kind in EVENTS:
        topic = next(topic for topic in TOPICS.values() if kind in topic.types)
        event = Decoder(topic).decode(EXAMPLES[kind], ())
        outbox.add(shop, event)
        domain, owner, payload = shop.execute(
            "SELECT topic, owner, payload FROM cx_outbox ORDER BY number DESC LIMIT 1"
        ).fetchone()
        assert owner
        decoded = Decoder(TOPICS[domain]).decode(payload.encode(), [("id", b"17")])
        assert (decoded, decoded.data) == (event, event.data)


def test_the_page_names_the_columns_of_the_example(outbox: Any) -> None:
    columns = re.findall(r"^    (\w+) ", outbox.CREATE, re.MULTILINE)
    assert columns == ["number", "topic", "owner", "payload"]
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == columns
    options = dict(re.findall(r"^transforms\.outbox\.([\w.]+)=(\S+)$", PAGE, re.MULTILINE))
    named = {value for option, value in options.items() if ".field" in option}
    assert named == set(columns)
    prefix, _, variable = options["route.topic.replacement"].partition("$")
    assert variable == "{routedByValue}"
    assert [prefix + domain for domain in TOPICS] == [topic.name for topic in TOPICS.values()]
