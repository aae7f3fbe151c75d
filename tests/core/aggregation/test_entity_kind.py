"""The entity kind of a key, and the defaults of a kind."""

import pytest

from stream.core.aggregation.entity_kind import EntityKind, EntityKinds
from stream.core.aggregation.entity_store import EntityStore
from stream.core.aggregation.erasure import ERASED, ERASURE, RESIDUAL, engine_kinds
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from tests.support import aggregation_config


def test_prefixes_of_a_partition_are_distinct() -> None:
    for domain in DOMAIN_REGISTRY:
        prefixes = [kind.prefix for kind in (*domain.kinds, *engine_kinds({}))]
        assert len(set(prefixes)) == len(prefixes)
        assert all(len(prefix) == 1 for prefix in prefixes)


def test_an_unknown_key_is_refused_without_showing_it() -> None:
    kinds = EntityKinds(engine_kinds({}))
    assert [kinds.of(key).prefix for key in (b"e1", b"r2", b"x3")] == [ERASURE, RESIDUAL, ERASED]
    with pytest.raises(ValueError, match="expected to begin with one of b'e', b'r', b'x', got b'y'") as error:
        kinds.of(b"y-customer-7")
    assert "customer-7" not in str(error.value)


def test_defaults_belong_to_nobody_never_expire_and_contribute_nothing() -> None:
    kind, config = EntityKind(b"x", "examples", bytes), aggregation_config()
    assert kind.person(b"x1", b"raw") is None
    assert kind.parts_prefix(b"x1") is None
    assert kind.expires_at(b"x1", b"raw", config) is None
    assert kind.contributions(b"x1", b"raw", config) == kind.retracted_by_erasure(b"x1", b"raw", config) == ()
    assert kind.migrate(b"x1", b"raw", EntityStore(config), ()) == b"raw"
