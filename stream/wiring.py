"""From settings to what the core is given."""

from stream.config import Settings, figures_hash
from stream.core.rules import Rules


def rules(settings: Settings) -> Rules:
    """The rules that worker and exporter share; `identity` tells whether they really do."""
    metrics = settings.metrics
    return Rules(
        windows=metrics.windows,
        labels=metrics.labels,
        views=metrics.views,
        max_values=metrics.max_values,
        top=metrics.top,
        margin_rate=settings.clv.margin_rate,
        target=settings.frt.target,
        targets=settings.frt.targets,
        calendars=settings.calendars,
        identity=figures_hash(settings),
    )
