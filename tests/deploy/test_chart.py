"""The Helm chart as Helm renders it: golden files, the schemas of Kubernetes, kube-score, and the chart as a package."""

import json
import re
import subprocess
import tarfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from stream import deployment
from tests.deploy import chart
from tests.deploy.conftest import GoTool, Render
from tests.deploy.manifests import OPERATOR, Object, named, of_kind
from tests.deploy.project import ROOT, document

pytestmark = pytest.mark.tools

OPERATOR_TYPES = "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
RELEASES = ("1.27", "1.37")
every_example = pytest.mark.parametrize("example", ["defaults", *chart.examples()])
every_release = pytest.mark.parametrize("release", RELEASES)
EXPLAINED = {
    "container-resources: CPU limit is not set": "a limit would delay flushes and refreshes; memory is limited",
    "container-image-pull-policy: ImagePullPolicy is not set to Always": "tags are exact versions",
    "pod-probes-identical: Container has the same readiness and liveness probe": "a common cause must not remove all "
    "exporters from the service, and a TCP probe has no path",
    "deployment-has-host-podantiaffinity: Deployment does not have a host podAntiAffinity set": "topology spread "
    "constraints do this, also with more replicas than nodes",
    "statefulset-has-host-podantiaffinity: StatefulSet does not have a host podAntiAffinity set": "likewise",
    "container-security-context-user-group-id: The container is running with a low user ID": "OpenShift sets it",
    "container-security-context-user-group-id: The container running with a low group ID": "likewise",
    "deployment-replicas: Deployment few replicas": "the intake of the plain manifests has none until there is a token",
}
"""Findings of kube-score, as `check: summary`, and why the chart has them."""


def test_rendered_files_are_up_to_date(go_tool: GoTool) -> None:
    """deploy/kubernetes and the golden files are those that the chart renders. The reader of a change sees what it does."""
    go_tool("helm")
    for path, text in chart.generated_files().items():
        assert path.read_text(encoding="utf-8") == text, path
    assert {path.stem for path in chart.GOLDEN.iterdir()} == {"defaults", *chart.examples()} - {"kustomize"}


def test_lint_finds_nothing(go_tool: GoTool) -> None:
    go_tool("helm")
    for example in chart.EXAMPLES.glob("*.yaml"):
        result = chart.helm("lint", "--strict", "--kube-version", "1.37", "--values", example, chart.CHART)
        assert result.returncode == 0, result.stdout
        assert re.findall(r"^\[(\w+)\]", result.stdout, re.MULTILINE) == ["INFO"], result.stdout  # no icon


@every_release
@every_example
def test_every_object_matches_the_schemas_of_kubernetes(render: Render, example: str, release: str) -> None:
    """Checked by the schemas without unknown fields. No namespace is given, because Helm adds that of the release."""
    objects = [
        manifest for manifest in render(example, kubernetes=release) if manifest["apiVersion"] != OPERATOR
    ]
    assert len(objects) > 10
    for manifest in objects:
        kubernetes_validate.validate(manifest, release, strict=True)
        assert "namespace" not in manifest["metadata"]


def test_older_kubernetes_is_refused(render: Render) -> None:
    with pytest.raises(ValueError, match=r"requires kubeVersion: >=1.27.0-0 which is incompatible"):
        render("defaults", kubernetes="1.26")


@pytest.fixture(scope="module")
def operator_schemas(go_tool: GoTool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Object]:
    """JSON Schemas of the operator's kinds without unknown fields, from the CRDs that are generated from its Go types."""
    folder = tmp_path_factory.mktemp("crds")
    command = [go_tool("controller-gen"), "crd", f"paths={OPERATOR_TYPES}", f"output:crd:dir={folder}"]
    subprocess.run(command, cwd=ROOT / "tests/deploy/operator_types", check=True)
    resources = [yaml.safe_load(path.read_text())["spec"] for path in folder.iterdir()]
    return {
        resource["names"]["kind"]: strict(released["schema"]["openAPIV3Schema"])
        for resource in resources
        for released in resource["versions"]
    }


