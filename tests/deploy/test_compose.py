"""docker-compose.yml, as far as it can be checked without Docker."""

import base64
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient, ConfigResource

from stream.cli import main
from stream.config import config_hash, load
from stream.devbroker.kafka import Broker
from stream.devbroker.ports import free_port
from stream.http.web_config import WebConfig
from stream.intake.grants import by_token
from stream.intake.server import SHUTDOWN_TIMEOUT
from stream.intake.service import refuse_open_listener
from stream.intake.sink import STOP_TIMEOUT
from stream.worker.service import DRAIN_TIMEOUT
from tests.deploy.project import ROOT, document

pytestmark = pytest.mark.fresh

VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(VARIABLE.sub(r"\2", TEXT))
"""The file with the defaults of its variables."""
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN_SERVICES = {
    name: service for name, service in SERVICES.items() if service["image"].startswith("cxgauge:")
}
LOCK = (ROOT / "stream/devbroker/kafka/jars.lock").read_text()


def environment(service: dict[str, Any]) -> dict[str, str]:
    """Return the environment of a container, as text."""
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return source, target and mode of the mounts."""
    parts = (volume.split(":") for volume in service.get("volumes", []))
    return [(source, target, mode[0] if mode else "rw") for source, target, *mode in parts]


def host_path(container_path: str, service: dict[str, Any]) -> Path:
    """Return the file of the project that is mounted at a path."""
    for source, target, _ in mounts(service):
        if source.startswith("./") and Path(container_path).is_relative_to(target):
            return ROOT / source / Path(container_path).relative_to(target)
    pytest.fail(f"{container_path} is mounted nowhere")


def test_the_file_is_a_valid_compose_file() -> None:
    """By the schema of the Compose specification."""
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [program, "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_containers_have_no_privileges(name: str) -> None:
    """No root, capabilities or new privileges, a pinned image, a read-only root except for Kafka."""
    service = SERVICES[name]
    assert int(service["user"].partition(":")[0]) > 0
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"])
    assert service.get("read_only", False) == (name != "kafka")


@pytest.mark.parametrize("name", SERVICES)
def test_containers_restart_and_have_time_to_stop(name: str) -> None:
    """All but the topics restart and have time to stop, and those that listen have a health check.

    Dependencies are fulfilled once.
    """
    service = SERVICES[name]
    if name == "topics":
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    if name == "demo":
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
    assert int(service["stop_grace_period"].removesuffix("s")) > (DRAIN_TIMEOUT if "worker" in name else 0)
    for dependency, dependency_settings in service.get("depends_on", {}).items():
        assert dependency in SERVICES
        condition = {"topics": "service_completed_successfully", "kafka": "service_healthy"}
        assert dependency_settings["condition"] == condition.get(dependency, "service_started")


@pytest.mark.parametrize("name", SERVICES)
def test_mounted_files_exist(name: str) -> None:
    """Files and folders of the project are read-only, and volumes are declared."""
    for source, _, mode in mounts(SERVICES[name]):
        if source.startswith("."):
            assert mode == "ro"
            assert (ROOT / source).exists()
        else:
            assert source in COMPOSE["volumes"]


def test_ports_are_published_on_loopback_only() -> None:
    """Each port is published once."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\d+", port) for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports) > 0


@pytest.mark.parametrize("name", OWN_SERVICES)
def test_commands_and_settings_are_valid(name: str) -> None:
    """The command exists, the settings are valid, and the broker is that of the file."""
    service = OWN_SERVICES[name]
    result = CliRunner().invoke(main, [*service["command"], "--help"])
    assert (result.exit_code, service["command"][0] in result.output) == (0, True)
    settings = load(host_path("/etc/cxgauge/cxgauge.toml", service), environment(service))
    advertised = environment(SERVICES["kafka"])["KAFKA_ADVERTISED_LISTENERS"]
    assert f"INSIDE://{settings.kafka.bootstrap_servers}," in advertised


def test_all_services_have_the_same_settings() -> None:
    """Otherwise no partition would be covered."""
    all_settings = {
        name: load(host_path("/etc/cxgauge/cxgauge.toml", service), environment(service))
        for name, service in OWN_SERVICES.items()
    }
    assert len({config_hash(settings) for settings in all_settings.values()}) == 1


