"""Reason codes and label sets that stand out among the events of an incident."""

from collections.abc import Container, Mapping
from typing import Generic, NamedTuple, TypeVar

from stream.core.detection.tails import binomial_upper

Name = TypeVar("Name", bound=tuple[object, ...] | str)

MAX_SHOWN = 3
"""Maximum number of names that are shown, the most certain ones."""
LEVEL = 0.01
"""Probability below which no name stands out by chance, over all names together."""
MIN_EVENTS = 3
"""Least number of events with a name. Fewer would be about single persons."""


class Standout(NamedTuple, Generic[Name]):
    """A name that stands out: the number of events that have it, and how probable as many are by chance in any name."""

    name: Name
    events: int
    chance: float


def standing_out(
    counts: Mapping[Name, int],
    n: int,
    before: Mapping[Name, int],
    n_before: int,
    *,
    unnamed: Container[Name] = (),
) -> tuple[Standout[Name], ...]:
    """Return the names that more events have than chance explains, the most certain first.

    The tail is P(K >= k) of n trials with the share of the name in the baseline, (b + 1/2) / (B + 1): with the half event (the
    prior of H. Jeffreys, "Theory of Probability", 3rd edition, 1961) a name that was never seen has a share, too. It is
    multiplied by the number of names seen in either period (the inequality of C. Bonferroni, 1936).

    Args:
        counts: k, the events by name
        n: all events, of which each has none, one or several names
        before: b, the events of the baseline by name
        n_before: B, all events of the baseline
        unnamed: names that stand for others or for none, and are not shown
    """
    seen = {name for part in (counts, before) for name, events in part.items() if events > 0}
    result = []
    for name, events in counts.items():
        if events < MIN_EVENTS or name in unnamed:
            continue
        share = (min(before.get(name, 0), n_before) + 0.5) / (n_before + 1)
        chance = len(seen) * binomial_upper(min(events, n), n, share)
        if chance < LEVEL:
            result.append(Standout(name, events, chance))
    return tuple(sorted(result, key=lambda shown: (shown.chance, -shown.events, shown.name))[:MAX_SHOWN])
