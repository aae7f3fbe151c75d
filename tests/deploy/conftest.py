"""Programs of Kubernetes for the tests of this folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy import chart, go_tools
from tests.deploy.manifests import Object, parsed

GoTool = Callable[[str], Path]
Render = Callable[..., list[Object]]


@pytest.fixture(scope="session")
def go_tool() -> GoTool:
    """`go_tool("helm")` returns the program's path. If it cannot be built, the test is skipped with the reason.

    With CX_TEST_REQUIRE_TOOLS=1, as in CI, such a test fails.
    """

    def path_or_skip(name: str) -> Path:
        try:
            return go_tools.program(name)
        except go_tools.GoToolError as error:
            if go_tools.is_required():
                pytest.fail(f"{error} (CX_TEST_REQUIRE_TOOLS=1)")
            pytest.skip(str(error))

    return path_or_skip


@pytest.fixture(scope="session")
def render(go_tool: GoTool) -> Render:
    """`render("intake", "--set", "worker.replicas=3")`: the objects of an example of the chart."""
    go_tool("helm")

    def render(name: str, *arguments: str, kubernetes: str = chart.KUBERNETES) -> list[Object]:
        return parsed(chart.example(name, *arguments, kubernetes=kubernetes).values())

    return render
