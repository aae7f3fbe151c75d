"""Topics, and the partition of a key."""

from random import Random

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from schemas.customers import CustomerErased
from schemas.envelope import EVENTS
from schemas.topics import (
    CUSTOMERS,
    FEEDBACK,
    TICKETS,
    TOPICS,
    murmur2,
    partition_of,
    partitions_of,
    topics_of,
)


@given(st.binary(max_size=64))
def test_murmur2(key: bytes) -> None:
    """The hash is aiokafka's for keys of every length."""
    assert murmur2(key) == reference(key)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"abc", 479470107),
    ],
)
def test_murmur2_of_java(key: bytes, value: int) -> None:
    """The hash is that of Kafka's own tests, which print it signed."""
    assert murmur2(key) == value % 2**32


@given(key=st.binary(min_size=1, max_size=40), count=st.integers(1, 50))
def test_partition(key: bytes, count: int) -> None:
    """A key belongs to the partition where aiokafka's default partitioner puts it."""
    partitions = list(range(count))
    assert partition_of(key, count) == DefaultPartitioner()(key, partitions, partitions)


def test_every_type_has_a_home() -> None:
    """A type is native to one topic, the erasure to all three."""
    homes = {kind: topics_of(kind) for kind in EVENTS}
    assert homes.pop(CustomerErased) == (FEEDBACK, TICKETS, CUSTOMERS)
    assert {len(topics) for topics in homes.values()} == {1}
    assert [(domain, topic.domain, topic.name) for domain, topic in TOPICS.items()] == [
        ("feedback", "feedback", "cx.feedback"),
        ("tickets", "tickets", "cx.tickets"),
        ("customers", "customers", "cx.customers"),
    ]


@given(st.lists(st.binary(max_size=70), max_size=20), st.integers(1, 50))
def test_partitions_of_keys_of_mixed_lengths(keys: list[bytes], count: int) -> None:
    """Hashing keys together gives the partitions of single keys."""
    assert partitions_of(keys, count) == [partition_of(key, count) for key in keys]


@pytest.mark.parametrize("length", range(71))
def test_partitions_of_keys_of_one_length(length: int) -> None:
    """Every number of words and of bytes after the last word, of extreme and of arbitrary bytes."""
    keys = [bytes(length), b"\xff" * length, *(Random(n).randbytes(length) for n in range(30))]
    for chunk in (keys, keys[:1], keys[1:2]):
        assert partitions_of(chunk, 12) == [partition_of(key, 12) for key in chunk]
