"""The configuration of a command, which is read when the command needs it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stream.config import Settings


class Configuration(NamedTuple):
    """The configuration file of `--config`. `path` is None for the default file."""

    path: Path | None

    def load(self) -> "Settings":
        """Return the settings in force. Raises ConfigError."""
        from stream.config import load  # noqa: PLC0415 - --help must be fast

        return load(self.path, os.environ)

    @property
    def file(self) -> Path | None:
        """The file that is read, None if there is none."""
        from stream.config.load import DEFAULT_FILE  # noqa: PLC0415 - as in load

        return self.path or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)

    def as_toml(self) -> str:
        """Return the settings in force as TOML, without secrets and with unset settings as comments.

        Raises ConfigError.
        """
        from stream.config import as_toml, redacted, unset_keys  # noqa: PLC0415 - as in load

        settings = self.load()
        return as_toml(redacted(settings), unset_keys(settings))

    def checked(self) -> str:
        """Check the configuration and return a line with its hash. Raises ConfigError.

        Mappings of webhooks, targets, benchmarks and the files of `web_config` are checked, too.
        """
        from stream.config import config_hash  # noqa: PLC0415 - as in load
        from stream.exporter.reference_lines import reference_lines  # noqa: PLC0415 - as in load
        from stream.http.web_config import read  # noqa: PLC0415 - as in load
        from stream.intake.hooks import compile_hooks  # noqa: PLC0415 - as in load

        settings = self.load()
        compile_hooks(settings.intake.hooks)
        for section, path in web_configs(settings):
            read(path, section)
        reference_lines(settings)
        return (
            f"The configuration is valid. Hash of the settings that change figures: {config_hash(settings)}"
        )


def web_configs(settings: "Settings") -> list[tuple[str, Path]]:
    """Return the sections with a `web_config`, and the path of each."""
    paths = (("exporter", settings.exporter.web_config), ("intake", settings.intake.web_config))
    return [(section, path) for section, path in paths if path is not None]
