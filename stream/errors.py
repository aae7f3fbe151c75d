"""What can stop a command: one class for each situation that a person can act on, with its exit code."""


class CxgaugeError(Exception):
    """A situation with a clear text for the person who started the command."""

    exit_code = 1


class ConfigError(CxgaugeError):
    """The configuration cannot be used: one line for each fault."""

    exit_code = 2


class Fenced(CxgaugeError):  # noqa: N818 - the situation is the name
    """Another process took over what this one was writing: it must stop and leave everything as it is."""

    exit_code = 3


class PreconditionFailed(CxgaugeError):  # noqa: N818 - the situation is the name
    """Topics or stored state are not what the configuration needs: going on would give wrong figures."""

    exit_code = 4
