"""The addresses and commands that the demo prints."""

from rich.table import Table

from stream.demo.servers import DemoServers
from stream.standalone.addresses import addresses, publish_command


def all_addresses(servers: DemoServers) -> Table:
    """Return a table of the addresses of all servers, and of the firing alerts if there is no Alertmanager."""
    table = addresses(servers)
    if servers.alerting and "alertmanager" not in servers.children:
        receiver = f"http://127.0.0.1:{servers.ports.receiver}"
        table.add_row("Firing alerts", f"{receiver}/api/v2/alerts (JSON)")
    return table


def invitation(servers: DemoServers) -> str:
    """Return shell commands to publish an event and to kill the worker."""
    return (
        f"Publish an event of your own:\n\n{publish_command(servers)}\n\n"
        "Kill the worker. The demo restarts it, and it resumes from its last checkpoint:\n\n"
        f"  kill -9 {servers.children['worker'].pid}\n\n"
        "Ctrl-C stops everything"
    )
