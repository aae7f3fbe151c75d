"""A worker in a rebalance, with aiokafka's coordinator and no broker."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import subscription_state
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from stream.config import load
from stream.worker.app import build
from stream.worker.transport import BatchConsumerThread

PARTITIONS = {TopicPartition("cx.feedback", 0)}
LONG = 3_600.0
"""Seconds that a rebalance takes, far longer than aiokafka lets a consumer be without a fetch."""


class Member(GroupCoordinator):
    """A member of a group whose attempts to join are answered by `answers`, after `LONG` each."""

    def __init__(self, subscription: SubscriptionState, pass_time: Any, answers: list[bool]) -> None:
        self._subscription = subscription
        self._performed_join_prepare = False
        self.sends_heartbeats = False
        self._max_poll_interval = 300.0
        self._retry_backoff_ms = 0
        self.group_id = "group"
        self._enable_auto_commit = False
        self._pass_time = pass_time
        self._answers = answers

    async def _do_rejoin_group(self, subscription: Any) -> bool:
        self._pass_time(LONG)
        if joined := self._answers.pop(0):
            subscription._assign(PARTITIONS)
            await self._subscription.listener.on_partitions_assigned(PARTITIONS)
        return joined

    def _start_heartbeat_task(self) -> None:
        self.sends_heartbeats = True

    async def _stop_heartbeat_task(self) -> None:
        self.sends_heartbeats = False


async def test_a_worker_joins_again_however_long_it_waits_and_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other members may load for hours. A request to join fails after 40 s, and must be repeated."""
    passed = [0.0]

    def pass_time(seconds: float) -> None:
        passed[0] += seconds

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed[0])
    monkeypatch.setattr(subscription_state, "time", clock)
    loads: list[tuple[bool, float]] = []
    app = build(load(None, {}), store=None, clock=lambda: 0, fail_fast=print)  # type: ignore[arg-type]
    thread = BatchConsumerThread(app.consumer, thread_loop=asyncio.get_running_loop())
    subscription = SubscriptionState()

    async def revoked(*_: object) -> None:
        """Flush."""

    async def assigned(*_: object) -> None:
        pass_time(LONG)
        loads.append((member.sends_heartbeats, subscription.fetcher_idle_time))

    monkeypatch.setattr(AIOKafkaConsumerThread, "on_partitions_revoked", revoked)
    monkeypatch.setattr(AIOKafkaConsumerThread, "on_partitions_assigned", assigned)
    subscription.subscribe({"cx.feedback"}, listener=thread._rebalance_listener)
    member = Member(subscription, pass_time, [True, False, False, True])
    thread._consumer = SimpleNamespace(_subscription=subscription, _coordinator=member)
    member.generation = 1
    present = subscription.subscription
    assignment = await member.ensure_active_group(present, None)
    assert assignment is not None
    joined = [await member.ensure_active_group(present, assignment) for _ in range(3)]
    assert [result is not None for result in joined] == [False, False, True]
    assert loads == [(True, 0), (True, 0)]
    pass_time(LONG)
    assert LONG <= subscription.fetcher_idle_time < 2 * LONG
