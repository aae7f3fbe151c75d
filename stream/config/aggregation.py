"""The part of the settings that the core needs."""

from stream.config import Settings, Topics, config_hash
from stream.config.setting_types import FOREVER
from stream.core.model.aggregation_config import AggregationConfig


def aggregation_config(settings: Settings) -> AggregationConfig:
    """Return the settings that change figures. Worker and exporter compare their `config_hash`."""
    metrics, prefix = settings.metrics, settings.topics.state_prefix
    return AggregationConfig(
        windows=metrics.windows,
        labels=metrics.labels,
        views=metrics.views,
        max_values=metrics.max_values,
        top=metrics.top,
        margin_rate=settings.clv.margin_rate,
        response_target=settings.frt.target,
        response_targets=settings.frt.targets,
        queue_target=settings.queue.target,
        calendars=tuple(configured.calendar for configured in settings.calendars),
        erasure_retention=None if settings.topics.retention == FOREVER else settings.topics.retention,
        keep_comments=settings.comments.keep,
        config_hash=config_hash(settings),
        installation="" if prefix == Topics().state_prefix else prefix,
    )
