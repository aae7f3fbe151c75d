"""The queue of calls and chats: waits, service level and abandonment."""

from collections.abc import Iterator

from stream.core.metrics import shares
from stream.core.metrics.aht import ABANDONED, COUNT
from stream.core.metrics.durations import duration_samples, quantile_family, spread
from stream.core.metrics.metric import Family, FlowContext, Headline, Line, Metric, Panel, Sample
from stream.core.model.aggregates.tickets import HANDLE, QUEUE, HandleLayout, QueueLayout
from stream.core.model.time_buckets import Window

SECONDS = quantile_family("cx_queue_wait_seconds", "Time in the queue of a handled interaction")
MEAN = Family("cx_queue_wait_mean_seconds", "Mean time in the queue of a handled interaction", unit="seconds")
WAITS = Family("cx_queue_waits", "Handled interactions that give their time in the queue")
WITHIN_TARGET = Family(
    "cx_queue_waits_within_target", "Handled interactions whose time in the queue is within queue.target"
)
OFFERED = Family("cx_queue_offered", "Handled and abandoned interactions that give their time in the queue")
SERVICE_LEVEL = Family(
    "cx_service_level_ratio",
    "Share of the offered interactions that were handled within queue.target, 0 to 1",
    unit="ratio",
)
LOW, HIGH = BOUNDS = shares.bounds_of(SERVICE_LEVEL, "interactions handled within queue.target")
ABANDONED_RATIO = Family(
    "cx_abandoned_ratio",
    "Share of handled and abandoned interactions that were abandoned, 0 to 1",
    unit="ratio",
)


def read_flows(context: FlowContext, _: Window) -> Iterator[Sample]:
    """Yield waits, service level and share of abandoned interactions if there are any, and always the counts."""
    vector = context.flow(QUEUE).get((), {})
    n, within = vector.get(QueueLayout.WAITS, 0), vector.get(QueueLayout.WITHIN, 0)
    offered = n + vector.get(QueueLayout.ABANDONED, 0)
    if n:
        yield from duration_samples(SECONDS, MEAN, vector, QueueLayout.WAITS)
    if offered:
        yield from shares.share_samples(SERVICE_LEVEL, BOUNDS, within, offered)
    yield Sample(WAITS, (), n)
    yield Sample(WITHIN_TARGET, (), within)
    yield Sample(OFFERED, (), offered)
    handle = context.flow(HANDLE).get((), {})
    abandoned = handle.get(HandleLayout.ABANDONED, 0)
    if interactions := abandoned + handle.get(HandleLayout.HANDLED, 0):
        yield Sample(ABANDONED_RATIO, (), abandoned / interactions)


METRIC = Metric(
    name="queue",
    version=2,
    title="Queue",
    definition=(
        "Of interactions that give wait_s, the time in the queue until they were answered or abandoned. The "
        "distribution is over the handled ones. Service level: those handled with a wait of at most "
        "queue.target (20 s by default), per interaction handled or abandoned that gives its wait. "
        "Abandonment is over all handled and abandoned interactions. Bucket and dimensions are those of AHT."
    ),
    formula="handled within target / (handled + abandoned); abandoned / (handled + abandoned)",
    excluded="Interactions of bots. From waits and service level those without wait_s.",
    source="service level and abandonment as call centres count them (Genesys Cloud's metric definitions)",
    example='cx_service_level_ratio{view="team", window="1h"}',
    aggregates=(QUEUE, HANDLE),
    families=(SECONDS, MEAN, WAITS, WITHIN_TARGET, OFFERED, SERVICE_LEVEL, LOW, HIGH, ABANDONED_RATIO),
    panels=(
        Panel(
            title="Service level",
            lines=(Line(SERVICE_LEVEL),),
            bounds=(LOW, HIGH),
            samples=(Line(OFFERED),),
            min=0,
            max=1,
        ),
        Panel(title="Time in the queue", lines=spread(SECONDS, MEAN), samples=(Line(WAITS),), min=0),
        Panel(
            title="Abandoned",
            lines=(Line(ABANDONED_RATIO),),
            samples=(Line(COUNT, "handled"), Line(ABANDONED, "abandoned")),
            min=0,
            max=1,
        ),
    ),
    read_flows=read_flows,
    compared=(MEAN, WAITS, WITHIN_TARGET, OFFERED, SERVICE_LEVEL, ABANDONED_RATIO),
    headlines=(
        Headline("Service level", SERVICE_LEVEL, "higher", (), LOW, HIGH, OFFERED, SERVICE_LEVEL),
        Headline("Abandoned", ABANDONED_RATIO, "lower", timeline_family=ABANDONED_RATIO),
    ),
)
