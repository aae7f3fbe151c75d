"""Local times: an hour that comes twice is resolved by the order of the file, and one that does not exist is an error."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from stream.mapping.local_times import FileOrder, TimeReader

ROME = "Europe/Rome"
START = datetime(2025, 10, 25, 22, 10, tzinfo=UTC)
"""Two hours before the hour from 02:00 in Rome that comes twice, from 00:00 and from 01:00 UTC."""
TIMES = [START + timedelta(minutes=20 * step) for step in range(15)]


def read_all(times: list[datetime]) -> tuple[list[datetime], list[str]]:
    """Return times that were written as local ones and read again, and the notes."""
    reader, order = TimeReader("%Y-%m-%d %H:%M:%S", ROME), FileOrder()
    texts = [f"{time.astimezone(ZoneInfo(ROME)):%Y-%m-%d %H:%M:%S}" for time in times]
    return [reader(text, "at", order) for text in texts], order.notes


@pytest.mark.parametrize("times", [TIMES, TIMES[::-1], TIMES[:9]])
def test_the_order_of_the_file_resolves_times_that_come_twice(times: list[datetime]) -> None:
    """For ascending and descending files. Each such time is noted."""
    read, notes = read_all(times)
    assert read == times
    assert len(notes) == sum(time.astimezone(ZoneInfo(ROME)).hour == 2 for time in times) > 2
    assert "comes twice in Europe/Rome; taken as the" in notes[0]


def test_without_an_order_the_first_is_taken() -> None:
    read, notes = read_all([datetime(2025, 10, 26, 1, 30, tzinfo=UTC)])
    assert read == [datetime(2025, 10, 26, 0, 30, tzinfo=UTC)]
    assert notes == [
        "at: 2025-10-26 02:30:00 comes twice in Europe/Rome; taken as the first, by the order of the file"
    ]


def test_columns_are_in_an_order_of_their_own() -> None:
    """The start of a call does not decide on the end of the one before."""
    reader, order = TimeReader(None, ROME), FileOrder()
    for text in ("2025-10-26T02:40:00", "2025-10-26T02:50:00"):
        assert reader(text, "end", order) < datetime(2025, 10, 26, 1, tzinfo=UTC)
        assert reader("2025-10-26T02:05:00", "start", order) == datetime(2025, 10, 26, 0, 5, tzinfo=UTC)


def test_a_time_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="2025-03-30 02:30:00, which does not exist in Europe/Rome"):
        TimeReader(None, ROME)("2025-03-30 02:30:00", "at", FileOrder())


@pytest.mark.parametrize(
    ("format_", "value", "seconds"),
    [
        ("epoch", 1_700_000_000, 1_700_000_000),
        ("epoch", "1700000000.25", 1_700_000_000.25),
        ("epoch", -1.5, -1.5),
        ("epoch_ms", 1_700_000_000_123, 1_700_000_000.123),
        (None, "2023-11-14T22:13:20Z", 1_700_000_000),
        (None, "2023-11-14 23:13:20.5+01:00", 1_700_000_000.5),
        (None, "2023-11-14T22:13:20.123456789Z", 1_700_000_000.123456),
        ("%Y-%m-%d %H:%M:%S %z", "2023-11-14 22:13:20 -0000", 1_700_000_000),
    ],
)
def test_formats(format_: str | None, value: object, seconds: float) -> None:
    read = TimeReader(format_, None)(value, "at", FileOrder())
    assert read == datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("format_", "value", "text"),
    [
        (None, "2023-11-14 22:13:20", "which has no offset, so timezone must be set"),
        (
            None,
            1_700_000_000,
            "got 1700000000, allowed is a text; the format of a number is epoch or epoch_ms",
        ),
        (None, "yesterday", "got 'yesterday', allowed is a time in ISO 8601, such as 2026-01-31T12:00:00Z$"),
        (None, "0001-01-01T00:00:00+23:00", "got '0001-01-01T00:00:00\\+23:00'"),
        ("epoch", 1e300, "got 1e\\+300"),
        ("epoch", "2023-11-14", "allowed is a number"),
        ("epoch", True, "allowed is a number"),
        ("%d.%m.%Y", "31.02.2023", "got '31.02.2023', allowed is a time in the format %d.%m.%Y$"),
    ],
)
def test_times_that_cannot_be_read(format_: str | None, value: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        TimeReader(format_, None)(value, "at", FileOrder())
