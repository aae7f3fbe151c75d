"""deploy/kubernetes as kustomize renders it, as far as it can be checked without a cluster."""

import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from stream.cli import main
from stream.config import config_hash
from stream.errors import ConfigError
from stream.http.web_config import WebConfig
from stream.intake.server import SHUTDOWN_TIMEOUT
from stream.intake.service import refuse_open_listener
from stream.intake.sink import STOP_TIMEOUT
from stream.monitoring.dashboards import dashboards
from stream.worker.service import DRAIN_TIMEOUT
from tests.deploy.manifests import COMPONENTS, OPERATOR, Object, of_kind, parsed, pod, settings, workload
from tests.deploy.project import ROOT, document
from tests.deploy.test_compose import SERVICES

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

OLDEST = "1.27"
every_workload = pytest.mark.parametrize("component", COMPONENTS)


@pytest.fixture(scope="module")
def rendered(require: Callable[[str], Path]) -> Callable[[str], list[Object]]:
    """`rendered("deploy/kubernetes")`: the objects of a kustomization."""

    def render(folder: str) -> list[Object]:
        command = [require("kubectl"), "kustomize", ROOT / folder]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return list(yaml.safe_load_all(result.stdout))

    return render


@pytest.fixture(scope="module")
def objects(rendered: Callable[[str], list[Object]]) -> list[Object]:
    """All of deploy/kubernetes."""
    return rendered("deploy/kubernetes")


@pytest.fixture(scope="module")
def monitoring(rendered: Callable[[str], list[Object]]) -> list[Object]:
    """The objects of the Prometheus operator."""
    return rendered("deploy/kubernetes/monitoring")


@pytest.mark.parametrize("release", [OLDEST, kubernetes_validate.latest_version()])
def test_every_object_matches_the_schemas_of_kubernetes(
    rendered: Callable[[str], list[Object]], objects: list[Object], release: str
) -> None:
    """Checked by the schemas without unknown fields. No namespace is given."""
    manifests = [*objects, *rendered("deploy/grafana")]
    assert len(manifests) > 10
    for manifest in manifests:
        kubernetes_validate.validate(manifest, release, strict=True)
        assert "namespace" not in manifest["metadata"]


def test_a_second_apply_changes_no_job(require: Callable[[str], Path], tmp_path: Path) -> None:
    """Jobs are immutable. After a change of settings or image there is another Job, under another name."""
    folder = tmp_path / "kubernetes"
    shutil.copytree(ROOT / "deploy/kubernetes", folder)

    def job() -> Object:
        text = subprocess.check_output([require("kubectl"), "kustomize", folder], text=True)
        (manifest,) = of_kind(parsed([text]), "Job")
        return manifest

    jobs = [job()]
    for name, before, after in (
        ("cxgauge.toml", "kafka:9092", "broker:9092"),
        ("kustomization.yaml", "newTag: 0.1.0", "newTag: 0.1.1"),
    ):
        path = folder / name
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))
        jobs.append(job())
    names = {manifest["metadata"]["name"] for manifest in jobs}
    assert len(names) == len(jobs)
    assert all(name.startswith("cxgauge-topics-") for name in names)
    assert job() == jobs[-1]


@every_workload
def test_containers_have_no_privileges(objects: list[Object], component: str) -> None:
    """No root, no capabilities, no token, writable memory only, bounded memory, an exact image."""
    spec = pod(objects, component)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["requests"]) == {"cpu", "memory", "ephemeral-storage"}
    assert set(container["resources"]["limits"]) == {"memory", "ephemeral-storage"}
    assert container["image"].endswith(f"/cxgauge:{version('cxgauge')}")
    assert SERVICES["exporter"]["image"] == f"cxgauge:{version('cxgauge')}"


@every_workload
def test_commands_and_settings_are_valid(objects: list[Object], component: str, tmp_path: Path) -> None:
    """The command exists. The settings are valid and equal for all services."""
    (container,) = pod(objects, component)["spec"]["containers"]
    result = CliRunner().invoke(main, [*container["args"], "--help"])
    assert (result.exit_code, container["args"][0]) == (0, component)
    loaded_settings = settings(objects, component, tmp_path / "own")
    assert config_hash(loaded_settings) == config_hash(settings(objects, "exporter", tmp_path / "exporter"))
    section = getattr(loaded_settings, component, None)
    address = getattr(section, "listen", None)
    ports = {manifest["name"]: manifest["containerPort"] for manifest in container.get("ports", [])}
    assert ports == ({"metrics": address.port} if address else {})
    assert address is None or address.host == ""


def test_a_worker_is_a_static_member_with_time_to_drain(objects: list[Object], tmp_path: Path) -> None:
    """The instance is the pod's name, and Faust has a writable folder."""
    assert settings(objects, "worker", tmp_path).worker.instance == "cxgauge-worker-0"
    spec = pod(objects, "worker")["spec"]
    assert spec["terminationGracePeriodSeconds"] > DRAIN_TIMEOUT
    assert "/tmp" in [manifest["mountPath"] for manifest in spec["containers"][0]["volumeMounts"]]
    assert workload(objects, "worker")["spec"]["serviceName"] in [
        manifest["metadata"]["name"] for manifest in of_kind(objects, "Service")
    ]


