"""The joined figures and decisions to leave, from all events of all three topics."""

from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import isclose, sqrt

from tests.core.aggregation.pipeline import Labels, Series
from tests.definitions.joined_answers import CountingAnswer
from tests.definitions.joined_customers import CLASSES, FOREVER, Purchase, WalkedCustomer
from tests.definitions.joined_events import JoinedEvent
from tests.definitions.joined_reading import JoinedReader, JoinedSettings, JoinedState, TicketAnswer
from tests.definitions.settings import DAY, HOUR, MINUTE

PREFIXES = ("cx_class_", "cx_ticket_csat_", "cx_churn_exit_", "cx_leaving_")
VIEWS = {
    "total": (),
    "channel": ("channel",),
    "team": ("team",),
    "plan": ("plan",),
    "subject": ("ticket_topic",),
    "pair": ("channel", "team"),
}
FATES = ("in_time", "late", "none")
DIGITS = {"EUR": 2, "JPY": 0}
MAX_REASONS = 50
OTHER = "__other__"
Z = 1.959963984540054

Figure = tuple[str, dict[str, str], float]
"""Name, own labels and value."""


def joined_figures(events: Iterable[JoinedEvent], now_ms: int, settings: JoinedSettings) -> Series:
    """Return all series of the joined figures at `now_ms`, of events in the order of reading."""
    return series_of(JoinedReader(settings).read_all(events).state(), now_ms, settings)


def series_of(known: JoinedState, now: int, settings: JoinedSettings) -> Series:
    """Return the series of all views. Zeros outside of `total` are only where a metric has anything."""
    series: dict[str, dict[Labels, float]] = {}
    for view, names in VIEWS.items():
        for values in _label_sets(known, names):
            labels = dict(zip(names, values, strict=True))
            customers = [c for c in known.customers if _matches(c.dimensions, labels)]
            answers = [a for a in known.ticket_answers if _matches(a.dimensions, labels)]
            for figures in (
                list(loyalty(customers, now, settings)),
                list(ticket_satisfaction(answers, now, settings)),
                list(exit_reasons(customers, now, settings)),
                list(leaving(customers, now, settings)),
            ):
                if view == "total" or any(_is_something(figure) for figure in figures):
                    for name, own_labels, value in figures:
                        key = tuple(sorted({"view": view, **labels, **own_labels}.items()))
                        series.setdefault(name, {})[key] = value
    return series


def _label_sets(known: JoinedState, names: tuple[str, ...]) -> set[tuple[str, ...]]:
    dimensions = [customer.dimensions for customer in known.customers]
    dimensions += [answer.dimensions for answer in known.ticket_answers]
    if not names:
        return {()}
    return {tuple(d[name] for name in names) for d in dimensions if all(name in d for name in names)}


def _matches(dimensions: dict[str, str], labels: dict[str, str]) -> bool:
    return all(dimensions.get(name) == value for name, value in labels.items())


def _is_something(figure: Figure) -> bool:
    """Return True for anything but a zero of closed labels. Series of a currency exist where it was counted."""
    return figure[2] != 0 or "currency" in figure[1]


def _windows(now: int, settings: JoinedSettings) -> Iterator[tuple[str, int, int]]:
    """Yield label, start and end of every window."""
    for label, span in settings.windows.items():
        step = MINUTE if span <= HOUR else 15 * MINUTE if span <= DAY else HOUR
        end = now // step * step + step
        yield label, end - span, end


def loyalty(customers: list[WalkedCustomer], now: int, settings: JoinedSettings) -> Iterator[Figure]:
    """Yield customers, churns, revenue and CLV by class."""
    for survey, classes in CLASSES.items():
        for survey_class in classes:
            labels = {"survey": survey, "class": survey_class}
            yield from _stocks(customers, labels)
            for window, start, end in _windows(now, settings):
                windowed = {**labels, "window": window}
                yield from _churns(customers, windowed, start, end)
                yield from _revenue(customers, windowed, start, end)


def _stocks(customers: list[WalkedCustomer], labels: dict[str, str]) -> Iterator[Figure]:
    active = [c for c in customers if c.is_active]
    members = [c for c in active if c.class_at(labels["survey"], FOREVER) == labels["class"]]
    yield "cx_class_customers", labels, len(members)
    for currency, digits in DIGITS.items():
        if members and any(_of_currency(c.purchases, currency) for c in active):
            total = sum((_net(c.purchases, currency) * c.margin for c in members), Fraction())
            value = float(total / 10**digits / len(members))
            yield "cx_class_clv_historical_mean", {**labels, "currency": currency}, value


def _churns(
    customers: list[WalkedCustomer], labels: dict[str, str], start: int, end: int
) -> Iterator[Figure]:
    survey, survey_class = labels["survey"], labels["class"]
    churns = sum(
        start <= at < end and c.class_at(survey, at) == survey_class for c in customers for at in c.churns
    )
    exposed = sum(c.exposures(survey, survey_class, start, end) for c in customers)
    assert churns <= exposed
    yield "cx_class_churned_customers", labels, churns
    yield "cx_class_exposed_customers", labels, exposed
    yield from _ratio("cx_class_churn_ratio", labels, churns, exposed)


