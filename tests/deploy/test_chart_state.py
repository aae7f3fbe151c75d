"""Volumes of the Helm chart for entities on disk (`worker.state`)."""

from pathlib import Path

import pytest
import yaml

from tests.deploy import chart
from tests.deploy.conftest import GoTool, Render
from tests.deploy.manifests import Object, named, of_kind, pod, settings, workload

pytestmark = pytest.mark.tools

EXAMPLE = "state-on-disk"


def claim(objects: list[Object]) -> Object:
    """Return the only template of claims."""
    (template,) = workload(objects, "worker")["spec"]["volumeClaimTemplates"]
    claimed: Object = template
    return claimed


def test_by_default_workers_have_no_volumes(render: Render, tmp_path: Path) -> None:
    """The other values of worker.state change nothing then."""
    objects = render("defaults")
    assert objects == render(
        "defaults", "--set", "worker.state.size=1Ti,worker.state.retention.whenScaled=Retain"
    )
    spec = workload(objects, "worker")["spec"]
    assert spec.keys().isdisjoint({"volumeClaimTemplates", "persistentVolumeClaimRetentionPolicy"})
    assert settings(objects, "worker", tmp_path).worker.state_dir is None


def test_a_worker_keeps_its_state_on_its_own_volume(render: Render, tmp_path: Path) -> None:
    """The volume follows the pod's name, and so does the folder in it. Exporters have neither."""
    objects = render(EXAMPLE)
    worker = settings(objects, "worker", tmp_path / "worker").worker
    (mount,) = (
        mount
        for mount in pod(objects, "worker")["spec"]["containers"][0]["volumeMounts"]
        if mount["name"] == claim(objects)["metadata"]["name"]
    )
    assert worker.state_dir == tmp_path / "worker" / mount["mountPath"].strip("/")
    assert (worker.instance, worker.session_timeout) == ("cxgauge-worker-0", 120_000)
    assert settings(objects, "exporter", tmp_path / "exporter").worker.state_dir is None


def test_the_volume_belongs_to_the_group_of_the_process(render: Render) -> None:
    """The rest of the file system stays read-only."""
    spec = pod(render(EXAMPLE), "worker")["spec"]
    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsGroup"]
    assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_values_of_the_volume_arrive(render: Render) -> None:
    objects = render(EXAMPLE)
    assert claim(objects)["metadata"]["annotations"] == {"backup.example.com/exclude": "true"}
    assert claim(objects)["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "20Gi"}},
    }
    policy = "persistentVolumeClaimRetentionPolicy"
    assert workload(objects, "worker")["spec"][policy] == {"whenDeleted": "Delete", "whenScaled": "Delete"}
    kept = render(
        EXAMPLE, "--set", "worker.state.retention.whenScaled=Retain,worker.state.accessMode=ReadWriteOncePod"
    )
    assert workload(kept, "worker")["spec"][policy] == {"whenDeleted": "Delete", "whenScaled": "Retain"}
    assert claim(kept)["spec"]["accessModes"] == ["ReadWriteOncePod"]


@pytest.mark.parametrize(("value", "expected"), [("", None), ("-", ""), ("fast.io", "fast.io")])
def test_storage_classes(render: Render, value: str, expected: str | None) -> None:
    """An empty class in a claim means volumes without a class. Without the key it is the default class of the cluster."""
    objects = render(EXAMPLE, "--set-string", f"worker.state.storageClass={value}")
    assert claim(objects)["spec"].get("storageClassName") == expected


def test_pods_do_not_wait_for_each_other(render: Render) -> None:
    """After an outage all start at once. A drain takes one at a time, and the pods have names in the headless service."""
    objects = render(EXAMPLE)
    spec = workload(objects, "worker")["spec"]
    assert spec["podManagementPolicy"] == "Parallel"
    assert named(objects, "Service", spec["serviceName"])["spec"]["clusterIP"] == "None"
    assert named(objects, "PodDisruptionBudget", "cxgauge-worker")["spec"]["maxUnavailable"] == 1


def test_an_upgrade_of_the_chart_does_not_change_the_claims(
    render: Render, go_tool: GoTool, tmp_path: Path
) -> None:
    """Kubernetes refuses other templates of claims, for example one with the version of the chart in its labels."""
    before = workload(render(EXAMPLE), "worker")["spec"]
    copied = tmp_path / "cxgauge"
    package = chart.helm(
        "package", chart.CHART, "--version", "9.9.9", "--app-version", "9.9.9", "--destination", tmp_path
    )
    assert package.returncode == 0, package.stderr
    values = (
        "--values",
        chart.EXAMPLES / f"{EXAMPLE}.yaml",
        "--kube-version",
        "1.37",
        "--set",
        "image.tag=v2,labels.team=cx",
    )
    result = chart.helm("template", "cxgauge", f"{copied}-9.9.9.tgz", *values)
    after = next(of_kind([item for item in yaml.safe_load_all(result.stdout) if item], "StatefulSet"))
    assert after["metadata"]["labels"]["app.kubernetes.io/version"] == "9.9.9"
    for key in ("volumeClaimTemplates", "selector", "serviceName", "podManagementPolicy"):
        assert after["spec"][key] == before[key]


def test_a_folder_of_your_own_stays_possible(render: Render, tmp_path: Path) -> None:
    """Such as on disks of the nodes."""
    mounted = '{"volumes": [{"name": "disk", "emptyDir": {}}], "volumeMounts": [{"name": "disk", "mountPath": "/data"}]}'
    objects = render(
        "defaults", "--set", "config.worker.state_dir=/data", "--set-json", f"worker.pod={mounted}"
    )
    assert settings(objects, "worker", tmp_path).worker.state_dir == Path("/data")
