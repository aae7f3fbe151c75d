"""Golden files: their content and how they are written.

- `state/v5/schema.txt`: the layout of every stored type of version 5
- `state/v5/feedback/a-answer.json`: records of one kind; key and value in hexadecimal and decoded
- `outgoing.json`: a dead letter, a forward and a derived event, with their headers

The folder of a version is never changed or removed. The files contain no Python names.
"""

import json
from difflib import unified_diff
from pathlib import Path
from typing import Any

import msgspec

from stream.core.aggregation.entity_kind import EntityKinds
from stream.core.aggregation.outgoing import OutgoingRecord
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.model.pane_blocks import unpack_block
from tests.golden.kinds import KINDS, OF_DOMAINS, STORED, VERSION, VERSION_NAME, Kind, panes_kind, state_kind
from tests.golden.scenario import forwarded, run_scenario
from tests.golden.schema import layout

FOLDER = Path(__file__).parent
STATE = FOLDER / "state"
CURRENT = STATE / f"v{VERSION}"
OUTGOING = FOLDER / "outgoing.json"
CHANGED = f"""
The format of stored state differs from version {VERSION}. If the change is intended:
1. Raise {VERSION_NAME}.
2. Say how state of version {VERSION} is read, or refuse it (`since` of each domain).
3. Write the golden files of the new version beside the old ones: make golden-state
"""
MISSING = f"""
Version {VERSION} has no golden files. Write them: make golden-state
"""
HINT = CHANGED if CURRENT.exists() else MISSING
_BY_NAME = {domain.name: domain for domain in DOMAIN_REGISTRY}


def plain(value: Any) -> Any:
    """Return a decoded value as JSON: array structs by position, bytes as text or in hexadecimal."""
    builtins = msgspec.to_builtins(value, builtin_types=(bytes,), str_keys=True)
    return _text(builtins)


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return repr(value)[2:-1] if value.isascii() else f"hex {value.hex()}"
    if isinstance(value, dict):
        return {name: _text(item) for name, item in value.items()}
    return [_text(item) for item in value] if isinstance(value, (list, tuple)) else value


def record(kind: Kind, key: bytes, value: bytes) -> dict[str, Any]:
    """Return a golden record: its bytes and their decoded content."""
    decoded_key = key if kind.decode_key is None else kind.decode_key(key[len(kind.prefix) :])
    content = value if kind.decode is None else kind.decode(value)
    if kind.name == "panes":
        content = sorted(unpack_block(decoded_key[0], decoded_key[1], content))
    entry = {"key_hex": key.hex(), "value_hex": value.hex(), "decoded_key": plain(decoded_key)}
    if kind in OF_DOMAINS:
        entry["person"] = plain(EntityKinds(_BY_NAME[kind.domain].kinds).of(key).person(key, value))
    return entry | {"decoded_value": plain(content)}


def documents() -> dict[str, str]:
    """Return the golden files that the code would write: text by path in the folder of the version."""
    records: dict[str, list[tuple[bytes, dict[str, Any]]]] = {kind.path: [] for kind in KINDS}
    for domain in DOMAIN_REGISTRY:
        stored = run_scenario(domain)
        for rows, kind_of in ((stored.state, state_kind), (stored.panes, panes_kind)):
            for key, value in rows.items():
                kind = kind_of(domain.name, key)
                assert kind is not None, f"{domain.name}: no kind in kinds.py has the key {key!r}\n{HINT}"
                records[kind.path].append((key, record(kind, key, value)))
    texts = {
        kind.file: _document(kind.description, [entry for _, entry in sorted(records[kind.path])])
        for kind in KINDS
    }
    return texts | {"schema.txt": schema()}


def schema() -> str:
    """Return the layout of every stored type."""
    return "".join(f"{line}\n" for name, stored in STORED.items() for line in layout(name, stored))


def _document(description: str, records: list[dict[str, Any]]) -> str:
    """Return JSON with one line for each part of a record, so that diffs are readable."""
    texts = []
    for entry in records:
        parts = [f'      "{name}": {json.dumps(part, sort_keys=True)}' for name, part in entry.items()]
        texts.append("    {\n" + ",\n".join(parts) + "\n    }")
    return f'{{\n  "what": {json.dumps(description)},\n  "records": [\n' + ",\n".join(texts) + "\n  ]\n}\n"


def changes(old: str, new: str) -> str:
    """Return a diff of golden texts.

    Values are compared decoded, because the order of their dictionaries is free.
    """
    before, after = (
        [line for line in text.splitlines() if '"value_hex": ' not in line] for text in (old, new)
    )
    return "\n".join(unified_diff(before, after, "golden", "today's code", lineterm=""))


def golden(path: Path) -> list[tuple[bytes, bytes, dict[str, Any]]]:
    """Return key, value and whole entry of each golden record in a file, none if the file is missing."""
    records = json.loads(path.read_text())["records"] if path.exists() else []
    return [(bytes.fromhex(entry["key_hex"]), bytes.fromhex(entry["value_hex"]), entry) for entry in records]


def outgoing_records() -> str:
    """Return the golden text of the records for other topics."""
    feedback = _BY_NAME["feedback"]
    stored = run_scenario(feedback)
    kinds = {
        "dead letter": stored.dead_letters[0],
        "derived event": stored.sent[0],
        "forward": forwarded(feedback),
    }
    return _document(
        "Records for other topics.",
        [{"is": name, **outgoing_entry(outgoing)} for name, outgoing in kinds.items()],
    )


def outgoing_entry(outgoing: OutgoingRecord) -> dict[str, Any]:
    domain, partition, key, value, timestamp, headers = outgoing
    return {
        "domain": domain,
        "partition": partition,
        "key": plain(key),
        "value": plain(value),
        "timestamp": timestamp,
        "headers": plain([(name, b"(text)" if name == "cx_detail" else value) for name, value in headers]),
    }


def write(folder: Path) -> None:
    """Write the golden files of the current version. Raises `SystemExit` if the folder exists."""
    if folder.exists():
        raise SystemExit(
            f"{folder} exists. State of version {VERSION} may be stored somewhere, so its golden files must not change. "
            f"Raise {VERSION_NAME} first. Remove the folder only if this version never ran outside of tests."
        )
    for name, text in documents().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
