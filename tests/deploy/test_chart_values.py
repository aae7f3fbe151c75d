"""Values of the Helm chart: what they become, and the messages for those that cannot be used."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.config import config_hash
from stream.http.web_config import WebConfig
from stream.intake.service import refuse_open_listener
from tests.deploy import chart
from tests.deploy.conftest import GoTool, Render
from tests.deploy.manifests import Object, named, of_kind, pod, settings, variables, workload
from tests.deploy.project import ROOT, document

pytestmark = pytest.mark.tools

HASH = "0" * 64
OPTIONAL = ("resources", "pod")
"""Values of a component that may be null."""
SECRETS: dict[str, dict[str, str]] = {
    "kafka-cluster-ca-cert": {"ca.crt": "authority"},
    "openshift-service-ca.crt": {"service-ca.crt": "authority"},
    "cxgauge-kafka": {"user.crt": "certificate", "user.key": "key"},
    **{f"cxgauge-{name}-login": {"username": name, "password": f"of {name}"} for name in ("worker", "exporter", "admin")},
    "cxgauge-web": {"web.yml": "tls_server_config: {}"},
    "cxgauge-exporter-tls": {"tls.crt": "certificate", "tls.key": "key"},
    "cxgauge-tokens": {"tokens.json": json.dumps({"shop": {"sha256": HASH}})},
    "cxgauge-hooks": {"stripe.secret": "whsec_1"},
}  # fmt: skip
COMPONENTS_OF = {
    name: ("worker", "exporter", "topics", *(("intake",) if name == "intake" else ()))
    for name in ("defaults", *chart.examples())
    if name != "kustomize"
}
every_container = pytest.mark.parametrize(
    ("example", "component"), [(name, part) for name, parts in COMPONENTS_OF.items() for part in parts]
)


@every_container
def test_every_container_reads_valid_settings(
    render: Render, example: str, component: str, tmp_path: Path
) -> None:
    """From the files and variables that it gets. They agree on what changes figures, and listen on the ports of the pods."""
    objects = render(example)
    loaded = settings(objects, component, tmp_path / "own", SECRETS)
    assert config_hash(loaded) == config_hash(settings(objects, "worker", tmp_path / "worker", SECRETS))
    assert (loaded.topics.replication_factor, loaded.topics.min_insync_replicas) == (3, 2)
    assert (loaded.kafka.ssl_cafile is not None) == (example in ("tls-and-sasl", "openshift"))
    if component != "topics":
        (port,) = pod(objects, component)["spec"]["containers"][0]["ports"]
        assert getattr(loaded, component).listen == ("", port["containerPort"])


def test_every_kind_of_setting_arrives(render: Render, tmp_path: Path) -> None:
    """Numbers stay whole numbers, tables stay tables, and files are found."""
    loaded = settings(render("intake"), "intake", tmp_path, SECRETS)
    assert loaded.topics.partitions == 24
    assert loaded.metrics.views["team_and_channel"] == ("team", "channel")
    assert loaded.clv.margin_rate == 0.4
    assert set(loaded.frt.targets) == {"email", "chat/urgent"}
    assert [calendar.calendar.name for calendar in loaded.calendars] == ["support"]
    assert loaded.intake.tokens["shop"].sha256 == HASH
    assert loaded.intake.hooks["stripe"].secrets == ("whsec_1",)
    assert loaded.intake.hooks["desk"].mapping.endswith("desk.toml")
    refuse_open_listener(loaded, WebConfig())


def test_a_value_with_dollars_arrives(render: Render) -> None:
    """Kubernetes reads $(NAME) as a variable and $$ as $."""
    table = '{"basic":{"mapping":"stripe","users":{"a":"$2y$10$$(HOME)"},"verify":"basic"}}'
    objects = render("intake", "--set-json", f"config.intake.hooks={table}")
    (container,) = pod(objects, "intake")["spec"]["containers"]
    values = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert json.loads(values["CXGAUGE_INTAKE_HOOKS"])["basic"]["users"] == {"a": "$$2y$$10$$$$(HOME)"}
    assert json.loads(variables(objects, "intake", SECRETS)["CXGAUGE_INTAKE_HOOKS"])["basic"] == json.loads(table)["basic"]  # fmt: skip


def test_every_component_has_its_own_login(render: Render, tmp_path: Path) -> None:
    objects = render("tls-and-sasl")
    for component, login in (("worker", "worker"), ("exporter", "exporter"), ("topics", "admin")):
        kafka = settings(objects, component, tmp_path / component, SECRETS).kafka
        assert (kafka.security_protocol, kafka.sasl_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
        assert (kafka.sasl_username, kafka.sasl_password) == (login, f"of {login}")
    config = next(of_kind(objects, "ConfigMap"))["data"]["cxgauge.toml"]
    assert "password" not in config


def test_a_client_certificate_arrives(render: Render, tmp_path: Path) -> None:
    kafka = settings(render("openshift"), "worker", tmp_path, SECRETS).kafka
    texts = [path.read_text() for path in (kafka.ssl_cafile, kafka.ssl_certfile, kafka.ssl_keyfile) if path]
    assert (kafka.security_protocol, texts) == ("SSL", ["authority", "certificate", "key"])


def test_a_token_provider_gets_its_options_from_a_secret(render: Render) -> None:
    values = {
        "mechanism": "OAUTHBEARER",
        "tokenProvider": "p",
        "secret": "oauth",
        "tokenOptionsKey": "options",
    }
    arguments = [f"--set=kafka.sasl.{name}={value}" for name, value in values.items()]
    objects = render("defaults", *arguments)
    environ = variables(objects, "worker", {"oauth": {"options": '{"a": 1}'}})
    assert json.loads(environ["CXGAUGE_KAFKA_TOKEN_OPTIONS"]) == {"a": 1}
    assert not [name for name in environ if name.startswith("CXGAUGE_KAFKA_SASL")]
    assert 'token_provider = "p"' in next(of_kind(objects, "ConfigMap"))["data"]["cxgauge.toml"]


def test_the_exporters_certificate_and_passwords_are_mounted_in_the_exporter_only(
    render: Render, tmp_path: Path
) -> None:
    """Also its probes and its monitor know of them."""
    objects = render("intake", "--set", "monitor.enabled=true")
    exporter = settings(objects, "exporter", tmp_path / "exporter", SECRETS)
    assert exporter.exporter.web_config is not None
    assert {path.name for path in (exporter.exporter.web_config.parent / "tls").iterdir()} == {
        "tls.crt",
        "tls.key",
    }
    assert settings(objects, "worker", tmp_path / "worker", SECRETS).exporter.web_config is None
    (container,) = pod(objects, "exporter")["spec"]["containers"]
    assert container["startupProbe"]["tcpSocket"] == {"port": "metrics"}
    assert named(objects, "ServiceMonitor", "cxgauge")["spec"]["endpoints"][0]["scheme"] == "https"
    without_password = render("intake", "--set", "exporter.web.probe=http")
    (container,) = pod(without_password, "exporter")["spec"]["containers"]
    assert container["livenessProbe"]["httpGet"]["scheme"] == "HTTPS"


def test_a_change_of_settings_restarts_the_pods(render: Render) -> None:
    def checksum(*arguments: str) -> str:
        return pod(render("defaults", *arguments), "worker")["metadata"]["annotations"]["checksum/config"]

    values = {
        checksum(),
        checksum("--set-json", "config.clv.margin_rate=0.5"),
        checksum("--set", "files.a=b"),
    }
    assert len(values) == 3
    assert checksum() in values


def test_lists_of_pods_are_appended_and_other_keys_are_overridden(render: Render) -> None:
    shared = (
        '{"env": [{"name": "A", "value": "1"}], "nodeSelector": {"disk": "fast"}, "priorityClassName": "low"}'
    )
    of_worker = '{"env": [{"name": "B", "value": "2"}], "priorityClassName": "high"}'
    objects = render("defaults", "--set-json", f"pod={shared}", "--set-json", f"worker.pod={of_worker}")
    worker, exporter = (pod(objects, component)["spec"] for component in ("worker", "exporter"))
    assert [variable["name"] for variable in worker["containers"][0]["env"]][-2:] == ["A", "B"]
    assert [variable["name"] for variable in exporter["containers"][0]["env"]] == ["A"]
    assert (worker["priorityClassName"], exporter["priorityClassName"]) == ("high", "low")
    assert worker["nodeSelector"] == exporter["nodeSelector"] == {"disk": "fast"}


def test_what_the_hook_needs_exists_before_it(render: Render) -> None:
    """On the first installation no other object of the release exists yet. The Job may run again."""
    objects = render("tls-and-sasl")
    hooks = {
        (manifest["kind"], manifest["metadata"]["name"]): manifest["metadata"]["annotations"]
        for manifest in objects
        if "helm.sh/hook" in manifest["metadata"].get("annotations", {})
    }
    name = "cxgauge-topics"
    assert set(hooks) == {(kind, name) for kind in ("Job", "ServiceAccount", "ConfigMap", "NetworkPolicy")}
    job = hooks.pop(("Job", name))
    assert job == {
        "helm.sh/hook": "pre-install,pre-upgrade",
        "helm.sh/hook-delete-policy": "before-hook-creation",
    }
    for annotations in hooks.values():
        assert annotations["helm.sh/hook"] == job["helm.sh/hook"]
        assert int(annotations["helm.sh/hook-weight"]) < 0
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    spec = pod(objects, "topics")["spec"]
    assert spec["serviceAccountName"] == name
    assert [volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume] == [name]
    policy = named(objects, "NetworkPolicy", name)["spec"]
    assert (
        policy["podSelector"]["matchLabels"].items() <= pod(objects, "topics")["metadata"]["labels"].items()
    )
    assert workload(objects, "topics")["spec"]["activeDeadlineSeconds"] < 300


def test_without_hooks_a_change_makes_another_job(render: Render) -> None:
    """For tools that apply the output of `helm template`: Jobs are immutable."""
    changes = (
        (),
        ("--set", "image.tag=v2"),
        ("--set", "config.topics.retention=90d"),
        ("--set", "worker.replicas=3"),
    )
    names = [
        workload(render("defaults", "--set", "topics.hook=false", *change), "topics")["metadata"]["name"]
        for change in changes
    ]
    assert len(set(names)) == 3
    assert names[0] == names[3]


@pytest.mark.parametrize("servers", ["kafka:9092", "a:9093, b:9094,c:9093"])
def test_network_policies_follow_the_values(render: Render, servers: str) -> None:
    """Kafka's ports are those of bootstrapServers. DNS has two ports, 5353 is that of OpenShift."""
    escaped = servers.replace(",", "\\,")
    objects = render(
        "defaults", "--set", f"kafka.bootstrapServers={escaped},networkPolicy.kafkaPorts={{19092}}"
    )
    brokers = {int(server.rpartition(":")[2]) for server in servers.split(",")} | {19092}
    for name in ("cxgauge", "cxgauge-topics"):
        dns, kafka = named(objects, "NetworkPolicy", name)["spec"]["egress"]
        assert {(port["port"], port["protocol"]) for port in dns["ports"]} == {
            (port, protocol) for port in (53, 5353) for protocol in ("UDP", "TCP")
        }
        assert {port["port"] for port in kafka["ports"]} == brokers
        assert len(kafka["ports"]) == len(brokers)
    without = render("defaults", "--set", "networkPolicy.enabled=false")
    assert list(of_kind(without, "NetworkPolicy")) == []


