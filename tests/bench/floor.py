"""The floor: aiokafka, one typed decode, one dictionary; nothing kept, nothing written. argv: bootstrap, topic, n."""

import asyncio
import json
import sys
import time

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


async def main(bootstrap: str, topic: str, n: int) -> None:
    decode = msgspec.json.Decoder(Event).decode
    panes: dict[tuple[str, str, str, str], list[int]] = {}
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20
    )
    await consumer.start()
    seen, began = 0, 0.0
    while seen < n:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            began = began or time.perf_counter()
            for record in records:
                event = decode(record.value)
                data = event.data
                key = (data.survey, data.channel, data.touchpoint, event.time[:16])
                pane = panes.get(key)
                if pane is None:
                    pane = panes[key] = [0, 0, 0]
                pane[0 if data.score >= 9 else 1 if data.score >= 7 else 2] += 1
            seen += len(records)
    print(json.dumps({"events_s": seen / (time.perf_counter() - began), "cells": len(panes)}))
    await consumer.stop()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
