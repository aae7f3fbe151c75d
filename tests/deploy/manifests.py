"""Objects of Kubernetes: what is in them, and the settings that a container reads."""

from collections.abc import Iterable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import yaml

from stream.config import Settings, load

Object = dict[str, Any]
COMPONENTS = ("topics", "worker", "exporter", "intake")
WRITABLE = frozenset({"emptyDir", "persistentVolumeClaim"})
"""Kinds of volumes that a container may write to. They are empty at first."""
OPERATOR = "monitoring.coreos.com/v1"


def parsed(documents: Iterable[str]) -> list[Object]:
    """Return the objects of YAML documents."""
    return [manifest for text in documents for manifest in yaml.safe_load_all(text) if manifest]


def of_kind(objects: list[Object], kind: str) -> Iterator[Object]:
    """Yield the objects of a kind."""
    return (manifest for manifest in objects if manifest["kind"] == kind)


def named(objects: list[Object], kind: str, name: str) -> Object:
    """Return the only object of a kind and a name."""
    (manifest,) = (manifest for manifest in of_kind(objects, kind) if manifest["metadata"]["name"] == name)
    return manifest


def workload(objects: list[Object], component: str) -> Object:
    """Return the only workload of a component."""
    templates = [manifest for manifest in objects if "template" in manifest.get("spec", {})]
    (selected,) = (
        manifest
        for manifest in templates
        if manifest["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == component
    )
    return selected


def pod(objects: list[Object], component: str) -> Object:
    """Return the pod template of a component."""
    template: Object = workload(objects, component)["spec"]["template"]
    return template


def variables(objects: list[Object], component: str, secrets: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the variables of a component's container. `secrets` has the values of Secrets by name and key."""
    values = {}
    for variable in pod(objects, component)["spec"]["containers"][0].get("env", []):
        source = variable.get("valueFrom", {})
        if "fieldRef" in source:
            assert source["fieldRef"]["fieldPath"] == "metadata.name"
            values[variable["name"]] = "cxgauge-worker-0"
        elif "secretKeyRef" in source:
            reference = source["secretKeyRef"]
            values[variable["name"]] = secrets[reference["name"]][reference["key"]]
        else:
            values[variable["name"]] = variable["value"].replace("$$", "$")
    return values


def files(
    objects: list[Object], component: str, folder: Path, secrets: dict[str, dict[str, str]]
) -> dict[str, Path]:
    """Write the files that a container sees below a folder. Return the folder of each mount by its path."""
    spec = pod(objects, component)["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for claim in workload(objects, component)["spec"].get("volumeClaimTemplates", []):
        volumes[claim["metadata"]["name"]] = {"persistentVolumeClaim": claim["spec"]}
    mounts = {}
    for mount in spec["containers"][0]["volumeMounts"]:
        target = mounts[mount["mountPath"]] = folder / mount["mountPath"].strip("/")
        target.mkdir(parents=True)
        volume = volumes[mount["name"]]
        assert mount.get("readOnly", False) == WRITABLE.isdisjoint(volume)
        for source in volume.get("projected", {}).get("sources", [volume]):
            for name, text in _content(objects, source, secrets).items():
                (target / name).parent.mkdir(exist_ok=True)
                (target / name).write_text(text)
    return mounts


def _content(objects: list[Object], source: Object, secrets: dict[str, dict[str, str]]) -> dict[str, str]:
    if not WRITABLE.isdisjoint(source):
        return {}
    kind = "secret" if "secret" in source else "configMap"
    name = source[kind]["name"]
    config_maps = {
        manifest["metadata"]["name"]: manifest["data"] for manifest in of_kind(objects, "ConfigMap")
    }
    data = config_maps[name] if kind == "configMap" and name in config_maps else secrets[name]
    items = source[kind].get("items")
    optional = source[kind].get("optional", False)
    if items is None:
        return data
    return {item["path"]: data[item["key"]] for item in items if not optional or item["key"] in data}


def settings(
    objects: list[Object], component: str, folder: Path, secrets: dict[str, dict[str, str]] | None = None
) -> Settings:
    """Load the settings as a container does: the mounted files below a folder, and the variables."""
    secrets = secrets or {}
    mounts = files(objects, component, folder, secrets)
    environ = variables(objects, component, secrets)
    for name, value in environ.items():
        for path, target in mounts.items():
            if Path(value).is_relative_to(path):
                environ[name] = value.replace(path, str(target), 1)
    with chdir(mounts["/etc/cxgauge"]):  # the working directory of the image
        return load(None, environ)
