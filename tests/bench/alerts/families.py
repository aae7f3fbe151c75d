"""The families of gauges by name, as the exporter serves them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from stream.core.model.confidence import Z
from stream.monitoring.evaluation.promql import Selector
from tests.bench.alerts.gauges import (
    WINDOWS,
    Clock,
    LabelSetEvents,
    LabelSetGauges,
    incomplete_intervals,
    ratio,
)
from tests.bench.alerts.special_days import Floats, Ints
from tests.bench.alerts.traffic import LABEL_SETS, LabelSet, Traffic
from tests.bench.alerts.vectors import Labels, Series, Vector

TARGET_LABELS = {"job": "cxgauge", "instance": "exporter"}
PARTITIONS = 36.0
Read = Callable[[], Floats]
Member = tuple[Labels, Read]
"""The labels of a series beside those of its label set, and a function that returns its values."""


def windowed(
    read: Callable[[LabelSetGauges, str], Floats], **labels: str
) -> Callable[[LabelSetGauges], Iterator[Member]]:
    """Return a family with a series for every window."""

    def members(gauges: LabelSetGauges) -> Iterator[Member]:
        for window in WINDOWS:
            yield {"window": window, **labels}, lambda window=window: read(gauges, window)  # type: ignore[misc]

    return members


def single(read: Callable[[LabelSetGauges], Floats]) -> Callable[[LabelSetGauges], Iterator[Member]]:
    """Return a family with one series."""
    return lambda gauges: iter([({}, lambda: read(gauges))])


def count_of(kind: str, **labels: str) -> Callable[[LabelSetGauges], Iterator[Member]]:
    """Return a family that counts events in windows."""
    return windowed(lambda gauges, window: gauges.count(kind, window), **labels)


def all_of(
    *families: Callable[[LabelSetGauges], Iterator[Member]],
) -> Callable[[LabelSetGauges], Iterator[Member]]:
    """Return a family with the series of several ones."""
    return lambda gauges: (member for family in families for member in family(gauges))


def within_target(gauges: LabelSetGauges, window: str) -> Floats:
    """Return the first responses within their target."""
    return gauges.count("cycles/reply", window) - gauges.count("cycles/late", window)


def nps(gauges: LabelSetGauges, window: str) -> tuple[Floats, Floats, Floats]:
    """Return promoters, detractors and all answers."""
    promoters, passives, detractors = (
        gauges.count(f"nps/{category}", window) for category in ("promoter", "passive", "detractor")
    )
    return promoters, detractors, promoters + passives + detractors


def nps_score(gauges: LabelSetGauges, window: str) -> Floats:
    """Return the Net Promoter Score in points."""
    promoters, detractors, n = nps(gauges, window)
    return 100 * ratio(promoters - detractors, n)


def nps_bound(sign: int) -> Callable[[LabelSetGauges, str], Floats]:
    """Return a reader of a bound of the score, see `stream.core.model.confidence.adjusted_wald`."""

    def read(gauges: LabelSetGauges, window: str) -> Floats:
        promoters, detractors, n = nps(gauges, window)
        up, down = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
        bound = 100 * (up - down + sign * Z * np.sqrt((up + down - (up - down) ** 2) / (n + 3)))
        score = 100 * ratio(promoters - detractors, n)
        return sign * np.minimum(100, np.maximum(sign * bound, sign * score))

    return read


def satisfied(gauges: LabelSetGauges, window: str) -> tuple[Floats, Floats]:
    """Return satisfied answers and all answers."""
    answers = gauges.count("csat/true", window)
    return answers, answers + gauges.count("csat/false", window)


def csat_bound(sign: int) -> Callable[[LabelSetGauges, str], Floats]:
    """Return a reader of a bound of the satisfied share, see `stream.core.model.confidence.wilson`."""

    def read(gauges: LabelSetGauges, window: str) -> Floats:
        answers, n = satisfied(gauges, window)
        share = ratio(answers, n)
        with np.errstate(all="ignore"):
            spread = Z * np.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
            bound: Floats = (share + Z * Z / (2 * n) + sign * spread) / (1 + Z * Z / n)
        clipped: Floats = np.clip(sign * np.maximum(sign * bound, sign * share), 0, 1)
        return clipped

    return read


def quantile_of(quantile: float) -> Callable[[LabelSetGauges], Iterator[Member]]:
    """Return a family with a quantile of handle times."""
    return windowed(lambda gauges, window: gauges.handle_quantile(quantile, window), quantile=str(quantile))


def answered_of(survey: str) -> Callable[[LabelSetGauges], Iterator[Member]]:
    """Return a family with the answered offers of a survey."""
    return windowed(lambda gauges, window: gauges.answered(survey, window), survey=survey)


def response_ratio_of(survey: str) -> Callable[[LabelSetGauges], Iterator[Member]]:
    """Return a family with the answered share of the offers of a survey."""

    def read(gauges: LabelSetGauges, window: str) -> Floats:
        return ratio(gauges.answered(survey, window), gauges.count(f"offers/{survey}", window))

    return windowed(read, survey=survey)


def churn_ratio(gauges: LabelSetGauges, window: str) -> Floats:
    """Return the churns of the window per customer at its start."""
    return ratio(gauges.count("churns", window), gauges.active(gauges.clock.starts(window)))


SURVEYS = ("nps", "csat")
FAMILIES: dict[str, Callable[[LabelSetGauges], Iterator[Member]]] = {
    "cx_active_customers": single(LabelSetGauges.active),
    "cx_opening_customers": windowed(lambda gauges, window: gauges.active(gauges.clock.starts(window))),
    "cx_cancel_scheduled_customers": single(LabelSetGauges.scheduled),
    "cx_churn_ratio": windowed(churn_ratio, method="seed"),
    "cx_churned_voluntary_customers": all_of(
        count_of("churns/true", voluntary="true"), count_of("churns/false", voluntary="false")
    ),
    "cx_leaving_customers": count_of("churns/decisions"),
    "cx_first_responses": count_of("cycles/reply"),
    "cx_first_responses_within_target": windowed(within_target),
    "cx_first_response_within_target_ratio": windowed(
        lambda gauges, window: ratio(within_target(gauges, window), gauges.count("cycles/reply", window))
    ),
    "cx_contact_cycles_due": all_of(
        count_of("cycles/in_time", fate="in_time"), count_of("cycles/overdue", fate="overdue")
    ),
    "cx_waiting_over_target_tickets": single(LabelSetGauges.over_target),
    "cx_waiting_tickets": single(lambda gauges: gauges.before("cycles") - gauges.before("cycles/reply")),
    "cx_reopenings": count_of("reopenings"),
    "cx_resolved_tickets": count_of("solves", stage="first"),
    "cx_handled_interactions": count_of("calls"),
    "cx_handle_mean_seconds": windowed(LabelSetGauges.handle_mean),
    "cx_handle_seconds": all_of(quantile_of(0.5), quantile_of(0.9)),
    "cx_nps_score": windowed(nps_score),
    "cx_nps_score_low": windowed(nps_bound(-1)),
    "cx_nps_score_high": windowed(nps_bound(1)),
    "cx_nps_responses": all_of(
        *(count_of(f"nps/{category}", category=category) for category in ("promoter", "passive", "detractor"))
    ),
    "cx_csat_ratio": windowed(lambda gauges, window: ratio(*satisfied(gauges, window))),
    "cx_csat_ratio_low": windowed(csat_bound(-1)),
    "cx_csat_ratio_high": windowed(csat_bound(1)),
    "cx_csat_responses": all_of(
        *(count_of(f"csat/{answer}", satisfied=answer) for answer in ("true", "false"))
    ),
    "cx_survey_offered": all_of(*(count_of(f"offers/{survey}", survey=survey) for survey in SURVEYS)),
    "cx_survey_answered": all_of(*map(answered_of, SURVEYS)),
    "cx_survey_response_ratio": all_of(*map(response_ratio_of, SURVEYS)),
}


class Detections(Protocol):
    """The series of the detectors."""

    def names(self) -> set[str]:
        """Return the names of the series."""

    def series(self, name: str, label_set: LabelSet, clock: Clock) -> Iterable[Member]:
        """Yield the series of a label set."""


class SimulatedExporter:
    """The gauges of all label sets, for the evaluation of rules. It remembers those of the last few lists of ticks."""

    def __init__(
        self,
        traffic: Traffic,
        detections: Detections | None = None,
        label_sets: Sequence[LabelSet] = LABEL_SETS,
    ) -> None:
        self._traffic = traffic
        self._detections = detections
        self._events = {label_set: LabelSetEvents(traffic, label_set) for label_set in label_sets}
        self._gauges: dict[int, tuple[Ints, dict[LabelSet, LabelSetGauges]]] = {}

    def names(self) -> set[str]:
        """Return the names of all series."""
        names = {"cx_partitions_expected", "cx_partitions_covered", *FAMILIES}
        return names | (self._detections.names() if self._detections else set())

    def series(self, selector: Selector, ticks: Ints) -> Vector:
        """Return the selected series at these ticks. Raises KeyError if there is no such family."""
        name = selector.name
        if name in {"cx_partitions_expected", "cx_partitions_covered"}:
            values = np.full(len(ticks), PARTITIONS)
            if name == "cx_partitions_covered":
                values = np.where(self._complete(ticks), values, PARTITIONS - 1)
            return [Series({"__name__": name, **TARGET_LABELS}, values)]
        result = []
        for label_set, gauges in self._of(ticks).items():
            members = (
                FAMILIES[name](gauges)
                if name in FAMILIES or not self._detections
                else self._detections.series(name, label_set, gauges.clock)
            )
            for labels, read in members:
                all_labels = {"__name__": name, **TARGET_LABELS, **label_set.labels, **labels}
                if all(matcher.accepts(all_labels) for matcher in selector.matchers):
                    result.append(Series(all_labels, read()))
        return result

    def forget(self) -> None:
        """Drop the gauges of all ticks."""
        self._gauges.clear()

    def _of(self, ticks: Ints) -> dict[LabelSet, LabelSetGauges]:
        if id(ticks) not in self._gauges:
            clock = Clock(ticks)
            gauges = {label_set: LabelSetGauges(events, clock) for label_set, events in self._events.items()}
            self._gauges[id(ticks)] = ticks, gauges  # the ticks are kept so that their ID stays theirs
        return self._gauges[id(ticks)][1]

    def _complete(self, ticks: Ints) -> np.ndarray:
        complete = np.ones(len(ticks), bool)
        for start, length in incomplete_intervals(self._traffic):
            complete[np.searchsorted(ticks, start) : np.searchsorted(ticks, start + length)] = False
        return complete
