"""FCR recomputed from all summaries of tickets by the definitions in the contract. Nothing is shared with the core."""

from typing import Any

from tests.core.aggregation.customers.oracle import OracleEvent

WEEK = 7 * 86_400_000


def tickets(history: list[OracleEvent]) -> list[OracleEvent]:
    """Return the ticket summaries that count: of each ticket and customer the highest number, if it is not gone."""
    newest: dict[Any, OracleEvent] = {}
    for e in history:
        if e["kind"] == "ticket":
            key = e["customer"], e["ticket"]
            if key not in newest or e["number"] >= newest[key]["number"]:
                newest[key] = e
    return [e for e in newest.values() if not e["gone"]]


def is_first_contact(ticket: OracleEvent, others: list[OracleEvent]) -> bool:
    """Return whether one contact solved a ticket, and neither it nor another came back within a week."""
    solved, reopened = ticket["solved"], ticket["reopened"]
    if not ticket["one_contact"] or (reopened is not None and reopened <= solved + WEEK):
        return False
    return ticket["customer"] is None or not any(
        other is not ticket
        and (other["customer"], other["topic"]) == (ticket["customer"], ticket["topic"])
        and solved <= other["created"] <= solved + WEEK
        for other in others
    )


def figures(
    history: list[OracleEvent], now: int, span: int, label_values: dict[str, str]
) -> dict[tuple[str, ...], float]:
    """Return the expected figures of a window of `span` ms at `now` for one label set."""
    counted = tickets(history)
    solved = [
        e
        for e in counted
        if e["solved"] is not None and all(e["dims"].get(k) == v for k, v in label_values.items())
    ]
    step = 60_000 if span <= 3_600_000 else 900_000 if span <= 86_400_000 else 3_600_000
    end = now // step * step + step
    out: dict[tuple[str, ...], float] = {}
    bases = {"provisional": 0} if span < WEEK else {"provisional": 0, "confirmed": WEEK + step}
    for basis, back in bases.items():
        inside = [e for e in solved if end - span - back <= e["solved"] < end - back]
        first = sum(is_first_contact(e, counted) for e in inside)
        if inside:
            out["cx_fcr_ratio", basis] = first / len(inside)
        out["cx_fcr_tickets", basis, "first_contact"] = first
        out["cx_fcr_tickets", basis, "other"] = len(inside) - first
    return out
