"""Differences between expected and exposed series, with the rules for zero or absent."""

from collections.abc import Iterator
from math import isclose

from tests.core.aggregation.pipeline import Series as Exposed
from tests.definitions.figures import Between, Labels, Series

METRICS = {
    "business_hours": (
        "cx_first_response_business_",
        "cx_first_responses_business",
        "cx_resolution_business_",
        "cx_resolved_business_tickets",
    ),
    "first_response": ("cx_first_response", "cx_resolved_unanswered_tickets"),
    "waiting": ("cx_waiting_",),
    "contact_cycles": ("cx_contact_cycles_due",),
    "next_response": ("cx_next_response", "cx_awaiting_reply_"),
    "wait_by_status": ("cx_requester_wait_", "cx_agent_wait_", "cx_on_hold_"),
    "resolution": (
        "cx_resolution_",
        "cx_resolved_tickets",
        "cx_reopenings",
        "cx_open_",
        "cx_orphan_tickets",
        "cx_unassisted_solved_tickets",
    ),
    "handoff": ("cx_handoff_",),
    "inflow": ("cx_created_tickets",),
    "fcr": ("cx_fcr_",),
    "queue": ("cx_queue_", "cx_service_level_ratio", "cx_abandoned_ratio"),
    "aht": ("cx_handle", "cx_abandoned_interactions"),
}
"""Prefixes of series names by metric. The first metric with a prefix of a name is that of the series.

The contract lists `cx_unassisted_solved_tickets` with FCR, which is of another topic. Its zeros go with resolutions.
"""
_OWN_LABELS = {"window", "quantile", "stage", "opened_by", "by", "basis", "result", "part", "fate"}

LabelSet = tuple[str, Labels]
"""A metric and the labels of a view, the view included."""


def metric_of(name: str) -> str | None:
    """Return the metric of a series, or None if events of tickets do not give it.

    Series of the window before are none here: tests/exporter/test_previous.py holds them to those of a window earlier.
    """
    if name.endswith("_previous"):
        return None
    return next((metric for metric, prefixes in METRICS.items() if name.startswith(prefixes)), None)


def label_set(name: str, labels: Labels) -> LabelSet:
    return str(metric_of(name)), tuple(pair for pair in labels if pair[0] not in _OWN_LABELS)


def differences(expected: Series, exposed: Exposed) -> list[str]:
    """Return one line for every series whose value or presence is wrong."""
    return list(_differences(expected, {name: exposed[name] for name in exposed if metric_of(name)}))


def _differences(expected: Series, exposed: Exposed) -> Iterator[str]:
    with_data = {
        label_set(name, labels)
        for name, values in expected.items()
        for labels, value in values.items()
        if _is_score(name) or value not in (0, Between(0, 0))
    }
    for name in sorted(expected.keys() | exposed.keys()):
        wanted, given = expected.get(name, {}), exposed.get(name, {})
        for labels in sorted(wanted.keys() | given.keys()):
            want, have = wanted.get(labels), given.get(labels)
            shown = label_set(name, labels) in with_data or dict(labels)["view"] == "total"
            if not _agree(name, want, have, shown=shown):
                yield f"{name} {dict(labels)}: expected {want}, exposed {have}"


def _is_score(name: str) -> bool:
    """Return whether a series is absent without a sample, and so never merely zero."""
    return "_ratio" in name or name.endswith("_seconds")


def _agree(name: str, want: float | Between | None, have: float | None, *, shown: bool) -> bool:
    """Compare a series. Outside of `total`, zeros are shown for label sets in which the metric has anything."""
    if want is None:
        return have is None
    if not shown:
        return have is None and want in (0, Between(0, 0))
    if have is None:
        return False
    if isinstance(want, Between):
        return want.low <= have <= want.high
    if name.endswith("_seconds") and "_mean_" not in name:
        return isclose(have, want, rel_tol=0.01)
    return isclose(have, want, rel_tol=1e-9, abs_tol=1e-12)
