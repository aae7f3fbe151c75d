"""The format of stored state does not change without a new version."""

import json
from pathlib import Path

import msgspec
import pytest

from stream.core.aggregation.audit import pane_differences
from stream.core.aggregation.domain import Domain
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.aggregation.task import PartitionTask
from tests.golden.files import CURRENT, HINT, STATE, changes, documents, golden, record, write
from tests.golden.kinds import KINDS, VERSION, Kind, state_kind
from tests.golden.scenario import CONFIG
from tests.support import finish_restore

VERSIONS = sorted(int(folder.name[1:]) for folder in STATE.iterdir())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.path)
def test_golden_bytes_are_decoded_and_encoded_unchanged(kind: Kind) -> None:
    """Golden bytes of each kind decode to the same content and encode to the same bytes."""
    records = golden(CURRENT / kind.file)
    assert records, f"{kind.path}: no golden record in {CURRENT}\n{HINT}"
    for key, raw, entry in records:
        try:
            decoded = json.loads(json.dumps(record(kind, key, raw)))
        except msgspec.DecodeError as error:
            pytest.fail(f"{kind.path}: {error}\n{HINT}")
        assert decoded == entry, f"{kind.path}: read as {decoded}, was {entry}\n{HINT}"
        if kind.decode is not None:
            encoded = msgspec.msgpack.encode(kind.decode(raw))
            assert encoded == raw, f"{kind.path}: packed as {encoded.hex()}, was {raw.hex()}\n{HINT}"
        if kind.decode_key is not None:
            prefix = kind.prefix.encode()
            encoded = prefix + msgspec.msgpack.encode(kind.decode_key(key.removeprefix(prefix)))
            assert encoded == key, f"{kind.path}: key packed as {encoded.hex()}, was {key.hex()}\n{HINT}"


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_same_events_give_the_same_state() -> None:
    """Keys, content and schema are equal. Swapped fields of one type show only here."""
    golden_files = files(CURRENT)
    try:
        current_files = documents()
    except msgspec.DecodeError as error:
        pytest.fail(f"{error}\n{HINT}")
    assert sorted(current_files) == sorted(golden_files), HINT
    difference = "\n".join(
        filter(None, (changes(golden_files[name], text) for name, text in current_files.items()))
    )
    assert not difference, f"{difference}\n{HINT}"


def restored(domain: Domain, version: int) -> PartitionTask:
    """Return a partition that has read the golden records of a version."""
    partition = PartitionTask(domain, 0, 1, CONFIG)
    for path in (STATE / f"v{version}" / domain.name).iterdir():
        stored_in_panes = path.stem in ("panes", "checkpoint")
        restore = partition.restore_panes if stored_in_panes else partition.restore_state
        for key, raw, _ in golden(path):
            restore(key, raw)
    return partition


@pytest.mark.parametrize("domain", DOMAIN_REGISTRY, ids=lambda domain: domain.name)
def test_a_rebuild_adds_the_aggregates_of_later_versions(domain: Domain) -> None:
    """Version 6 added decisions to leave and fates of contact cycles, which follow from the entities of version 5."""
    aggregates = []
    for version in (5, VERSION):
        partition = restored(domain, version)
        finish_restore(partition)
        aggregates.append({cell.aggregate for cell in partition.panes.cells})
    # Notes do not follow from other entities, and nobody could publish any at version 5.
    assert aggregates[0] == aggregates[1] - {"notes"}
    before = {cell.aggregate for cell in restored(domain, 5).panes.cells}
    added = {"tickets": {"cycles_due"}, "customers": {"leaving"}}
    assert aggregates[0] - before == added.get(domain.name, set())


@pytest.mark.parametrize("domain", DOMAIN_REGISTRY, ids=lambda domain: domain.name)
@pytest.mark.parametrize("version", VERSIONS)
def test_state_of_a_version_is_read_or_refused(domain: Domain, version: int) -> None:
    """After a restore the panes are the sum of the contributions. State of another version is rebuilt."""
    partition = restored(domain, version)
    assert partition.checkpoint.version == version
    if version < domain.oldest_readable_version:
        assert partition.incompatibility()
        return
    assert not partition.incompatibility()
    assert bool(finish_restore(partition)) == (version != VERSION)
    assert partition.panes.blocks
    assert list(pane_differences(partition)) == []
    for key, raw in partition.store.entities.items():
        decode = state_kind(domain.name, key).decode
        assert decode is None or msgspec.msgpack.encode(decode(raw)) == raw


def test_golden_files_of_a_version_are_written_once(tmp_path: Path) -> None:
    """All files are written, and never overwritten."""
    write(tmp_path / "new")
    assert files(tmp_path / "new") == documents()
    with pytest.raises(SystemExit, match="may be stored somewhere"):
        write(tmp_path / "new")
