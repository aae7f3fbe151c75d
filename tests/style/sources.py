"""Python sources as syntax trees, for tests of their form."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def trees() -> dict[Path, ast.Module]:
    """Return the syntax tree of every module of the product by its path below the project's root."""
    files = sorted([*ROOT.glob("stream/**/*.py"), *ROOT.glob("schemas/**/*.py")])
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in files}


@cache
def trees_of_tests() -> dict[Path, ast.Module]:
    """Return the syntax tree of every module of the tests by its path below the project's root."""
    files = sorted(ROOT.glob("tests/**/*.py"))
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in files}
