"""Faust as documented: a Record and a table write for each event. argv: bootstrap, topic, n, partitions."""

import json
import os
import sys
import tempfile
import time
from typing import Any

import faust

bootstrap, topic, n, partitions = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
app = faust.App(
    f"naive-{os.getpid()}",
    broker=f"kafka://{bootstrap}",
    store="memory://",
    topic_partitions=partitions,
    topic_replication_factor=1,
    topic_disable_leader=True,
    datadir=tempfile.mkdtemp(),
    web_enabled=False,
)


class Data(faust.Record):
    survey: str
    score: int
    channel: str
    touchpoint: str


class Event(faust.Record):
    id: str
    type: str
    time: str
    data: Data


table = app.Table("panes", default=int, partitions=partitions)
progress = [0, 0.0]


@app.agent(app.topic(topic, value_type=Event, partitions=partitions))
async def count(events: Any) -> None:
    async for event in events:
        progress[1] = progress[1] or time.perf_counter()
        data = event.data
        table[f"{data.survey}|{data.channel}|{data.touchpoint}|{event.time[:16]}"] += 1
        progress[0] += 1
        if progress[0] == n:
            os.write(
                1, json.dumps({"events_s": n / (time.perf_counter() - progress[1])}).encode()
            )  # Faust takes stdout
            os._exit(0)


sys.argv = ["naive", "worker", "--without-web", "-l", "error"]
app.main()