def test_probes_have_the_right_endpoints(objects: list[Object]) -> None:
    """Nothing is killed or removed for incomplete figures, but a rollout waits for them."""
    paths = {
        component: {
            name: container[f"{name}Probe"]["httpGet"]["path"]
            for name in ("startup", "liveness", "readiness")
        }
        for component in ("worker", "exporter", "intake")
        for container in pod(objects, component)["spec"]["containers"]
    }
    assert paths == {
        "worker": {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"},
        "exporter": {"startup": "/readyz", "liveness": "/livez", "readiness": "/livez"},
        "intake": {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"},
    }
    exporters = workload(objects, "exporter")
    assert exporters["spec"]["replicas"] == 2
    assert exporters["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


@every_workload
def test_selectors_match_their_pods(objects: list[Object], component: str) -> None:
    """Workload, service and disruption budget of a component select its pods and no others."""
    labels = pod(objects, component)["metadata"]["labels"]
    for other_kind in ("StatefulSet", "Deployment", "Service", "PodDisruptionBudget"):
        for manifest in of_kind(objects, other_kind):
            selector = manifest["spec"]["selector"]
            match_labels = selector.get("matchLabels", selector)
            assert (match_labels.items() <= labels.items()) == (
                manifest["metadata"]["labels"]["app.kubernetes.io/component"] == component
            )


def test_network_policies_allow_only_needed_connections(objects: list[Object], tmp_path: Path) -> None:
    """Prometheus reaches its targets, services reach DNS and Kafka, exporters also Alertmanager."""
    policies = {
        manifest["metadata"]["name"]: manifest["spec"] for manifest in of_kind(objects, "NetworkPolicy")
    }
    for component in COMPONENTS:
        labels = pod(objects, component)["metadata"]["labels"].items()
        applied_policies = {
            name for name, spec in policies.items() if spec["podSelector"]["matchLabels"].items() <= labels
        }
        own_policies = {f"cxgauge-{component}"} if component in ("exporter", "intake") else set()
        assert applied_policies == {"cxgauge"} | own_policies
    ingress_ports = policy_ports(policies["cxgauge"]["ingress"])
    assert ingress_ports == {manifest["spec"]["ports"][0]["port"] for manifest in of_kind(objects, "Service")}
    servers = settings(objects, "worker", tmp_path).kafka.bootstrap_servers
    assert policy_ports(policies["cxgauge"]["egress"]) == {53, 5353, int(servers.rpartition(":")[2])}
    assert policy_ports(policies["cxgauge-exporter"]["egress"]) == {9093}
    assert policy_ports(policies["cxgauge-intake"]["ingress"]) == {9816}


def test_an_intake_runs_only_with_a_token_and_may_finish(objects: list[Object], tmp_path: Path) -> None:
    """As delivered it has no replica, because it would refuse to start."""
    loaded_settings = settings(objects, "intake", tmp_path)
    with pytest.raises(ConfigError):
        refuse_open_listener(loaded_settings, WebConfig())
    intake = workload(objects, "intake")
    assert intake["spec"]["replicas"] == 0
    grace = intake["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > SHUTDOWN_TIMEOUT + STOP_TIMEOUT


def policy_ports(allowed: list[Object]) -> set[int]:
    return {manifest["port"] for rule in allowed for manifest in rule["ports"]}


def test_scrape_jobs_have_the_names_in_the_rules(objects: list[Object], monitoring: list[Object]) -> None:
    """A job is the service's name: as in our own configuration of Prometheus."""
    assert len(monitoring) == 4
    jobs = {}
    for monitor in of_kind(monitoring, "ServiceMonitor"):
        (endpoint,) = monitor["spec"]["endpoints"]
        (relabeling,) = endpoint["relabelings"]
        (service,) = (
            manifest
            for manifest in of_kind(objects, "Service")
            if monitor["spec"]["selector"]["matchLabels"].items() <= manifest["metadata"]["labels"].items()
        )
        assert service["spec"]["ports"][0]["name"] == endpoint["port"]
        jobs[service["metadata"]["name"]] = relabeling["replacement"]
    expected = {job["job_name"] for job in document("deploy/prometheus/prometheus.yml")["scrape_configs"]}
    assert jobs == {job: job for job in expected}


def test_the_rules_equal_those_of_prometheus(
    monitoring: list[Object], require: Callable[[str], Path], tmp_path: Path
) -> None:
    """Every group of every file, and promtool finds them good."""
    (rule,) = of_kind(monitoring, "PrometheusRule")
    assert rule["apiVersion"] == OPERATOR
    assert set(rule["spec"]) == {"groups"}
    files = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
    groups = [group for path in files for group in yaml.safe_load(path.read_text())["groups"]]
    by_name = {group["name"]: group for group in rule["spec"]["groups"]}
    assert by_name == {group["name"]: group for group in groups}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rule["spec"]))
    command = [require("promtool"), "check", "rules", tmp_path / "rules.yml"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_dashboard_is_a_config_map_for_the_sidecar(rendered: Callable[[str], list[Object]]) -> None:
    """Under the sidecar's label, as in the file."""
    maps = rendered("deploy/grafana")
    assert {manifest["metadata"]["labels"]["grafana_dashboard"] for manifest in maps} == {"1"}
    applied_policies = {name: text for manifest in maps for name, text in manifest["data"].items()}
    names = [board["uid"].removeprefix("cxgauge-") for board in dashboards()]
    assert applied_policies == {
        f"{name}.json": (ROOT / f"deploy/grafana/dashboards/{name}.json").read_text() for name in names
    }
