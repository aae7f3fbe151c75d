"""The addresses of the servers, and a command to try, as they are printed."""

import shlex
import sys
from pathlib import Path

from rich.table import Table

from stream.standalone import monitoring
from stream.standalone.ports import Ports
from stream.standalone.servers import Servers

EVENT = (
    """{"specversion":"1.0","id":"'$(date +%s%N)'","source":"/me","type":"cx.feedback.submitted.v1","""
    """"time":"'$(date -u +%FT%TZ)'","data":{"feedback_id":"'$(date +%s%N)'","survey":"nps","score":10,"""
    """"customer_id":"me","channel":"web","touchpoint":"checkout"}}"""
)


def addresses(servers: Servers) -> Table:
    """Return a table of the addresses of all servers."""
    ports = servers.ports
    table = Table(show_header=False, box=None)
    table.add_row("Live page", f"http://127.0.0.1:{ports.exporter}/")
    table.add_row("Metrics", f"http://127.0.0.1:{ports.exporter}/metrics")
    table.add_row("Readiness", f"http://127.0.0.1:{ports.exporter}/readyz")
    table.add_row("Worker", f"http://127.0.0.1:{ports.worker}/metrics")
    table.add_row("Events over HTTP", f"http://127.0.0.1:{ports.intake}/v1/events")
    if "prometheus" in servers.children:
        table.add_row(
            "Prometheus", f"http://127.0.0.1:{ports.prometheus}{monitoring.alerts_page(ports.prometheus)}"
        )
    if "alertmanager" in servers.children:
        table.add_row("Alertmanager", f"http://127.0.0.1:{ports.alertmanager}/")
    table.add_row("Kafka", servers.bootstrap)
    return table


def publish_command(servers: Servers) -> str:
    """Return a shell command that publishes an event."""
    command = f"{program()} publish -"
    if servers.ports.kafka != Ports().kafka:
        command = f"CXGAUGE_KAFKA_BOOTSTRAP_SERVERS={servers.bootstrap} {command}"
    return f"  echo '{EVENT}' |\n    {command}"


def curl_command(servers: Servers, token: Path) -> str:
    """Return a shell command that sends an event to the intake. `token` is the file with the token."""
    return (
        f"  curl http://127.0.0.1:{servers.ports.intake}/v1/events "
        f'-H "Authorization: Bearer $(cat {shlex.quote(str(token))})" \\\n'
        f"    -H 'Content-Type: application/cloudevents+json' -d '{EVENT}'"
    )


def program() -> Path:
    """Return the path of the installed `cxgauge` from the current folder, else only its name."""
    installed = Path(sys.executable).with_name("cxgauge")
    if not installed.exists():
        return Path("cxgauge")
    return installed.relative_to(Path.cwd()) if installed.is_relative_to(Path.cwd()) else installed
