"""What a ticket contributes, as a pure function of what happened in it."""

from stream.core.buckets import MINUTE
from stream.core.calendars import Hours
from stream.core.metrics import fcr, first_response, handoff, resolution, waiting
from stream.core.rules import Rules, Values
from stream.core.sketch import enter
from stream.core.tally import SHIFT, Vector
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
        _one(made, "resolution", at, resolution.REOPENINGS)
    for handed, reply in past.handoffs:
        enter(_of(made, "handoff"), _place(reply, handoff.RESPONSES), reply - handed)
    if not past.resolved:
        _one(made, "open", past.created, 0)
        if past.waiting is not None:
            _wait(made, past.waiting, target, hours)
    return made


def _of(made: Made, tally: str) -> Vector:
    return made.setdefault(tally, {})


def _place(at: int, component: int) -> int:
    """A component at the minute of a moment in ms."""
    return at // MINUTE << SHIFT | component


def _one(made: Made, tally: str, at: int, component: int) -> None:
    into, place = _of(made, tally), _place(at, component)
    into[place] = into.get(place, 0) + 1


def _respond(made: Made, opened: int, reply: int, target: Target, hours: Hours | None) -> None:
    start = _place(reply, 0)
    first_response.respond(_of(made, "first_response"), reply - opened, target.duration, start)
    if hours is not None:
        worked = hours.between(opened, reply)
        first_response.respond(_of(made, "business"), worked, target.duration, start)


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
        start = _place(solve.at, base)
        enter(_of(made, "resolution"), start, solve.at - past.created)
        if hours is not None:
            enter(_of(made, "business"), start, hours.between(past.created, solve.at))
    for solve in past.solves:
        if not solve.replies:
            _one(made, "first_response", solve.at, first_response.UNANSWERED)
    if (by := _UNASSISTED.get(first.by)) is not None:
        _one(made, "fcr", first.at, by)
    if past.judged is not None:
        held = past.first_contact and not repeated
        _one(made, "fcr", past.judged.at, fcr.FIRST_CONTACT if held else fcr.OTHER)


def _wait(made: Made, opened: int, target: Target, hours: Hours | None) -> None:
    due: int | None = opened + target.duration
    if target.hours == "business" and hours is not None:
        due = hours.after(opened, target.duration)
    _one(made, "waiting", opened, waiting.OPENED)
    if due is not None:
        _one(made, "waiting", due + MINUTE, waiting.DUE)
