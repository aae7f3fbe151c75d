"""The formulas: series of a window from the facts inside it. Zeros are given, scores without a sample are not."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, sqrt

from tests.definitions.replay import Fact
from tests.definitions.settings import Settings

Z = 1.959963984540054
QUANTILES = ("0.5", "0.9", "0.99")
OPENED_BY = ("customer", "agent", "bot", "system")
Figures = Iterator[tuple[str, dict[str, str], float]]


def figures(facts: list[Fact], settings: Settings) -> Figures:
    """Yield name, own labels and value of every windowed series but FCR."""
    business = bool(settings.calendars)
    by_kind: dict[str, list[Fact]] = {}
    for fact in facts:
        by_kind.setdefault(fact.kind, []).append(fact)
    yield from first_responses(by_kind.get("first_response", []), business=business)
    yield from resolutions(by_kind.get("resolution", []), business=business)
    yield "cx_resolved_unanswered_tickets", {}, len(by_kind.get("unanswered", []))
    yield "cx_reopenings", {}, len(by_kind.get("reopening", []))
    for fate in ("in_time", "overdue"):
        due = [fact for fact in by_kind.get("due", []) if fact.values["fate"] == fate]
        yield "cx_contact_cycles_due", {"fate": fate}, len(due)
    for opened_by in OPENED_BY:
        created = [fact for fact in by_kind.get("created", []) if fact.values["opened_by"] == opened_by]
        yield "cx_created_tickets", {"opened_by": opened_by}, len(created)
    for kind, name, counted in (
        ("next_response", "cx_next_response", "cx_next_responses"),
        ("handoff", "cx_handoff_response", "cx_handoff_responses"),
    ):
        yield from distribution(name, {}, [fact.values["ms"] for fact in by_kind.get(kind, [])])
        yield counted, {}, len(by_kind.get(kind, []))
    for by in ("bot", "timeout"):
        unassisted = [fact for fact in by_kind.get("unassisted", []) if fact.values["by"] == by]
        yield "cx_unassisted_solved_tickets", {"by": by}, len(unassisted)
    yield from handled(by_kind.get("interaction", []))
    yield from queue(by_kind.get("interaction", []))


def first_responses(facts: list[Fact], *, business: bool) -> Figures:
    """Yield the series of first responses, and those in business hours if calendars exist."""
    yield from distribution("cx_first_response", {}, [fact.values["ms"] for fact in facts])
    within = sum(fact.values["within"] for fact in facts)
    yield "cx_first_responses", {}, len(facts)
    yield "cx_first_responses_within_target", {}, within
    yield from ratio("cx_first_response_within_target_ratio", within, len(facts), wilson=True)
    if business:
        held = [fact for fact in facts if fact.values["business"] is not None]
        times = [fact.values["business"] for fact in held]
        yield "cx_first_responses_business", {}, len(held)
        yield from distribution("cx_first_response_business", {}, times)
        within = sum(fact.values["business_within"] for fact in held)
        yield from ratio("cx_first_response_business_within_target_ratio", within, len(held))


def resolutions(facts: list[Fact], *, business: bool) -> Figures:
    """Yield the series of resolutions by stage and of waits by status."""
    for stage in ("full", "first"):
        solved = [fact for fact in facts if fact.values["stage"] == stage]
        yield from distribution("cx_resolution", {"stage": stage}, [fact.values["ms"] for fact in solved])
        yield "cx_resolved_tickets", {"stage": stage}, len(solved)
        if business:
            times = [fact.values["business"] for fact in solved if fact.values["business"] is not None]
            yield from distribution("cx_resolution_business", {"stage": stage}, times)
            yield "cx_resolved_business_tickets", {"stage": stage}, len(times)
        if stage == "full":
            yield from distribution("cx_requester_wait", {}, [fact.values["requester"] for fact in solved])
            yield from mean("cx_agent_wait_mean_seconds", {}, [fact.values["agent"] for fact in solved])
            yield from mean("cx_on_hold_mean_seconds", {}, [fact.values["on_hold"] for fact in solved])


def handled(facts: list[Fact]) -> Figures:
    """Yield handle times and the queue."""
    people = [fact.values for fact in facts if fact.values["outcome"] == "handled"]
    abandoned = [fact.values for fact in facts if fact.values["outcome"] == "abandoned"]
    total = sum(values["ms"] for values in people)
    yield from distribution("cx_handle", {}, [values["ms"] for values in people])
    if people:
        legs = sum(values["legs"] for values in people)
        yield "cx_handle_leg_mean_seconds", {}, float(Fraction(total, 1000 * legs))
    for part in ("talk", "hold", "wrap"):
        yield from mean("cx_handle_part_mean_seconds", {"part": part}, [values[part] for values in people])
    yield "cx_handled_interactions", {}, len(people)
    yield "cx_abandoned_interactions", {}, len(abandoned)


def queue(facts: list[Fact]) -> Figures:
    """Yield the series of the queue."""
    people = [fact.values for fact in facts if fact.values["outcome"] == "handled"]
    abandoned = [fact.values for fact in facts if fact.values["outcome"] == "abandoned"]
    waits = [values["wait"] for values in people if values["wait"] is not None]
    offered = len(waits) + sum(values["wait"] is not None for values in abandoned)
    within = sum(values["within"] for values in people)
    yield from distribution("cx_queue_wait", {}, waits)
    yield "cx_queue_waits", {}, len(waits)
    yield "cx_queue_waits_within_target", {}, within
    yield "cx_queue_offered", {}, offered
    yield from ratio("cx_service_level_ratio", within, offered, wilson=True)
    yield from ratio("cx_abandoned_ratio", len(abandoned), len(people) + len(abandoned))


def fcr(facts: list[Fact]) -> Figures:
    """Yield the series of first contact resolution for one basis."""
    judged = [fact.values["first"] for fact in facts if fact.kind == "fcr"]
    yield "cx_fcr_tickets", {"result": "first_contact"}, sum(judged)
    yield "cx_fcr_tickets", {"result": "other"}, len(judged) - sum(judged)
    yield from ratio("cx_fcr_ratio", sum(judged), len(judged))


def distribution(name: str, labels: dict[str, str], times: list[int]) -> Figures:
    """Yield the mean and the nearest-rank quantiles of times in ms, in seconds."""
    yield from mean(f"{name}_mean_seconds", labels, times)
    for quantile in QUANTILES if times else ():
        rank = ceil(Fraction(quantile) * len(times))
        yield f"{name}_seconds", {**labels, "quantile": quantile}, sorted(times)[rank - 1] / 1000


def mean(name: str, labels: dict[str, str], times: list[int]) -> Figures:
    """Yield the mean of times in ms, in seconds."""
    if times:
        yield name, labels, float(Fraction(sum(times), 1000 * len(times)))


def ratio(name: str, part: int, total: int, *, wilson: bool = False) -> Figures:
    """Yield a share, if wanted with the bounds of its 95 % Wilson interval."""
    if total:
        share = part / total
        yield name, {}, share
        if wilson:
            middle = (share + Z * Z / (2 * total)) / (1 + Z * Z / total)
            half = Z / (1 + Z * Z / total) * sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
            yield f"{name}_low", {}, max(0.0, middle - half)
            yield f"{name}_high", {}, min(1.0, middle + half)
