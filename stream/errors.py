"""Errors that end a command, with their exit codes. Each class is a situation that an operator can act on."""

from collections.abc import Iterable


class CxgaugeError(Exception):
    """An error whose text is shown to the user without a traceback."""

    exit_code = 1


class ConfigError(CxgaugeError):
    """The configuration cannot be used. The text has one line for each error."""

    exit_code = 2


class Fenced(CxgaugeError):  # noqa: N818 - the situation is the name
    """Another process took over the partitions of this one, which must stop without writing."""

    exit_code = 3


class PreconditionFailed(CxgaugeError):  # noqa: N818 - the situation is the name
    """Topics, stored state or files do not fit the configuration or command. Continuing could give wrong figures."""

    exit_code = 4


class TopicsMissing(PreconditionFailed):
    """Topics of the configuration do not exist, and nothing else is wrong. Services wait for them."""

    def __init__(self, text: str, names: list[str]) -> None:
        super().__init__(text)
        self.names = names

    @property
    def waiting(self) -> str:
        """A line for a service that waits."""
        return waiting_for(self.names)


def waiting_for(names: Iterable[str]) -> str:
    """Return a line that names missing topics."""
    return f"missing topics: {', '.join(names)}; create them with cxgauge topics create"
