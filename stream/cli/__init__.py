"""The command line. Each command is imported when it runs, so that `cxgauge --help` is fast."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import click

from stream.cli.configuration import Configuration
from stream.cli.output import echo
from stream.errors import ConfigError, CxgaugeError
from stream.logs import last_entry
from stream.text import printable_lines

COMMANDS = {
    "broker": ("stream.cli.broker:broker", "Run a development broker."),
    "topics": ("stream.cli.topics:topics", "Create the topics or compare them with the configuration."),
    "worker": ("stream.cli.worker:worker", "Count events: read the inputs, write state and panes."),
    "exporter": ("stream.cli.exporter:exporter", "Serve the metrics: /metrics, the live page, its API."),
    "intake": ("stream.cli.intake:intake", "Take events over HTTP and write them to Kafka."),
    "top": ("stream.cli.top:top", "Show an exporter's metrics in the terminal."),
    "report": ("stream.cli.report:report", "Write a report of an exporter's metrics, and send it."),
    "tickets": ("stream.cli.tickets:tickets", "List the tickets that wait, were reopened, …"),
    "customers": ("stream.cli.customers:customers", "List the customers who leave."),
    "up": ("stream.cli.up:up", "Run everything on this machine, for real use."),
    "demo": ("stream.cli.demo:demo", "Run everything on this machine with simulated customers."),
    "publish": ("stream.cli.publish:publish", "Publish events from a file."),
    "replay": ("stream.cli.replay:replay", "Publish another system's export as events."),
    "backtest": (
        "stream.cli.backtest:backtest",
        "Show which alerts an export would have fired.",
    ),
    "bridge": ("stream.cli.bridge:bridge", "Send another topic's records as events, exactly once."),
    "mapping": ("stream.cli.mapping:mapping", "Try a mapping file, or list those that ship."),
    "copy": ("stream.cli.copy:copy", "Copy the inputs to another installation."),
    "deadletter": (
        "stream.cli.deadletter:deadletter",
        "List, show, replay or purge dead letters.",
    ),
    "erase": ("stream.cli.erase:erase", "Erase a person: send the event to the three inputs."),
    "skip": ("stream.cli.skip:skip", "Skip an unreadable batch that blocks a partition."),
    "explain": ("stream.cli.explain:explain", "Explain a metric, or show a customer's stored state."),
    "doctor": ("stream.cli.doctor:doctor", "Check broker, topics, lag and clocks, or audit the panes."),
    "deploy": ("stream.cli.deploy:deploy", "Write alert rules, dashboards, units and examples to a folder."),
    "generate": ("stream.cli.generate:generate", "Write the files that are generated from the code."),
}
"""Module and attribute of each command, and its line in the help."""


class CommandFailure(click.ClickException):
    """A CxgaugeError as click reports it: the text on stderr and the exit code."""

    def __init__(self, error: CxgaugeError) -> None:
        lines = str(error).splitlines()
        several = isinstance(error, ConfigError) and len(lines) > 1
        text = "\n  ".join([f"{len(lines)} faults", *lines]) if several else str(error)
        super().__init__(printable_lines(text))
        self.exit_code = error.exit_code

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - of click
        """Write the text as click does, or as a log entry if the log is in JSON."""
        echo(last_entry(self.message, f"Error: {self.format_message()}"), err=True)


@contextmanager
def _printable_errors() -> Iterator[None]:
    """Escape control characters in click's errors, which repeat some values as they came, such as unknown options."""
    try:
        yield
    except click.ClickException as error:
        error.message = printable_lines(error.message)
        raise


class LazyGroup(click.Group):
    """A group that imports a command when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands, in the order in which a new user needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command, None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the lines of the commands in the help without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the options before the command."""
        with _printable_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command, and report a CxgaugeError by its text and exit code."""
        try:
            with _printable_errors():
                return super().invoke(ctx)
        except CxgaugeError as error:
            raise CommandFailure(error) from error


@click.group(cls=LazyGroup, invoke_without_command=True, no_args_is_help=True)
@click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Configuration file. Default: cxgauge.toml in the current folder, if it exists.",
)
@click.option("--check-config", is_flag=True, help="Check the configuration and exit.")
@click.option("--print-config", is_flag=True, help="Print the settings in force, without secrets, and exit.")
@click.version_option(package_name="cxgauge", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, path: Path | None, check_config: bool, print_config: bool) -> None:
    """Compute customer-experience metrics from Kafka events as they arrive, and expose them to Prometheus."""
    ctx.obj = configuration = Configuration(path)
    if check_config or print_config:
        echo(configuration.as_toml() if print_config else configuration.checked(), nl=not print_config)
        ctx.exit()
    if ctx.invoked_subcommand is None:
        ctx.fail("Missing command")
