"""Skip the tests of the simulator where the extra `bench` is not installed."""

import os
from importlib.util import find_spec

import pytest


def require_bench_extra() -> None:
    """Skip the calling test module without numpy and scipy. With CX_TEST_REQUIRE_TOOLS=1, as in CI, it fails."""
    missing = [name for name in ("numpy", "scipy") if find_spec(name) is None]
    if not missing:
        return
    reason = f"{' and '.join(missing)} missing: pip install --editable '.[bench]'"
    if os.environ.get("CX_TEST_REQUIRE_TOOLS") == "1":
        pytest.fail(f"{reason} (CX_TEST_REQUIRE_TOOLS=1)")
    pytest.skip(reason, allow_module_level=True)
