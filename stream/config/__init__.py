"""The configuration: `load` reads it, `Settings` is what everything else is given."""

from stream.config.client import client_options
from stream.config.identity import figures_hash
from stream.config.kinds import FOREVER, Address
from stream.config.load import load
from stream.config.settings import DOMAINS, Domain, Kafka, Settings, Topics
from stream.config.show import as_toml
from stream.config.show import shown as redacted
from stream.core.buckets import Window
from stream.core.calendars import Calendar
from stream.core.targets import Target

__all__ = [
    "DOMAINS",
    "FOREVER",
    "Address",
    "Calendar",
    "Domain",
    "Kafka",
    "Settings",
    "Target",
    "Topics",
    "Window",
    "as_toml",
    "client_options",
    "figures_hash",
    "load",
    "redacted",
]