def test_workers_can_be_scaled() -> None:
    """Nothing names one of them: no instance, container or host port, which the others would take from it."""
    worker = SERVICES["worker"]
    assert worker["deploy"]["replicas"] == 2
    assert "CXGAUGE_WORKER_INSTANCE" not in environment(worker)
    assert worker.keys().isdisjoint({"container_name", "hostname", "ports"})
    path = host_path("/etc/cxgauge/cxgauge.toml", worker)
    assert load(path, environment(worker)).worker.instance is None


def test_workers_can_share_a_volume(tmp_path: Path) -> None:
    """By the override of the page. The volume takes over the owner of the image's folder, and the root stays read-only."""
    page = (ROOT / "deploy/docs/containers.md").read_text()
    (text,) = re.findall(r"^```yaml\n(services:.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    override = yaml.safe_load(text)
    worker = override["services"]["worker"]
    ((source, target, mode),) = mounts(worker)
    assert (mode, override["volumes"]) == ("rw", {source: {}})
    assert source not in COMPOSE["volumes"]
    assert target not in {path for _, path, _ in mounts(SERVICES["worker"])}
    settings = load(None, environment(SERVICES["worker"]) | environment(worker))
    assert (settings.worker.state_dir, settings.worker.instance) == (Path(target), None)
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    assert f"mkdir -m 700 {target} " in dockerfile
    assert f"chown {SERVICES['worker']['user']} {target}\n" in dockerfile
    (tmp_path / "override.yml").write_text(text)
    program = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", tmp_path / "override.yml"], check=True
    )


def test_prometheus_starts_after_its_targets() -> None:
    """Else CxExporterDown and CxWorkerDown would be raised while Kafka starts."""
    jobs = document("deploy/prometheus/compose.yml")["scrape_configs"]
    assert set(SERVICES["prometheus"]["depends_on"]) == {target.partition(":")[0] for target in scraped(jobs)}


def scraped(jobs: list[dict[str, Any]]) -> list[str]:
    """Return host and port of each target. A name with several addresses, one for each worker, is looked up."""
    targets = [
        target for job in jobs for entry in job.get("static_configs", []) for target in entry["targets"]
    ]
    for job in jobs:
        for lookup in job.get("dns_sd_configs", []):
            assert lookup["type"] == "A"
            targets += [f"{name}:{lookup['port']}" for name in lookup["names"]]
    return targets


@pytest.mark.parametrize("name", SERVICES)
def test_memory_is_limited(name: str) -> None:
    """Kafka's heap leaves room for the rest of its process."""
    units = {"m": 1, "g": 1024}
    limit = SERVICES[name]["mem_limit"]
    megabytes = int(limit[:-1]) * units[limit[-1]]
    assert 256 <= megabytes <= 1024
    heap = re.search(r"-Xmx(\d+)m", environment(SERVICES[name]).get("KAFKA_HEAP_OPTS", "-Xmx0m"))
    assert heap
    assert int(heap[1]) <= megabytes / 2


def test_variables_are_documented() -> None:
    """With their defaults. None is a setting of cxgauge, which would refuse it as unknown if it is exported."""
    page = (ROOT / "deploy/docs/containers.md").read_text()
    variables = set(VARIABLE.findall(TEXT))
    assert {f"`{name}` | `{default}`" for name, default in variables} == set(
        re.findall(r"`CX_\w+` \| `\w+`", page)
    )
    assert not any(name.startswith("CXGAUGE_") for name, _ in variables)


def test_profiles() -> None:
    """Without one, everything runs that real use needs. The demo's customers come with the dashboards."""
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert profiles == {"demo": ["demo"], "grafana": ["grafana", "demo"]}


@pytest.mark.kafka
def test_the_health_check_of_kafka_asks_it_without_a_jvm(kafka: str, free_port: int) -> None:
    """By bash alone. A port where nobody listens, and a server that is no Kafka, are not healthy."""
    program, *arguments = SERVICES["kafka"]["healthcheck"]["test"][1:]
    assert program == "bash"

    def check(port: int | str) -> int:
        words = [word.replace("$$", "$").replace("19092", str(port)) for word in arguments]
        return subprocess.run(["bash", *words], timeout=10, capture_output=True, check=False).returncode

    assert check(kafka.rpartition(":")[2]) == 0
    assert check(free_port) != 0
    with socket.create_server(("127.0.0.1", 0)) as other:

        def hang_up() -> None:
            other.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        assert check(other.getsockname()[1]) != 0


