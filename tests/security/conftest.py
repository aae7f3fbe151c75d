"""The secured broker of all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.security.secured_broker import ACLS, SecuredBroker, succeeds


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
