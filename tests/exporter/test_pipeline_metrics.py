"""The series about the pipeline, summed over checkpoints."""

from stream.core.model.checkpoint import Checkpoint
from stream.exporter import pipeline_metrics
from stream.exporter.coverage import PartitionId
from tests.exporter.in_memory import Worker, answers, apply_records, exporter, refresh
from tests.support import NOW

SUBMITTED, CHURNED = "cx.feedback.submitted.v1", "cx.customer.churned.v1"


def samples(*checkpoints: Checkpoint) -> list[str]:
    """Return the lines of samples about what was ignored."""
    text = "".join(pipeline_metrics.ignored(checkpoints))
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_ignored_names_are_summed_over_partitions() -> None:
    """In the order of their names, so that all replicas serve the same bytes."""
    first = Checkpoint(
        ignored_labels={"shoe": 2, "hat": 1}, unknown_fields={SUBMITTED: {"os": 1, "device": 3}}
    )
    second = Checkpoint(
        ignored_labels={"shoe": 5, "__other__": 1},
        unknown_fields={SUBMITTED: {"device": 4}, CHURNED: {"device": 1, "__other__": 9}},
    )
    expected = [
        "cx_labels_ignored_total 9",
        'cx_labels_ignored_by_name_total{label="__other__"} 1',
        'cx_labels_ignored_by_name_total{label="hat"} 1',
        'cx_labels_ignored_by_name_total{label="shoe"} 7',
        f'cx_unknown_fields_total{{type="{CHURNED}",field="__other__"}} 9',
        f'cx_unknown_fields_total{{type="{CHURNED}",field="device"}} 1',
        f'cx_unknown_fields_total{{type="{SUBMITTED}",field="device"}} 7',
        f'cx_unknown_fields_total{{type="{SUBMITTED}",field="os"}} 1',
    ]
    assert samples(first, second) == samples(second, first) == expected


def test_names_are_escaped() -> None:
    """A checkpoint is data from Kafka."""
    name = 'a"b\\c\nd'
    assert samples(Checkpoint(ignored_labels={name: 1}, unknown_fields={name: {name: 2}})) == [
        "cx_labels_ignored_total 1",
        r'cx_labels_ignored_by_name_total{label="a\"b\\c\nd"} 1',
        r'cx_unknown_fields_total{type="a\"b\\c\nd",field="a\"b\\c\nd"} 2',
    ]


def test_ignored_names_are_served_once_every_topic_was_covered() -> None:
    """They stay when a partition is lost later, as counters do."""
    state = exporter()
    written = Worker(state)(answers(2, labels={"shoe": "42"}), NOW, unknown_fields={SUBMITTED: {"device": 2}})
    expected = {
        "cx_labels_ignored_total": 2,
        'cx_labels_ignored_by_name_total{label="shoe"}': 2,
        f'cx_unknown_fields_total{{type="{SUBMITTED}",field="device"}}': 6,  # of three domains
    }
    feedback = {"feedback": written.pop("feedback")}
    apply_records(state, feedback)
    assert not expected.keys() & refresh(state).keys()
    apply_records(state, written)
    for monotonic_ms in (0, 60_000):
        series = refresh(state, monotonic_ms)
        assert {name: series[name] for name in expected} == expected


def test_the_age_of_the_oldest_checkpoint_is_served() -> None:
    """Of the partition without one for longest. Before its first one it counts from the start of the exporter."""
    state = exporter()
    name = "cx_checkpoint_age_seconds"
    assert refresh(state, 1_000_000)[name] == 0
    written = Worker(state)(answers(1))
    tickets = {"tickets": written.pop("tickets")}
    apply_records(state, written, 1_004_000)
    assert refresh(state, 1_006_000)[name] == 6, "tickets had none yet"
    apply_records(state, tickets, 1_006_500)
    assert refresh(state, 1_007_000)[name] == 3
    state.coverage.fail(PartitionId("feedback", 0), "a record cannot be read")
    state.coverage.fail(PartitionId("customers", 0), "a record cannot be read")
    assert refresh(state, 1_007_000)[name] == 0.5, "no worker can give news of the others"


def test_checkpoints_of_before_the_start_do_not_count_as_silence() -> None:
    """While the log is read from its beginning, its checkpoints are old."""
    state = exporter()
    refresh(state, 1_000_000)
    apply_records(state, Worker(state)(answers(1), NOW - 3_600_000), 1_001_000, at_end=False)
    series = refresh(state, 1_002_000)
    assert (series["cx_checkpoint_age_seconds"], series["cx_partitions_covered"]) == (2, 0)


def test_the_address_of_runbooks_is_served_if_it_is_set() -> None:
    """Without a slash at the end, because links add one."""
    base = "https://wiki.example.org/cx/"
    with_base = refresh(exporter(CXGAUGE_EXPORTER_RUNBOOK_BASE=base))
    assert with_base['cx_runbook_base_info{base="https://wiki.example.org/cx"}'] == 1
    assert not [name for name in refresh(exporter()) if name.startswith("cx_runbook_base_info")]


def test_series_and_remarks_about_the_process_are_served_as_they_are() -> None:
    """The service reads them. They are in the exposition and in the notes of /readyz."""
    state = exporter()
    state.process, state.remarks = "cxgauge_memory_limit_bytes 7.0\n", ("1 MiB of 9 MiB of memory are left",)
    assert refresh(state)["cxgauge_memory_limit_bytes"] == 7
    assert state.notes(0).startswith("1 MiB of 9 MiB of memory are left")
