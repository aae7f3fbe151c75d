"""The series about the pipeline, summed over checkpoints."""

from stream.core.model.checkpoint import Checkpoint
from stream.exporter import pipeline_metrics
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
