"""The distribution `cxgauge-events` in an app that has its own packages `schemas` and `stream`."""

import asyncio
import subprocess
import sys
import uuid
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

import schemas
from tests.deploy.project import ROOT

APP = """\
import asyncio
import sys

import click
import schemas
import stream
from cxgauge_events import FeedbackSubmitted, Publisher

assert schemas.MINE and stream.MINE
assert tuple(map(int, click.__version__.split(".")[:2])) >= (8, 4)


async def main(servers, topic):
    answer = FeedbackSubmitted(feedback_id="r-1", survey="nps", score=9, customer_id="c-17", channel="web")
    async with Publisher(servers, topics={"feedback": topic}) as publisher:
        await publisher.send(answer)
        for fields in ({"feedback_id": "r-2", "score": 11}, {"feedback_id": "", "score": 9}):
            try:
                await publisher.send(FeedbackSubmitted(survey="nps", **fields))
            except ValueError as error:
                print(type(error).__name__, error)


asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT / "schemas", check=True, capture_output=True)
    (wheel_path,) = folder.glob("*.whl")
    return wheel_path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app's own environment: the client, its two dependencies and a click that the server cannot have."""
    folder = tmp_path_factory.mktemp("app")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [
        folder / "venv" / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, wheel, "click>=8.4"], check=True, capture_output=True)
    for package in ("schemas", "stream"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text("MINE = True\n")
    (folder / "app.py").write_text(APP)
    return folder


def test_the_wheel_contains_the_package_cxgauge_events_only(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    assert {
        "cxgauge_events/__init__.py",
        "cxgauge_events/py.typed",
        "cxgauge_events/publish_sync.py",
    } <= names
    assert not {"cxgauge_events/generate.py", "cxgauge_events/json_schemas.py"} & names
    assert "cxgauge_events/generated/asyncapi.json" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert (ROOT / "schemas/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert not any(name.startswith(("schemas/", "stream/")) for name in names)


def test_the_client_has_two_dependencies(environment: Path) -> None:
    command = [environment / "venv" / "bin" / "python", "-m", "pip", "list", "--format=freeze"]
    freeze_output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    installed = {line.partition("==")[0] for line in freeze_output.splitlines()} - {
        "pip",
        "setuptools",
        "click",
    }
    assert {"cxgauge-events", "aiokafka", "msgspec"} <= installed
    assert len(installed) <= 8, installed


@pytest.mark.kafka
def test_an_app_with_packages_of_the_same_names_publishes(environment: Path, kafka: str) -> None:
    topic = f"{uuid.uuid4().hex[:8]}.feedback"
    asyncio.run(create_topic(kafka, topic))
    command = [environment / "venv" / "bin" / "python", "app.py", kafka, topic]
    result = subprocess.run(command, cwd=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "ValueError score: expected int from 0 to 10, or null, got 11",  # when it is built
        "Undecodable data.feedback_id: expected str of length >= 1, got ''",  # when it is sent
    ]
    value = asyncio.run(read_first_value(kafka, topic))
    assert b'"feedback_id":"r-1"' in value


def test_every_public_name_exists() -> None:
    """The server's package has the same names. The publisher is imported at its first use."""
    assert [name for name in schemas.__all__ if not hasattr(schemas, name)] == []
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = schemas.Nothing
    assert metadata.version("aiokafka").startswith("0.14.")


async def create_topic(servers: str, topic: str) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=servers)
    await client.start()
    try:
        await client.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await client.close()


async def read_first_value(servers: str, topic: str) -> bytes:
    """Return the value of the only record of a topic of one partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        async with asyncio.timeout(30):
            record = await consumer.getone()
        return record.value or b""
    finally:
        await consumer.stop()
