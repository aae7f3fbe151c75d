"""The secured broker of all tests of this folder, and the scorecard of the attacks."""

from collections.abc import Iterator

import pytest

from tests.security.scorecard import (
    pytest_configure,
    pytest_runtest_makereport,
    pytest_terminal_summary,
    tried,
)
from tests.security.secured_broker import ACLS, SecuredBroker, succeeds

__all__ = ["pytest_configure", "pytest_runtest_makereport", "pytest_terminal_summary", "secured", "tried"]


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """A broker with the ACLs of the page, and the topics as its `admin` creates them."""
    secured = SecuredBroker(tmp_path_factory.mktemp("secured"))
    with secured.broker:
        secured.connect()
        secured.allow(ACLS)
        secured.add_scram_users()
        succeeds(secured.run("admin", "topics", "create"))
        yield secured
        secured.disconnect()
