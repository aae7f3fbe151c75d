"""What a ticket contributes, as a pure function of what happened in it."""

from stream.core.buckets import MINUTE
from stream.core.calendars import Hours
from stream.core.metrics import fcr, first_response, handoff, resolution, waiting
from stream.core.rules import Rules, Values
from stream.core.sketch import enter
from stream.core.tally import Vector
from stream.core.targets import Target
from stream.core.tickets.cycles import History, Solve
from stream.core.tickets.facts import BY_BOT, BY_TIMEOUT, Made

_UNASSISTED = {BY_BOT: fcr.BY_BOT, BY_TIMEOUT: fcr.BY_TIMEOUT}


def derive(past: History, repeated: bool, values: Values, rules: Rules) -> Made:
    """The contributions. `values` are the present dimensions, `repeated` whether another ticket followed in a week."""
    channel, _, team, priority = (*values, None, None, None, None)[:4]
    target = rules.due.of(channel, priority)
    hours = rules.hours(channel, team) if rules.calendars else None
    made: Made = {}
    for opened, reply in past.cycles:
        _respond(made, opened, reply, target, hours)
    if past.solves:
        _solve(made, past, repeated, hours)
    for at in past.reopenings:
        _one(_cell(made, "resolution", at), resolution.REOPENINGS)
    for handed, reply in past.handoffs:
        enter(_cell(made, "handoff", reply), handoff.RESPONSES, reply - handed)
    if not past.resolved:
        made["open", past.created // MINUTE] = {0: 1}
        if past.waiting is not None:
            _wait(made, past.waiting, target, hours)
    return made


def _cell(made: Made, tally: str, at: int) -> Vector:
    return made.setdefault((tally, at // MINUTE), {})


def _one(into: Vector, component: int) -> None:
    into[component] = into.get(component, 0) + 1


def _respond(made: Made, opened: int, reply: int, target: Target, hours: Hours | None) -> None:
    first_response.respond(_cell(made, "first_response", reply), reply - opened, target.duration)
    if hours is not None:
        worked = hours.between(opened, reply)
        first_response.respond(_cell(made, "business", reply), worked, target.duration)


def _stages(past: History) -> list[tuple[int, Solve]]:
    """The solves that a resolution time goes to, and the distribution that it is entered in."""
    first, last = past.solves[0], past.solves[-1]
    if not past.resolved:
        return [(resolution.FIRST, first)]
    if first is last:
        return [(resolution.ONCE, first)]
    return [(resolution.FIRST, first), (resolution.FULL, last)]


def _solve(made: Made, past: History, repeated: bool, hours: Hours | None) -> None:
    first = past.solves[0]
    for base, solve in _stages(past):
        enter(_cell(made, "resolution", solve.at), base, solve.at - past.created)
        if hours is not None:
            enter(_cell(made, "business", solve.at), base, hours.between(past.created, solve.at))
    for solve in past.solves:
        if not solve.replies:
            _one(_cell(made, "first_response", solve.at), first_response.UNANSWERED)
    if (by := _UNASSISTED.get(first.by)) is not None:
        _one(_cell(made, "fcr", first.at), by)
    if past.judged is not None:
        held = past.first_contact and not repeated
        _one(_cell(made, "fcr", past.judged.at), fcr.FIRST_CONTACT if held else fcr.OTHER)


def _wait(made: Made, opened: int, target: Target, hours: Hours | None) -> None:
    due: int | None = opened + target.duration
    if target.hours == "business" and hours is not None:
        due = hours.after(opened, target.duration)
    _one(_cell(made, "waiting", opened), waiting.OPENED)
    if due is not None:
        _one(_cell(made, "waiting", due + MINUTE), waiting.DUE)
