"""The image's lock files against pyproject.toml, without an index: `make lock` was run after the last change.

Not checked: whether an index still has these versions. Building the image checks that, and that no dependency is missing.
"""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.project import ROOT

pytestmark = pytest.mark.fresh

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WANTED = {
    "image": [
        Requirement(text)
        for text in (
            *PROJECT["project"]["dependencies"],
            *PROJECT["project"]["optional-dependencies"]["disk"],
        )
    ],
    "build": [Requirement(text) for text in PROJECT["dependency-groups"]["build"]],
}
DIRECT = {"image": "cxgauge (pyproject.toml)", "build": "cxgauge (pyproject.toml:build)"}
IMAGE = {"python_version": "3.11", "python_full_version": "3.11.15", "sys_platform": "linux"}
both = pytest.mark.parametrize("lock", WANTED)


class Locked(NamedTuple):
    """An entry: its version, the hashes of its files, the packages that require it, and whether Linux needs it."""

    version: str
    hashes: list[str]
    via: set[str]
    needed: bool


def locked(lock: str) -> dict[str, Locked]:
    """Return the entries of a lock file by the normalized name."""
    text = (ROOT / f"deploy/{lock}.lock").read_text()
    entries = {}
    for part in re.split(r"\n(?=[a-zA-Z])", text)[1:]:
        requirement = Requirement(part.partition("\\")[0])
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        needed = requirement.marker is None or requirement.marker.evaluate(IMAGE)
        hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})\b", part)
        via = set(re.findall(r"^ +#(?: via)? +(\S.*)$", part, flags=re.MULTILINE)) - {"via"}
        entries[canonicalize_name(requirement.name)] = Locked(pin.version, hashes, via, needed)
    return entries


@both
def test_the_lock_satisfies_the_project(lock: str) -> None:
    """Every dependency is locked in a version that it allows, and is noted as a dependency of the project."""
    entries = locked(lock)
    for requirement in WANTED[lock]:
        entry = entries[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(entry.version), f"{requirement}: run make lock"
    direct = {name for name, entry in entries.items() if DIRECT[lock] in entry.via}
    assert direct == {canonicalize_name(requirement.name) for requirement in WANTED[lock]}, "run make lock"


@both
def test_nothing_is_locked_without_hashes_or_need(lock: str) -> None:
    """Of a source distribution, too, where faust-streaming is built from it."""
    entries = locked(lock)
    for name, entry in entries.items():
        assert entry.hashes, name
        assert entry.via, name
        assert entry.via <= {DIRECT[lock], *entries}, name
    assert len(locked("image")["faust-streaming"].hashes) > 1


@both
def test_the_lock_has_what_its_packages_require(lock: str) -> None:
    """By the metadata of the packages that are installed here in the locked version."""
    entries = locked(lock)
    extras = {canonicalize_name(wanted.name): wanted.extras for wanted in WANTED[lock]}
    checked = 0
    for name, entry in entries.items():
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        if installed.version != entry.version or not entry.needed:
            continue
        checked += 1
        for text in installed.requires or []:
            requirement = Requirement(text)
            environments = [IMAGE | {"extra": extra} for extra in ("", *extras.get(name, ()))]
            if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
                required = entries[canonicalize_name(requirement.name)]
                assert requirement.specifier.contains(required.version), f"{name} requires {requirement}"
    assert checked > 0


def test_both_stages_build_the_same_version() -> None:
    """Packages that are in both locks, such as packaging, do not differ."""
    image, build = locked("image"), locked("build")
    common = set(image) & set(build)
    assert {name: image[name].version for name in common} == {name: build[name].version for name in common}
