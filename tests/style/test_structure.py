"""Small files, small functions, and imports without a cycle."""

import ast
from pathlib import Path

import grimp
import pytest

from tests.style.sources import ROOT, trees

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def test_files_are_short() -> None:
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in trees()}
    assert {str(path): n for path, n in lines.items() if n > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    assert {
        f"{path}: {node.name}": length
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    } == {}


@pytest.mark.parametrize("package", ["stream", "schemas"])
def test_no_module_imports_itself_on_a_detour(package: str) -> None:
    """Imports for type checkers only count, too."""
    graph = grimp.build_graph(package)
    on_cycles = {
        module: chain
        for module in sorted(graph.modules)
        for imported in graph.find_modules_directly_imported_by(module)
        if imported != module and (chain := graph.find_shortest_chain(imported, module))
    }
    assert on_cycles == {}


def test_every_module_is_looked_at() -> None:
    """The tests above would pass on nothing."""
    assert Path("stream/cli/__init__.py") in trees()
    assert len(trees()) > 150
