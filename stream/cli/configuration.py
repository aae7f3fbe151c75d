"""The configuration, as commands get it: read when a command needs it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stream.config import Settings


class Configuration(NamedTuple):
    """The file that was named, None for the usual one."""

    path: Path | None

    def load(self) -> "Settings":
        """The settings in force. Raises ConfigError."""
        from stream.config import load  # noqa: PLC0415 - costs the time that --help may take

        return load(self.path, os.environ)

    def as_toml(self) -> str:
        """Return the settings in force as TOML, without secrets, with unset settings as comments."""
        from stream.config import as_toml, redacted, unset_keys  # noqa: PLC0415 - likewise

        settings = self.load()
        return as_toml(redacted(settings), unset_keys(settings))

    def checked(self) -> str:
        """One line for a configuration without faults. Raises ConfigError."""
        from stream.config import config_hash  # noqa: PLC0415 - likewise

        return f"The configuration is good; its figures are {config_hash(self.load())}"
