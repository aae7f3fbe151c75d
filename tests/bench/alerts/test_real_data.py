"""The alarms on real data are those that the bench's README explains."""

from pathlib import Path

import pytest

from tests.bench.alerts.needs import require_bench_extra

require_bench_extra()

from tests.bench.alerts.real_data import READERS, alarms  # noqa: E402

EXPLAINED = [
    ("help desk", "answers_late", "total", "2010-07-09"),
    ("help desk", "answers_late", "total", "2010-07-09"),
    ("help desk", "answers_late", "total", "2011-01-05"),
    ("help desk", "answers_late", "total", "2011-01-06"),
    ("help desk", "answers_late", "total", "2011-01-06"),
    ("help desk", "answers_late", "total", "2011-01-10"),
    ("help desk", "answers_late", "total", "2012-08-10"),
    ("help desk", "answers_late", "total", "2012-10-17"),
    ("help desk", "answers_late", "total", "2013-11-16"),
    ("help desk", "answers_late", "Value 1", "2012-08-09"),
    ("help desk", "answers_late", "Value 1", "2012-08-10"),
    ("help desk", "answers_late", "Value 1", "2012-12-25"),
    ("help desk", "answers_late", "Value 1", "2013-11-16"),
    ("help desk", "answers_late", "Value 2", "2011-01-05"),
    ("help desk", "answers_late", "Value 2", "2012-01-04"),
    ("help desk", "answers_late", "Value 4", "2013-01-25"),
    ("help desk", "answers_late", "Value 4", "2013-01-28"),
    ("help desk", "reopenings", "total", "2011-10-14"),
    ("help desk", "reopenings", "total", "2011-10-15"),
    ("help desk", "reopenings", "total", "2011-12-30"),
    ("help desk", "reopenings", "total", "2011-12-30"),
    ("help desk", "reopenings", "total", "2011-12-30"),
    ("help desk", "reopenings", "total", "2011-12-30"),
]


@pytest.mark.data
def test_every_alarm_on_real_data_is_explained(data_folder: Path) -> None:
    data_sets = [data_set for reader in READERS for data_set in reader(data_folder)]
    assert [len(data_set.readings) for data_set in data_sets[:3]] == [1552, 2746, 2688]
    alarms_of_all = [alarm for data_set in data_sets for alarm in alarms(data_set)]
    assert [(a.data_set, a.of, a.label, f"{a.start:%Y-%m-%d}") for a in alarms_of_all] == EXPLAINED