def strict(schema: Any) -> Any:
    """Return a schema that refuses unknown fields, also those of the objects in it. Metadata is checked by Kubernetes."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: strict(part) for name, part in schema.items()}
    if isinstance(parts.get("properties"), dict) and parts.get("type") == "object":
        parts["additionalProperties"] = False
    if isinstance(parts.get("pattern"), str) and "(?i)" in parts["pattern"]:
        parts["pattern"] = "(?i)" + parts["pattern"].replace("(?i)", "")  # Python has flags at the start only
    return parts


def test_objects_of_the_operator_match_its_crds(render: Render, operator_schemas: dict[str, Object]) -> None:
    """Fields, types, patterns and enumerations."""
    objects = [
        manifest
        for example in ("defaults", *chart.examples())
        for manifest in render(example, "--set", "monitor.metricRelabelings[0].action=keep")
        if manifest["apiVersion"] == OPERATOR
    ]
    assert {manifest["kind"] for manifest in objects} == {"ServiceMonitor", "PodMonitor", "PrometheusRule"}
    for manifest in objects:
        jsonschema.validate(manifest, operator_schemas[manifest["kind"]])


@pytest.mark.parametrize(
    ("field", "value"), [("intervall", "5s"), ("interval", "5 s"), ("scheme", "ftp"), ("port", 1)]
)
def test_the_crds_refuse_what_the_operator_refuses(
    render: Render, operator_schemas: dict[str, Object], field: str, value: object
) -> None:
    """The test above would pass on a schema that allows everything."""
    monitor = next(of_kind(render("monitoring"), "ServiceMonitor"))
    monitor["spec"]["endpoints"][0][field] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(monitor, operator_schemas["ServiceMonitor"])


def test_kube_score_finds_only_what_is_explained(render: Render, go_tool: GoTool) -> None:
    """No finding without a reason, and no reason without a finding."""
    findings: set[str] = set()
    for example in ("defaults", *chart.examples()):
        objects = [manifest for manifest in render(example) if manifest["apiVersion"] != OPERATOR]
        result = subprocess.run(
            [go_tool("kube-score"), "score", "--kubernetes-version", "v1.37", "--output-format", "json", "-"],
            input=yaml.safe_dump_all(objects),
            capture_output=True,
            text=True,
            check=False,
        )
        scores = json.loads(result.stdout)
        assert len(scores) > 8, result.stderr
        findings |= {
            f"{check['check']['id']}: {comment['summary']}"
            for score in scores
            for check in score["checks"]
            if not check["skipped"] and check["grade"] < 10
            for comment in check["comments"]
        }
    assert findings == set(EXPLAINED)


@pytest.mark.parametrize("name", ["cx", "a" * 53, "cxgauge-of-the-customer-experience-department-staging"])
def test_names_fit_whatever_the_release_is_called(render: Render, name: str) -> None:
    """Helm allows names of 53 characters, Kubernetes labels and services of 63. Hashes of pods need some, too."""
    result = chart.helm(
        "template", name, chart.CHART, "--kube-version", "1.37", "--set", "dashboards.enabled=true"
    )
    objects = list(yaml.safe_load_all(result.stdout))
    assert result.returncode == 0
    longest = {manifest["kind"]: 63 for manifest in objects} | {"StatefulSet": 52}
    for manifest in objects:
        assert len(manifest["metadata"]["name"]) <= longest[manifest["kind"]]
        kubernetes_validate.validate(manifest, "1.37", strict=True)
    assert len({(manifest["kind"], manifest["metadata"]["name"]) for manifest in objects}) == len(objects)


@pytest.mark.parametrize("name", ["2cx", "shop.cx"])
def test_a_release_whose_name_is_none_of_a_service_is_refused(go_tool: GoTool, name: str) -> None:
    go_tool("helm")
    result = chart.helm("template", name, chart.CHART, "--kube-version", "1.37")
    assert result.returncode == 1
    assert f'"{name}-cxgauge" is no name of a Service' in result.stderr


def test_two_releases_in_a_namespace_do_not_select_each_others_pods(render: Render) -> None:
    """The selectors contain the release."""
    text = chart.helm("template", "other", chart.CHART, "--kube-version", "1.37").stdout
    other = [manifest for manifest in yaml.safe_load_all(text) if "selector" in manifest.get("spec", {})]
    labels = named(render("defaults"), "StatefulSet", "cxgauge-worker")["spec"]["template"]["metadata"][
        "labels"
    ]
    assert len(other) >= 6
    for manifest in other:
        selector = manifest["spec"]["selector"]
        assert not selector.get("matchLabels", selector).items() <= labels.items()


def test_the_version_is_that_of_the_project() -> None:
    metadata = document("deploy/helm/cxgauge/Chart.yaml")
    assert metadata["version"] == metadata["appVersion"] == version("cxgauge")


def test_a_package_contains_rules_and_dashboards(go_tool: GoTool, tmp_path: Path) -> None:
    """In the repository they are links to deploy/prometheus and deploy/grafana. A package and `cxgauge deploy export` have the files."""
    go_tool("helm")
    result = chart.helm("package", chart.CHART, "--destination", tmp_path)
    assert result.returncode == 0, result.stderr
    with tarfile.open(tmp_path / f"cxgauge-{version('cxgauge')}.tgz") as archive:
        packed = {name.removeprefix("cxgauge/") for name in archive.getnames()}
    assert packed >= {
        f"{target}/{path.name}"
        for target, source in (("rules", "prometheus/rules"), ("dashboards", "grafana/dashboards"))
        for path in (ROOT / "deploy" / source).iterdir()
    }
    deployment.write(tmp_path / "files")
    copy = tmp_path / "files/helm/cxgauge"
    assert not any(path.is_symlink() for path in copy.rglob("*"))
    values = ("--kube-version", "1.37", "--values", chart.EXAMPLES / "monitoring.yaml")
    rendered = [chart.helm("template", "cxgauge", folder, *values).stdout for folder in (copy, chart.CHART)]
    assert rendered[0] == rendered[1] != ""


def test_without_helm_the_check_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is left out, except where CI requires it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CX_TEST_REQUIRE_TOOLS", raising=False)
    assert chart.main(check=True) == 0
    assert capsys.readouterr().out == (
        "The Helm chart is not checked: helm is left out: "
        f"it is not in {tmp_path}/cxgauge/helm/v3.22.0, and there is no go to build it\n"
    )
    monkeypatch.setenv("CX_TEST_REQUIRE_TOOLS", "1")
    assert chart.main(check=True) == 1


def test_a_stale_file_is_named(
    monkeypatch: pytest.MonkeyPatch, go_tool: GoTool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go_tool("helm")
    golden = ROOT / "tests/deploy/golden/defaults.yaml"
    files: Callable[[], dict[Path, str]] = lambda: {golden: "other\n"}  # noqa: E731
    monkeypatch.setattr(chart, "generated_files", files)
    monkeypatch.setattr(chart, "GOLDEN", tmp_path)
    assert chart.main(check=True) == 1
    assert "tests/deploy/golden/defaults.yaml: is stale, run make generate\n" in capsys.readouterr().out