def test_only_events_are_reachable_through_the_ingress(render: Render) -> None:
    objects = render("intake")
    (ingress,) = of_kind(objects, "Ingress")
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    service = named(objects, "Service", path["backend"]["service"]["name"])
    assert (rule["host"], path["path"]) == ("events.example.org", "/v1")
    assert path["backend"]["service"]["port"]["name"] == service["spec"]["ports"][0]["name"]
    assert service["spec"]["selector"].items() <= pod(objects, "intake")["metadata"]["labels"].items()


def test_jobs_of_scrapes_do_not_depend_on_the_release(go_tool: GoTool) -> None:
    """Rules and dashboards select them."""
    go_tool("helm")
    values = (
        "--set",
        "monitor.enabled=true",
        "--set",
        "intake.enabled=true",
        "--set",
        "intake.tokens.secret=t",
    )
    jobs = {job["job_name"] for job in document("deploy/prometheus/prometheus.yml")["scrape_configs"]}
    for kind, key in (("ServiceMonitor", "endpoints"), ("PodMonitor", "podMetricsEndpoints")):
        arguments = (*values, "--set", f"monitor.kind={kind}", "--set", "monitor.labels.release=prom")
        result = chart.helm("template", "shop", chart.CHART, "--kube-version", "1.37", *arguments)
        monitors = list(of_kind(list(yaml.safe_load_all(result.stdout)), kind))
        assert {monitor["metadata"]["labels"]["release"] for monitor in monitors} == {"prom"}
        assert {monitor["spec"][key][0]["relabelings"][0]["replacement"] for monitor in monitors} == jobs


