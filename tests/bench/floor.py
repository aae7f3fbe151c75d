"""The floor: aiokafka, one typed decode, one dictionary, no state and no output. argv: bootstrap, topic, n."""

import asyncio
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer


class Data(msgspec.Struct, gc=False):
    survey: str = ""
    score: int = 0
    channel: str = ""
    touchpoint: str = ""


class Event(msgspec.Struct, gc=False):
    id: str
    type: str
    time: str
    data: Data


Panes = dict[tuple[str, str, str, str], list[int]]
decode = msgspec.json.Decoder(Event).decode


def count(records: Iterable[Any], panes: Panes) -> None:
    """Count promoters, passives and detractors by survey, channel, touchpoint and minute."""
    for record in records:
        event = decode(record.value)
        data = event.data
        key = (data.survey, data.channel, data.touchpoint, event.time[:16])
        pane = panes.get(key)
        if pane is None:
            pane = panes[key] = [0, 0, 0]
        pane[0 if data.score >= 9 else 1 if data.score >= 7 else 2] += 1


async def main(bootstrap: str, topic: str, n: int) -> None:
    panes: Panes = {}
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20
    )
    await consumer.start()
    records_read, started_at = 0, 0.0
    while records_read < n:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            started_at = started_at or time.perf_counter()
            count(records, panes)
            records_read += len(records)
    print(json.dumps({"events_s": records_read / (time.perf_counter() - started_at), "cells": len(panes)}))
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