def test_health_checks_use_the_listening_ports() -> None:
    """Prometheus scrapes there too."""
    listening = []
    for name, service in OWN_SERVICES.items():
        settings = load(None, environment(service))
        if name not in ("topics", "demo"):
            section = {"exporter": settings.exporter, "intake": settings.intake}.get(name, settings.worker)
            address = section.listen
            assert address.host == ""
            assert f":{address.port}/livez" in service["healthcheck"]["test"][-1]
            listening.append(f"{name}:{address.port}")
    assert sorted(scraped(document("deploy/prometheus/compose.yml")["scrape_configs"])) == sorted(listening)


def test_the_intake_starts_with_its_settings() -> None:
    """It may listen beyond loopback, because it has a token, which the file names."""
    service = OWN_SERVICES["intake"]
    path = host_path("/etc/cxgauge/cxgauge.toml", service)
    settings = load(path, environment(service))
    refuse_open_listener(settings, WebConfig())
    (token,) = re.findall(r"Bearer (cxg_\w+)\.", path.read_text())
    assert by_token(f"Bearer {token}", settings.intake.tokens).source == "compose"
    assert int(service["stop_grace_period"].removesuffix("s")) > SHUTDOWN_TIMEOUT + STOP_TIMEOUT


def test_the_exporter_polls_the_alertmanager_of_the_compose_file() -> None:
    """The port is published, too."""
    settings = load(None, environment(OWN_SERVICES["exporter"]))
    assert settings.exporter.alertmanager == "http://alertmanager:9093"
    assert SERVICES["alertmanager"]["ports"] == ["127.0.0.1:9093:9093"]


def test_kafka_has_the_version_of_the_tests() -> None:
    """The image's tag is that of our jars."""
    version = SERVICES["kafka"]["image"].partition(":")[2]
    assert f"org.apache.kafka:kafka-clients:{version}\n" in LOCK


def test_the_prometheus_configuration_differs_in_addresses_only() -> None:
    """Jobs, intervals and rules equal those on one machine, because alert rules use the names of jobs."""
    compose, default = document("deploy/prometheus/compose.yml"), document("deploy/prometheus/prometheus.yml")
    assert without_addresses(compose) == without_addresses(default)


def without_addresses(config: dict[str, Any]) -> str:
    for job in config["scrape_configs"]:
        job.pop("static_configs", None)
        job.pop("dns_sd_configs", None)
    return re.sub(r"[\w.-]+:\d+", "", json.dumps(config))


@pytest.mark.kafka
def test_kafka_starts_with_its_settings(tmp_path: Path) -> None:
    """The settings as properties of the image, with local addresses: Kafka serves and knows every one."""
    variables = environment(SERVICES["kafka"])
    assert variables.pop("KAFKA_HEAP_OPTS")
    assert len(base64.urlsafe_b64decode(variables.pop("CLUSTER_ID") + "==")) == 16
    properties = {
        name.removeprefix("KAFKA_").replace("_", ".").lower(): value for name, value in variables.items()
    }
    port = free_port()
    replacements = {
        "kafka:": "127.0.0.1:",
        "//:": "//127.0.0.1:",
        "/var/lib/kafka/data": str(tmp_path / "data"),
    }
    replacements |= {":9092": f":{port}", "19092": str(free_port()), "29093": str(free_port())}
    for default, actual in replacements.items():
        properties = {name: value.replace(default, actual) for name, value in properties.items()}
    with Broker(port, tmp_path, properties) as broker:
        resource = ConfigResource(ConfigResource.Type.BROKER, "1")
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        known = admin.describe_configs([resource])[resource].result(30)
        assert properties.keys() - known.keys() == set()
        assert {name: known[name].value for name in properties} == properties


def flag(service: str, name: str) -> str:
    """Return the value of an option in a service's command."""
    return next(
        word.partition("=")[2] for word in SERVICES[service]["command"] if word.startswith(f"--{name}=")
    )


@pytest.mark.tools
@pytest.mark.parametrize(
    ("service", "tool", "check"),
    [("prometheus", "promtool", ("check", "config")), ("alertmanager", "amtool", ("check-config",))],
)
def test_the_monitoring_configuration_is_valid(
    require: Callable[[str], Path], service: str, tool: str, check: tuple[str, ...]
) -> None:
    """Checked by its own program with its mounted files. Its data is on a volume."""
    config = host_path(flag(service, "config.file"), SERVICES[service])
    result = subprocess.run([require(tool), *check, config], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    data_folder = flag(service, "storage.tsdb.path" if service == "prometheus" else "storage.path")
    assert data_folder in [target for _, target, mode in mounts(SERVICES[service]) if mode == "rw"]