def test_rules_have_the_thresholds_and_runbooks_of_the_values(
    render: Render, require: Callable[[str], Path], tmp_path: Path
) -> None:
    """Apart from them they are those of deploy/prometheus, and promtool finds them good."""
    (rule,) = of_kind(render("monitoring"), "PrometheusRule")
    expected = [
        group
        for path in sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    base = document("deploy/helm/examples/monitoring.yaml")["rules"]["runbookBase"]
    changed = 0
    for entry in (entry for group in expected for entry in group["rules"]):
        for name, value in (("nps_responses", 50), ("false_alarms_a_month", 4)):
            if entry.get("record") == f"cx:threshold:{name}":
                entry["expr"] = f"vector({value})"
                changed += 1
        if "alert" in entry:
            annotations = entry["annotations"]
            annotations["runbook_url"] = annotations["runbook_url"].replace("deploy/runbooks", base)
    for group in expected:
        group["interval"] = "5s"
    assert changed == 2
    assert rule["spec"]["groups"] == expected
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rule["spec"]))
    command = [require("promtool"), "check", "rules", tmp_path / "rules.yml"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_dashboards_are_config_maps_with_the_label_of_the_sidecar(render: Render) -> None:
    objects = [manifest for manifest in render("monitoring") if "-dashboard-" in manifest["metadata"]["name"]]
    for manifest in objects:
        assert manifest["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert manifest["metadata"]["annotations"] == {"grafana_folder": "cxgauge"}
    data = {name: json.loads(text) for manifest in objects for name, text in manifest["data"].items()}
    folder = ROOT / "deploy/grafana/dashboards"
    assert data == {path.name: json.loads(path.read_text()) for path in folder.iterdir()}


WRONG: dict[str, Any] = {
    "worker.replica=3": "at '/worker': additional properties 'replica' not allowed",
    "worker.replicas=some": "at '/worker/replicas': got string, want integer",
    "worker.replicas=13": "worker.replicas: got 13, allowed is at most config.topics.partitions (12)",
    "config.metrics.window=5m": "at '/config/metrics': additional properties 'window' not allowed",
    "config.topics.partitions=many": "at '/config/topics/partitions': got string, want integer",
    "config.kafka.bootstrap_servers=a:1": "config.kafka: set kafka.bootstrapServers, kafka.tls and kafka.sasl",
    "config.worker.listen=:1": "config.worker.listen: the chart sets it",
    "config.exporter.web_config=a": "config.exporter.web_config: the chart sets it from exporter.web",
    "config.intake.hosts={a}": "config.intake.hosts: leave it empty, because probes and Prometheus",
    "files.cxgauge\\.toml=a": "files: cxgauge.toml is made from config and kafka",
    "image.digest=abc": 'image.digest: got "abc", allowed is sha256: with 64 hexadecimal digits',
    "kafka.bootstrapServers=kafka": 'kafka.bootstrapServers: got "kafka", allowed is host:port',
    "kafka.tls.client.secret=a": "kafka.tls.enabled: got false, but certificates are set",
    "worker.kafkaSecrets.client=a": "kafka.tls.enabled: got false, but certificates are set",
    "kafka.tls.ca.secret=a,kafka.tls.ca.configMap=b": "kafka.tls.ca: set secret or configMap, not both",
    "kafka.sasl.mechanism=SCRAM": "value must be one of '', 'PLAIN', 'SCRAM-SHA-256'",
    "kafka.sasl.mechanism=PLAIN": "kafka.sasl.secret: missing, the mechanism PLAIN needs it",
    "kafka.sasl.secret=a": "kafka.sasl.mechanism: missing, kafka.sasl.secret needs one of PLAIN",
    "kafka.sasl.mechanism=OAUTHBEARER": "kafka.sasl.tokenProvider: missing, the mechanism OAUTHBEARER",
    "kafka.sasl.mechanism=OAUTHBEARER,kafka.sasl.tokenProvider=a,kafka.sasl.secret=a": "secret and tokenOptionsKey belong",
    "kafka.sasl.mechanism=OAUTHBEARER,kafka.sasl.tokenProvider=a,kafka.sasl.secret=a,kafka.sasl.tokenOptionsKey=a,"
    "kafka.sasl.tokenOptions.a=1": "kafka.sasl: set tokenOptions or tokenOptionsKey, not both",
    "exporter.web.tls=true": "exporter.web.secret: missing, the other values of exporter.web need it",
    "intake.enabled=true": "intake.tokens.secret: missing. An intake that is reachable needs tokens",
    "intake.enabled=true,intake.tokens.secret=a,config.intake.tokens.a.sha256=b": "set one of them",
    "intake.ingress.enabled=true": "intake.ingress.hosts: empty, an Ingress needs at least one name",
    "kafka.sasl=null": "at '/kafka': missing property 'sasl'",
    "fullnameOverride=a.b": "at '/fullnameOverride': 'a.b' does not match pattern",
    "networkPolicy.prometheus=null": "at '/networkPolicy': missing property 'prometheus'",
    "rules.thresholds.nps=1": "rules.thresholds.nps: unknown, allowed are false_alarms_a_month, ",
    "rules.thresholds.false_alarms_a_month=6": "rules.thresholds.false_alarms_a_month: got 6, allowed is at most 5",
    "worker.state.enabled=true,worker.state.size=10 GB": 'worker.state.size: got "10 GB", allowed is a quantity such as 10Gi',
    "worker.state.storageClass=Fast": "at '/worker/state/storageClass': 'Fast' does not match pattern",
    "worker.state.accessMode=ReadWriteMany": "value must be one of 'ReadWriteOnce', 'ReadWriteOncePod'",
    "worker.state.retention.whenScaled=Keep": "value must be one of 'Retain', 'Delete'",
    "worker.state.enabled=true,config.worker.state_dir=/data": "config.worker.state_dir: leave it out, worker.state.enabled",
    "config.worker.state_dir=/data": "config.worker.state_dir: nothing is mounted there. Set worker.state.enabled",
    "worker.state.enabled=true,worker.pod.volumeMounts[0].name=state,worker.pod.volumeMounts[0].mountPath=/a": "worker.state.enabled: "
    "it has the volume state at /var/lib/cxgauge",
    "rules.runbookBase=runbooks": 'rules.runbookBase: got "runbooks", allowed is a URL',
    "pod.securityContext=null,worker.serviceAccount.name=A_b": "at '/worker/serviceAccount/name': 'A_b' does not match",
}
"""Values that cannot be used, and a part of the message."""


@pytest.mark.parametrize("values", WRONG)
def test_values_that_cannot_be_used_are_named(render: Render, values: str) -> None:
    with pytest.raises(ValueError) as caught:
        render("defaults", "--set", values)
    assert WRONG[values] in str(caught.value)


def test_an_empty_list_of_peers_is_refused(render: Render) -> None:
    """In Kubernetes it would allow everybody."""
    with pytest.raises(ValueError, match="at '/networkPolicy/prometheus': minItems: got 0, want 1"):
        render("defaults", "--set-json", "networkPolicy.prometheus=[]")


def test_every_value_has_a_schema() -> None:
    """So that a misspelt one is refused, and one that is removed by null."""

    def check(value: Object, schema: Object, path: str) -> None:
        if "$ref" in schema:
            schema = document_schema["$defs"][schema["$ref"].rpartition("/")[2]]
        properties = schema.get("properties")
        if properties is not None:
            assert schema["additionalProperties"] is False, path
            for name, part in value.items():
                assert name in properties, f"{path}.{name}"
                assert name in schema.get("required", properties) or name in OPTIONAL, f"{path}.{name}"
                if isinstance(part, dict):
                    check(part, properties[name], f"{path}.{name}")

    document_schema = json.loads((chart.CHART / "values.schema.json").read_text())
    check(document("deploy/helm/cxgauge/values.yaml"), document_schema, "")
