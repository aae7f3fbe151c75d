"""The configuration. `load` reads it and returns `Settings`."""

from stream.config.config_hash import config_hash
from stream.config.load import load
from stream.config.setting_types import FOREVER, Address
from stream.config.settings import Kafka, Settings, Topics
from stream.config.show import as_toml, unset_keys
from stream.config.show import plain_document as redacted
from stream.core.model.business_hours import Calendar
from stream.core.model.response_targets import ResponseTarget
from stream.core.model.time_buckets import Window

__all__ = [
    "FOREVER",
    "Address",
    "Calendar",
    "Kafka",
    "ResponseTarget",
    "Settings",
    "Topics",
    "Window",
    "as_toml",
    "config_hash",
    "load",
    "redacted",
    "unset_keys",
]
