"""Counts of buckets against a dictionary."""

import random
from collections import Counter

import pytest

from stream.core.detection.bucket_counts import BucketCounts, Counts, SparseCounts

LIMIT = 50


def _added(counts: Counts, changes: list[tuple[int, int, int]]) -> Counts:
    for change in changes:
        counts.add(*change)
    return counts


def _contents(counts: Counts) -> list[list[int]]:
    return [counts.between(0, 400, part) for part in (0, 1)]


@pytest.mark.parametrize("seed", range(30))
def test_the_order_of_additions_changes_nothing(seed: int) -> None:
    """Which buckets are kept depends on the newest one, which may come first or last."""
    random_ = random.Random(seed)
    changes = [
        (random_.randrange(100, 300), random_.randrange(2), random_.choice([1, 1, 3, -1])) for _ in range(60)
    ]
    newest = max(bucket for bucket, _, _ in changes)
    expected: Counter[tuple[int, int]] = Counter()
    for bucket, part, n in changes:
        if bucket > newest - LIMIT:
            expected[part, bucket] += n
    wanted = [[expected[part, bucket] for bucket in range(400)] for part in (0, 1)]
    for _ in range(5):
        random_.shuffle(changes)
        counts = _added(BucketCounts(LIMIT, 2), changes)
        assert _contents(counts) == wanted
        assert counts.sum(newest - 20, newest + 1) == sum(wanted[0][newest - 20 : newest + 1])


@pytest.mark.parametrize("seed", range(30))
def test_remembered_sums_and_first_bucket_follow_every_change(seed: int) -> None:
    """They are asked for between changes, of which some are of new buckets, some retract, and some are long ago."""
    random_ = random.Random(seed)
    counts, newest = BucketCounts(LIMIT, 2), 100
    for _ in range(200):
        newest += random_.choice((0, 0, 0, 1, 1, 5, 40, 60))
        counts.add(
            newest - random_.choice((0, 0, 1, 10, 30, 49, 70)),
            random_.randrange(2),
            random_.choice((1, 2, -1)),
        )
        begin = newest - random_.randrange(80)
        end = begin + random_.randrange(90)
        wanted = [counts.between(begin, end, part) for part in (0, 1)]
        assert [counts.sum(begin, end, part) for part in (0, 1)] == list(map(sum, wanted))
        assert counts.sum_all(begin, end) == list(map(sum, wanted))
        whole = zip(*(counts.between(0, newest + 1, part) for part in (0, 1)), strict=True)
        used = next((bucket for bucket, pair in enumerate(whole) if any(pair)), None)
        assert counts.first_used(newest + 1) == used


def test_sparse_counts_hold_events_far_ahead_and_forget_old_ones() -> None:
    """Events ahead displace none, unlike those of neighbouring counts."""
    counts = _added(SparseCounts(LIMIT, 2), [(100, 0, 2), (130, 1, 1), (9000, 0, 4)])
    counts.trim(140)
    assert (counts.sum(91, 141), counts.sum(91, 141, 1), counts.sum(9000, 9001)) == (2, 1, 4)
    counts.trim(150)
    assert counts.sum(0, 141) == 0
    assert counts.sum_all(0, 9001) == [4, 1]
    counts.add(100, 0, 5)
    assert counts.sum(0, 141) == 0
    assert counts.first_used(200) == 130


def test_retracted_events_are_not_used() -> None:
    for counts in (BucketCounts(LIMIT, 1), SparseCounts(LIMIT, 1)):
        _added(counts, [(10, 0, 1), (12, 0, 1), (10, 0, -1)])
        assert counts.first_used(100) == 12
        assert counts.first_used(12) is None


def test_ranges_outside_are_empty() -> None:
    for counts in (BucketCounts(LIMIT, 1), SparseCounts(LIMIT, 1)):
        assert (counts.between(3, 6), counts.sum(3, 6), counts.first_used(9)) == ([0, 0, 0], 0, None)
        counts.add(20, 0, 7)
        assert (counts.between(18, 23), counts.between(30, 32)) == ([0, 0, 7, 0, 0], [0, 0])
