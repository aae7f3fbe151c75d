"""Everything stored has a golden record. Kinds, types, fields and aggregates are taken from the code."""

import ast
import importlib
import json
import pkgutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import stream.core
from schemas.topics import TOPICS
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.model.aggregates import BY_DOMAIN
from stream.core.model.time_buckets import OPEN_ITEM_MINUTES, ROLLING, RUNNING_TOTAL
from tests.golden.files import CURRENT, golden
from tests.golden.kinds import KINDS, OF_ALL, OF_DOMAINS, STORED
from tests.golden.scenario import batches
from tests.golden.schema import structs

ON_LOCAL_DISK = list[bytes]
"""Rows of timers in a database. They have a version of their own, see `tests.worker.disk.test_layout`."""


def modules() -> Iterator[Any]:
    """Yield every module of the core."""
    for module in pkgutil.walk_packages(stream.core.__path__, "stream.core."):
        yield importlib.import_module(module.name)


def test_every_prefix_in_the_code_is_a_kind() -> None:
    """Every one-letter bytes literal in the core is the key prefix of one kind of entity."""
    trees = [ast.parse(Path(module.__file__).read_text()) for module in modules()]
    literals = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    prefixes = [
        value for value in literals if isinstance(value, bytes) and len(value) == 1 and value.isalpha()
    ]
    assert Counter(map(bytes.decode, prefixes)) == Counter(
        kind.prefix for kind in (*OF_DOMAINS, *OF_ALL) if kind.prefix.isalpha()
    )


def test_every_kind_of_entity_is_pinned_with_its_decoder() -> None:
    """Every domain declares exactly the kinds that have golden files, with their decoders."""
    declared = {
        (domain.name, kind.prefix.decode()): kind.decode
        for domain in DOMAIN_REGISTRY
        for kind in domain.kinds
    }
    pinned = {(kind.domain, kind.prefix): kind.decode for kind in OF_DOMAINS}
    assert declared == pinned | {("feedback", "c"): bytes}  # no value


def test_every_decoder_and_struct_in_the_code_is_in_the_schema() -> None:
    """Every msgpack decoder of the core has a pinned type, and every array struct is a part of one.

    Or it is the first fields of one, by their names.
    """
    stored = {struct for type_ in STORED.values() for struct in structs(type_)}
    beginnings = {
        struct.__struct_fields__[:n] for struct in stored for n in range(1, len(struct.__struct_fields__))
    }
    objects = [value for module in modules() for value in vars(module).values()]
    decoders = {getattr(value, "__self__", value) for value in objects if callable(value)}
    decoded = [item.type for item in decoders if isinstance(item, msgspec.msgpack.Decoder)]
    assert decoded
    others = [type_ for type_ in decoded if type_ not in STORED.values() and type_ != ON_LOCAL_DISK]
    assert [type_ for type_ in others if getattr(type_, "__struct_fields__", ()) not in beginnings] == []
    arrays = {
        value
        for value in objects
        if isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value.__struct_config__.array_like
    }
    assert {struct for struct in arrays - stored if struct.__struct_fields__ not in beginnings} == set()


@pytest.mark.parametrize("domain", DOMAIN_REGISTRY, ids=lambda domain: domain.name)
def test_every_aggregate_has_golden_blocks_in_each_resolution(domain: Domain) -> None:
    expected = {
        (aggregate.name, code)
        for aggregate in BY_DOMAIN[domain.name]
        for code in {"stock": [RUNNING_TOTAL.code], "open_items": [OPEN_ITEM_MINUTES.code]}.get(
            aggregate.kind, [resolution.code for resolution in ROLLING]
        )
    }
    keys = [entry["decoded_key"] for _, _, entry in golden(CURRENT / domain.name / "panes.json")]
    assert {(cell[0], resolution) for resolution, _, cell in keys} == expected


@pytest.mark.parametrize("domain", DOMAIN_REGISTRY, ids=lambda domain: domain.name)
def test_every_type_of_event_is_in_the_scenario(domain: Domain) -> None:
    values = [record.value for batch in batches(domain.name) for record in batch]
    assert {json.loads(value)["type"] for value in values if value[:1] == b"{"} == {
        kind.TYPE for kind in TOPICS[domain.name].types
    }


def test_every_field_of_every_stored_struct_has_a_value_in_a_golden_record() -> None:
    """A value other than the default, because swapped fields that hold defaults would not show."""
    assigned: set[tuple[type, str]] = set()
    for kind in KINDS:
        for _, raw, _ in golden(CURRENT / kind.file):
            if kind.decode is not None:
                assigned |= set(values_of(kind.decode(raw)))
    all_structs = {struct for type_ in STORED.values() for struct in structs(type_)}
    assert all_structs
    assert {(struct, name) for struct in all_structs for name in struct.__struct_fields__} - assigned == set()


def values_of(value: Any) -> Iterator[tuple[type, str]]:
    """Yield the fields of all structs in a value that are neither None nor their default."""
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            field_value = getattr(value, field.name)
            factory = field.default_factory
            default = field.default if factory is msgspec.NODEFAULT else factory()
            if field_value is not None and field_value != default:
                yield type(value), field.name
            yield from values_of(field_value)
    elif isinstance(value, (list, tuple, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from values_of(item)