def _revenue(
    customers: list[WalkedCustomer], labels: dict[str, str], start: int, end: int
) -> Iterator[Figure]:
    def is_member(customer: WalkedCustomer, bought: Purchase) -> bool:
        return customer.class_at(labels["survey"], bought.at) == labels["class"]

    for currency, digits in DIGITS.items():
        inside = [
            (c, bought)
            for c in customers
            for bought in _of_currency(c.purchases, currency)
            if start <= bought.at < end
        ]
        if inside:
            net = sum(bought.amount for c, bought in inside if is_member(c, bought))
            yield "cx_class_revenue", {**labels, "currency": currency}, float(Fraction(net, 10**digits))


def _of_currency(purchases: list[Purchase], currency: str) -> list[Purchase]:
    return [bought for bought in purchases if bought.currency == currency]


def _net(purchases: list[Purchase], currency: str) -> int:
    return sum(bought.amount for bought in _of_currency(purchases, currency))


def ticket_satisfaction(answers: list[TicketAnswer], now: int, settings: JoinedSettings) -> Iterator[Figure]:
    """Yield CSAT answers of tickets by the fate of the first response."""
    for window, start, end in _windows(now, settings):
        inside = [answer for answer in answers if start <= answer.moment < end]
        for fate in FATES:
            labels = {"window": window, "first_response": fate}
            n = [answer.is_satisfied for answer in inside if answer.fate == fate]
            yield "cx_ticket_csat_responses", {**labels, "satisfied": "true"}, sum(n)
            yield "cx_ticket_csat_responses", {**labels, "satisfied": "false"}, len(n) - sum(n)
            yield from _ratio("cx_ticket_csat_ratio", labels, sum(n), len(n))


def exit_reasons(customers: list[WalkedCustomer], now: int, settings: JoinedSettings) -> Iterator[Figure]:
    """Yield churns with an exit answer, and the reasons of the newest of these."""
    for window, start, end in _windows(now, settings):
        churns = [(c, at) for c in customers for at in c.churns if start <= at < end]
        answered = [newest for c, at in churns if (newest := exit_answer(c, at))]
        yield "cx_churn_exit_answered", {"window": window}, len(answered)
        reasons = Counter(reason for newest in answered for reason in newest.reasons)
        ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        for reason, n in ranked[:MAX_REASONS]:
            yield "cx_churn_exit_reasons", {"window": window, "reason": reason}, n
        if rest := sum(n for _, n in ranked[MAX_REASONS:]):
            yield "cx_churn_exit_reasons", {"window": window, "reason": OTHER}, rest


def leaving(customers: list[WalkedCustomer], now: int, settings: JoinedSettings) -> Iterator[Figure]:
    """Yield the decisions to leave."""
    for window, start, end in _windows(now, settings):
        decisions = [at for customer in customers for at in customer.all_decisions() if start <= at < end]
        yield "cx_leaving_customers", {"window": window}, len(decisions)


def exit_answer(customer: WalkedCustomer, churn: int) -> CountingAnswer | None:
    """Return the newest counting exit answer from 30 d before a churn to 7 d after, both ends inside."""
    near = [
        answer
        for answer in customer.answers
        if answer.survey == "exit" and churn - 30 * DAY <= answer.moment <= churn + 7 * DAY
    ]
    return max(near, key=lambda answer: answer.order, default=None)


def _ratio(name: str, labels: dict[str, str], part: int, total: int) -> Iterator[Figure]:
    """Yield a share with the bounds of its 95 % Wilson interval, nothing without a sample."""
    if total:
        share = part / total
        middle = (share + Z * Z / (2 * total)) / (1 + Z * Z / total)
        half = Z / (1 + Z * Z / total) * sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
        yield name, labels, share
        yield f"{name}_low", labels, max(0.0, middle - half)
        yield f"{name}_high", labels, min(1.0, middle + half)


def differences(expected: Series, exposed: Series) -> list[str]:
    """Return one line for every joined series whose value or presence is wrong.

    Series of the window before are not compared: see `compare.metric_of`.
    """
    names = {
        name for name in (*expected, *exposed) if name.startswith(PREFIXES) and not name.endswith("_previous")
    }
    lines = []
    for name in sorted(names):
        wanted, given = expected.get(name, {}), exposed.get(name, {})
        for labels in sorted(wanted.keys() | given.keys()):
            want, have = wanted.get(labels), given.get(labels)
            if want is None or have is None or not isclose(want, have, rel_tol=1e-9, abs_tol=1e-12):
                lines.append(f"{name} {dict(labels)}: expected {want}, exposed {have}")
    return lines
