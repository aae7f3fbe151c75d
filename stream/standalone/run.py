"""`cxgauge up`: everything on one machine, with data that outlive it."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace
from rich.console import Console

from stream.config import Address, Kafka, Settings
from stream.devbroker.ports import claim, free_port
from stream.devbroker.process import until_stopped
from stream.errors import ConfigError
from stream.intake.hooks import compile_hooks
from stream.standalone.addresses import addresses, curl_command, publish_command
from stream.standalone.data_folder import locked
from stream.standalone.intake_token import FILE, needs_token, token_setting
from stream.standalone.ports import Ports
from stream.standalone.servers import LISTENING, Say, Servers, Setup, running

DURABLE = {"log.flush.interval.messages": 1}
"""What one broker acknowledges is on its disk. In a cluster the replicas are the safeguard against a loss of power."""


def run_up(data: Path, settings: Settings, arguments: tuple[str, ...], say: Say) -> int:
    """Run all servers with their data in a folder until SIGINT, SIGTERM or SIGHUP, and return the exit code.

    `arguments` are those of `cxgauge` before the name of a command, which lead it to the same settings.

    Raises:
        ConfigError: the settings name another broker
        CxgaugeError: a server did not start, or ended for good
    """
    _check(settings)
    with until_stopped(), locked(data):
        listen = {name: getattr(settings, name).listen for name in LISTENING}
        ports = _ports(settings, listen, say)
        kafka = Kafka(bootstrap_servers=f"127.0.0.1:{ports.kafka}")
        chosen = {name: listen[name]._replace(port=getattr(ports, name)) for name in LISTENING}
        has_own_token = needs_token(settings)
        environment = {**os.environ, **(token_setting(data) if has_own_token else {})}
        setup = Setup(
            data, ports, replace(settings, kafka=kafka), environment, arguments, listen=chosen, broker=DURABLE
        )
        with running(Servers(setup, say)) as servers:
            Console(highlight=False).print(addresses(servers))
            say(
                f"\nPublish an event of your own:\n\n{publish_command(servers)}\n\n"
                + (f"Or over HTTP:\n\n{curl_command(servers, data / FILE)}\n\n" if has_own_token else "")
                + f"Everything is in {data}: topics, and a log of each part. Ctrl-C or SIGTERM stops all parts, "
                "and the next start has the same figures"
            )
            servers.watch()
    return 0


def _check(settings: Settings) -> None:
    """Raise ConfigError for settings of a broker that is not ours, mappings that cannot be read, and equal ports."""
    compile_hooks(settings.intake.hooks)
    ports = {name: getattr(settings, name).listen.port for name in LISTENING}
    for name, port in ports.items():
        if twice := [other for other in ports if other > name and ports[other] == port]:
            raise ConfigError(
                f"{twice[0]}.listen: got port {port}, allowed is another one than that of {name}.listen on one machine"
            )
    kafka = settings.kafka
    host, _, _ = kafka.bootstrap_servers.rpartition(":")
    if host not in ("127.0.0.1", "localhost"):
        raise ConfigError(
            f"kafka.bootstrap_servers: got {kafka.bootstrap_servers!r}, allowed is 127.0.0.1:PORT, because "
            "`cxgauge up` runs its own broker; for another one run `cxgauge worker` and `cxgauge exporter`"
        )
    if kafka.security_protocol != "PLAINTEXT":
        raise ConfigError(
            f"kafka.security_protocol: got {kafka.security_protocol!r}, allowed is 'PLAINTEXT', because only "
            "this machine can reach the broker of `cxgauge up`"
        )


def _ports(settings: Settings, listen: Mapping[str, Address], say: Say) -> Ports:
    """Return the configured ports. A taken one is replaced and printed if it is the default, also if it was configured."""
    defaults = Ports()
    configured = {name: address.port for name, address in listen.items()}
    configured["kafka"] = int(settings.kafka.bootstrap_servers.rpartition(":")[2])
    chosen = defaults._replace(**configured)
    for name, port in chosen._asdict().items():
        if name != "receiver" and not claim(port) and port == getattr(defaults, name):
            chosen = chosen._replace(**{name: free_port()})
            say(f"Port {port} is taken: {name} has {getattr(chosen, name)} until the next start")
    return chosen
