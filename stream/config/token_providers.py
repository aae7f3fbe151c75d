"""Token providers for OAUTHBEARER, which other packages install as entry points."""

from importlib.metadata import EntryPoint, entry_points

GROUP = "cxgauge.kafka_token_providers"
"""The group of the entry points. Each is a callable that takes `kafka.token_options` as keyword arguments."""


def token_providers() -> dict[str, EntryPoint]:
    """Return the installed token providers by name."""
    return {entry_point.name: entry_point for entry_point in entry_points(group=GROUP)}
