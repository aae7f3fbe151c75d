"""`cxgauge generate`: what is written from the code, so that it cannot say something else."""

import sys
from pathlib import Path

import click

from schemas import generate as contract
from stream.cli import main, metric_reference, references
from stream.errors import CxgaugeError
from stream.monitoring import dashboards as grafana
from stream.monitoring.alerts import operator_files, prometheus_files

README = Path("README.md")
BEGIN, END = "<!-- metrics:begin -->\n", "<!-- metrics:end -->\n"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the files that are stale.")
def generate(check: bool) -> None:
    """Write schemas, alert rules, dashboards, reference pages and the README's table. Run it in the project's folder."""
    files = wanted()
    stale = {path: content for path, content in files.items() if _content(path) != content}
    folders = (contract.FOLDER, prometheus_files.FOLDER, grafana.FOLDER)
    left = [path for folder in folders for path in Path(folder).glob("*") if path not in files]
    for path in sorted([*stale, *left]):
        click.echo(f"{path}: {'is stale' if check else 'written' if path in stale else 'removed'}")
    if check:
        sys.exit(1 if stale or left else 0)
    for path, content in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in left:
        path.unlink()


def wanted() -> dict[Path, bytes]:
    """Every generated file and what it has to hold. Raises CxgaugeError without a README to put the table in."""
    text = _content(README)
    if text is None:
        raise CxgaugeError(f"{README}: is not in {Path.cwd()}; run this in the project's folder")
    documents = (
        contract.documents()
        | prometheus_files.documents()
        | operator_files.documents()
        | grafana.documents()
        | references.documents(main)
    )
    return {Path(path): content for path, content in documents.items()} | {
        README: with_table(text.decode()).encode()
    }


def with_table(text: str) -> str:
    """A README with the table of metrics between its markers. Raises CxgaugeError without them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise CxgaugeError(f"{README}: has no lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}{metric_reference.table()}{END}{after}"


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
