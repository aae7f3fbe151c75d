"""`cxgauge generate`: write the files that are generated from the code, so that they agree with it."""

import sys
from pathlib import Path

import click

from schemas import generate as contract
from stream.backtest import report as backtest_report
from stream.cli import chart_schema, currency_table, main, metric_reference, references
from stream.cli.output import echo
from stream.errors import CxgaugeError
from stream.exporter.api import openapi as exporter_openapi
from stream.intake import openapi
from stream.monitoring import dashboards as grafana
from stream.monitoring.alerts import prometheus_files

README = Path("README.md")
BEGIN, END = "<!-- metrics:begin -->\n", "<!-- metrics:end -->\n"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing. If files are stale, list them and exit with 1.")
def generate(check: bool) -> None:
    """Write schemas, alert rules, dashboards, reference pages, the README's table of metrics and settings of the Helm chart.

    The current folder must be the project's root.
    """
    files = generated_files()
    stale = {path: content for path, content in files.items() if _content(path) != content}
    folders = (contract.FOLDER, prometheus_files.FOLDER, grafana.FOLDER)
    obsolete = [path for folder in folders for path in Path(folder).glob("*") if path not in files]
    for path in sorted([*stale, *obsolete]):
        echo(f"{path}: {'is stale' if check else 'written' if path in stale else 'removed'}")
    if check:
        sys.exit(1 if stale or obsolete else 0)
    for path, content in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in obsolete:
        path.unlink()


def generated_files() -> dict[Path, bytes]:
    """Return the expected content of every generated file by path.

    Raises CxgaugeError if there is no README or no chart.
    """
    text, schema = _content(README), _content(Path(chart_schema.PATH))
    if text is None or schema is None:
        raise CxgaugeError(
            f"{README if text is None else chart_schema.PATH}: not found in {Path.cwd()}; "
            "run the command in the project's root folder"
        )
    documents = (
        contract.documents()
        | openapi.documents()
        | exporter_openapi.documents()
        | backtest_report.documents()
        | currency_table.documents()
        | prometheus_files.documents()
        | grafana.documents()
        | references.documents(main)
    )
    return {Path(path): content for path, content in documents.items()} | {
        README: with_table(text.decode()).encode(),
        Path(chart_schema.PATH): chart_schema.with_settings(schema.decode()).encode(),
    }


def with_table(text: str) -> str:
    """Return a README text with the table of metrics between its markers.

    Raises CxgaugeError if they are missing.
    """
    before, begin, after_begin = text.partition(BEGIN)
    _, end, after = after_begin.partition(END)
    if not begin or not end:
        raise CxgaugeError(
            f"{README}: lines {BEGIN.strip()} and {END.strip()} are missing; the table of metrics goes between them"
        )
    return f"{before}{BEGIN}{metric_reference.table()}{END}{after}"


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
