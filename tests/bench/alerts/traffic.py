"""Realistic traffic of a company with 20,000 customers, as arrays of events.

It has a rhythm of the week by channel, busier and quieter days and hours, pay days, campaigns, contracts that end in a batch,
dunning runs, households that leave together, letters entered in piles, monthly batches of surveys, releases, holidays, the
start of daylight saving time and label values with 1 % of the events. All of it is normal: every alarm is a false alarm.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tests.bench.alerts.rates import (
    CHANNEL_SHARES,
    CHANNELS,
    EVENTS_A_DAY,
    TOUCHPOINT_SHARES,
    TOUCHPOINTS,
    Events,
    concatenated,
    in_order,
    poisson_process,
    random_touchpoints,
    rates_by_minute,
    with_households,
)
from tests.bench.alerts.special_days import DAY, HOUR, WARM_UP_DAYS, Bools, Calendar, Floats, day_of_month
from tests.bench.alerts.surveys import survey_streams
from tests.bench.alerts.tickets import Staff, call_stream, ticket_streams

Feed = Literal["marked", "unmarked"]
"""Whether there are notices and the reasons of churns. If not, every churn is a decision to leave, like those of contracts that end."""
CUSTOMERS = 20_000
VOLUNTARY, ANNOUNCED, INVOLUNTARY = 0, 1, 2
"""Reasons of a churn: a decision without notice, the end of a contract after a notice, a failed payment."""


@dataclass(frozen=True)
class LabelSet:
    """A label set of a view. The total view has no label value."""

    view: str
    index: int = -1

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its series."""
        if self.view == "total":
            return {"view": "total"}
        return {"view": self.view, self.view: VALUES[self.view][self.index]}

    @property
    def share(self) -> float:
        """Its share of all customers."""
        return 1.0 if self.view == "total" else float(SHARES[self.view][self.index])

    def selects(self, events: Events) -> Bools:
        """Return which events it counts."""
        if self.view == "total":
            return np.ones(len(events["time"]), bool)
        selected: Bools = events[self.view] == self.index
        return selected

    def __str__(self) -> str:
        """Return its label value, or `total`."""
        return "total" if self.view == "total" else VALUES[self.view][self.index]


VALUES = {"channel": CHANNELS, "touchpoint": TOUCHPOINTS}
SHARES = {"channel": CHANNEL_SHARES, "touchpoint": TOUCHPOINT_SHARES}
TOTAL = LabelSet("total")
LABEL_SETS = (TOTAL, *(LabelSet(view, i) for view in VALUES for i in range(6)))


@dataclass(frozen=True)
class Traffic:
    """The events of a run by stream, and what is known only to the simulation."""

    calendar: Calendar
    days: int
    customers: float
    streams: dict[str, Events]
    rates: dict[str, Floats]
    """Expected events by minute, shape (channels, minutes), of `churn`, `notice` and `ticket`, without households."""
    first_day: int = 0
    """The day of the calendar on which the run starts: positive for an excerpt."""

    def with_stream(self, name: str, events: Events) -> "Traffic":
        """Return it with another stream."""
        return replace(self, streams=self.streams | {name: events})


def generate(
    seed: int, weeks: float = 26, scale: float = 1.0, staff: Staff = "always", feed: Feed = "marked"
) -> Traffic:
    """Return the traffic of a seed: the warm-up and some weeks."""
    days = WARM_UP_DAYS + round(7 * weeks)
    random = np.random.default_rng(seed)
    calendar = Calendar(random, days)
    rates: dict[str, Floats] = {}
    streams: dict[str, Events] = {}
    streams["churns"], streams["notices"] = _leavers(random, calendar, scale, rates)
    if feed == "unmarked":
        streams["churns"]["reason"] = np.full(len(streams["churns"]["time"]), VOLUNTARY)
        streams["notices"] = {field: values[:0] for field, values in streams["notices"].items()}
    n = len(streams["churns"]["time"])
    streams["activations"] = {
        "time": np.sort(random.random(n) * (days * DAY)),
        "channel": random.choice(6, n, p=CHANNEL_SHARES),
        "touchpoint": random_touchpoints(random, n),
    }
    rates["ticket"] = rates_by_minute(random, calendar, "ticket", scale)
    streams["cycles"], streams["solves"], streams["reopenings"] = ticket_streams(
        random, calendar, rates["ticket"], staff
    )
    streams["calls"] = call_stream(random, calendar, scale)
    streams["offers"], streams["nps"], streams["csat"] = survey_streams(random, calendar, scale, days * DAY)
    return Traffic(calendar, days, CUSTOMERS * scale, streams, rates)


def _leavers(
    random: np.random.Generator, calendar: Calendar, scale: float, rates: dict[str, Floats]
) -> tuple[Events, Events]:
    """Return churns with their `reason`, and notices with the `end` of the contract in seconds."""
    decisions: dict[str, Events] = {}
    for kind in ("churn", "notice"):
        rates[kind] = rates_by_minute(random, calendar, kind, scale)
        times, channels = poisson_process(random, rates[kind])
        leavers = {"time": times, "channel": channels, "touchpoint": random_touchpoints(random, len(times))}
        decisions[kind] = with_households(random, leavers)
    notices = decisions["notice"]
    notices["end"] = _contract_ends(random, calendar, notices["time"])
    failures = _failed_payments(random, calendar, scale)
    ended = {field: values[notices["end"] < calendar.days * DAY] for field, values in notices.items()}
    ended["time"] = ended.pop("end")
    parts = ((decisions["churn"], VOLUNTARY), (ended, ANNOUNCED), (failures, INVOLUNTARY))
    churns = concatenated(*(part | {"reason": np.full(len(part["time"]), reason)} for part, reason in parts))
    return in_order(churns), notices


def _contract_ends(random: np.random.Generator, calendar: Calendar, notices: Floats) -> Floats:
    """Return the end of each contract: mostly midnight of the first of a month, else a nightly run one to four weeks later."""
    day = (notices // DAY).astype(int)
    is_monthly = random.random(len(notices)) < 0.7
    first_days = np.append(calendar.first_days, calendar.days + 60)
    next_first = first_days[np.searchsorted(first_days, day + 3)]
    monthly = next_first * DAY - HOUR + random.random(len(notices)) * 600
    nightly = (day + random.integers(7, 29, len(notices))) * DAY + HOUR + random.random(len(notices)) * 300
    return np.where(is_monthly, monthly, nightly)


def _failed_payments(random: np.random.Generator, calendar: Calendar, scale: float) -> Events:
    """Return the churns of the dunning runs at 02:30 UTC: twice as many on Mondays, three times after direct debits."""
    days = np.arange(calendar.days)
    debits = [day for day in range(calendar.days) if day_of_month(day) in {2, 17}]
    expected = np.full(calendar.days, EVENTS_A_DAY["payment_failure"] * scale)
    expected[days % 7 == 0] *= 2
    expected[debits] *= 3
    counts = random.poisson(expected)
    n = int(counts.sum())
    return {
        "time": np.repeat(days, counts) * DAY + 2.5 * HOUR + random.random(n) * 120,
        "channel": random.choice(6, n, p=CHANNEL_SHARES),
        "touchpoint": random_touchpoints(random, n),
    }
