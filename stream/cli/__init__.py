"""The command line. Commands are imported when they run: `cxgauge --help` is instant."""

from importlib import import_module
from pathlib import Path

import click

from stream.cli.configuration import Configuration
from stream.errors import ConfigError, CxgaugeError

COMMANDS = {
    "broker": ("stream.cli.broker:broker", "Run a development broker."),
    "topics": ("stream.cli.topics:topics", "Create the topics or compare them with the configuration."),
    "worker": ("stream.cli.worker:worker", "Process events: count them and publish panes."),
    "exporter": ("stream.cli.exporter:exporter", "Serve the figures: /metrics, the page, the API."),
    "top": ("stream.cli.top:top", "Show an exporter's figures in the terminal."),
    "demo": ("stream.demo:demo", "Run all of it, with made-up customers."),
    "publish": ("stream.cli.publish:publish", "Send events from a file."),
    "replay": ("stream.cli.replay:replay", "Send another system's export as events."),
    "deadletter": (
        "stream.cli.deadletter:deadletter",
        "List dead letters, replay them, or purge a customer's.",
    ),
    "skip": ("stream.cli.skip:skip", "Skip the records of an input that cannot be read."),
    "explain": ("stream.cli.explain:explain", "Explain a metric, or what a customer's events count in."),
    "doctor": ("stream.cli.doctor:doctor", "Check broker, topics and positions."),
    "files": ("stream.cli.files:files", "Write alert rules, dashboards and examples to a folder."),
    "generate": ("stream.cli.generate:generate", "Write what is generated from the code."),
}
"""Where each command is, and its line in the help."""


class Failure(click.ClickException):
    """An error of ours on its way out: its text on stderr, its exit code."""

    def __init__(self, error: CxgaugeError) -> None:
        lines = str(error).splitlines()
        several = isinstance(error, ConfigError) and len(lines) > 1
        super().__init__("\n  ".join([f"{len(lines)} faults", *lines]) if several else str(error))
        self.exit_code = error.exit_code


class Lazy(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All of them, in the order of a first day with the program."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command itself, None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Their lines in the help, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run, and turn an error of ours into one clear text and its exit code."""
        try:
            return super().invoke(ctx)
        except CxgaugeError as error:
            raise Failure(error) from error


@click.group(cls=Lazy, invoke_without_command=True, no_args_is_help=True)
@click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Configuration; without it cxgauge.toml, where there is one.",
)
@click.option("--check-config", is_flag=True, help="Check the configuration and exit.")
@click.option("--print-config", is_flag=True, help="Print the settings in force (no secrets) and exit.")
@click.version_option(package_name="cxgauge", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, path: Path | None, check_config: bool, print_config: bool) -> None:
    """Customer-experience metrics, live: events from Kafka in, exact rolling figures for Prometheus out."""
    ctx.obj = configuration = Configuration(path)
    if check_config or print_config:
        click.echo(configuration.as_toml() if print_config else configuration.checked(), nl=not print_config)
        ctx.exit()
    if ctx.invoked_subcommand is None:
        ctx.fail("Missing command")
