"""TypeScript made of the JSON Schemas by json-schema-to-typescript, with an app that the compiler checks."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.envelope import EVENTS
from schemas.generate import FOLDER
from tests.npm import node_modules
from tests.style.sources import ROOT

pytestmark = pytest.mark.tools

PROJECT = Path(__file__).with_name("typescript")
STRICT = ("--strict", "--noEmit", "--target", "ES2022", "--module", "ES2022", "--moduleResolution", "bundler")


@pytest.fixture(scope="module")
def programs(require: Callable[[str], Path]) -> Path:
    """The folder of the programs `json2ts` and `tsc`, which npm fetches once as the lock file says."""
    return node_modules(require("npm"), PROJECT) / ".bin"


def generate(programs: Path, schema: Path, target: Path) -> str:
    """Write the types of a schema. Unknown fields are not allowed, so that the compiler finds misspelled names."""
    command = [programs / "json2ts", "--no-additionalProperties", "-i", schema, "-o", target]
    subprocess.run(command, check=True, capture_output=True)
    return target.read_text(encoding="utf-8")


def compiler_errors(programs: Path, *files: Path) -> str:
    """Return the output of the compiler, empty if it accepts the files."""
    command = [programs / "tsc", *STRICT, *files]
    return subprocess.run(command, cwd=files[0].parent, capture_output=True, text=True, check=False).stdout


def test_an_app_compiles_with_the_types_of_all_events(programs: Path, tmp_path: Path) -> None:
    """Right events compile, wrong ones do not."""
    types = generate(programs, ROOT / FOLDER / "events.schema.json", tmp_path / "events.ts")
    for kind, event in EVENTS.items():
        assert f"export interface {kind.__name__} {{" in types
        assert f"export interface {event.__name__} {{" in types
    assert "export type Scale = [number, number];" in types
    shutil.copy(PROJECT / "app.ts", tmp_path)
    assert compiler_errors(programs, tmp_path / "app.ts") == ""


def test_the_compiler_checks_the_app(programs: Path, tmp_path: Path) -> None:
    """Without the expected errors of the app, the compiler reports each of them."""
    generate(programs, ROOT / FOLDER / "events.schema.json", tmp_path / "events.ts")
    app = (PROJECT / "app.ts").read_text(encoding="utf-8")
    (tmp_path / "app.ts").write_text(app.replace("// @ts-expect-error", "// expected"), encoding="utf-8")
    errors = compiler_errors(programs, tmp_path / "app.ts")
    assert errors.count("app.ts(") == app.count("// @ts-expect-error: ") == 9


def test_every_schema_has_types_that_compile(programs: Path, tmp_path: Path) -> None:
    """The file of one event type names all of its fields, and no type twice."""
    files = []
    for kind in EVENTS:
        target = tmp_path / f"{kind.__name__}.ts"
        types = generate(programs, ROOT / FOLDER / f"{kind.TYPE}.schema.json", target)
        schema = json.loads((ROOT / FOLDER / f"{kind.TYPE}.schema.json").read_text(encoding="utf-8"))
        for name in schema["$defs"]:
            assert types.count(f"export interface {name} {{") + types.count(f"export type {name} =") == 1
            assert f" {name}1 " not in types
        for field in schema["$defs"][kind.__name__]["properties"]:
            assert f"  {field}:" in types or f"  {field}?:" in types
        files.append(target)
    assert compiler_errors(programs, *files) == ""
