"""Seeded mutations of inputs: of bytes, of words, and of the values of JSON documents."""

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, -0.0, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400, 1e308, 1e-320,
    "", " ", "\0", "a" * 64, "a" * 65, "a" * 5_000, "\ud800", "\U0010ffff", "\u202eevil", "\x1b[2J", "²", "١", "__other__", "__proto__",
    "nan", "inf", "1e999", "-0", "0x10", "1_000", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
    "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T09:15:60Z", "2026-11-22T09:15:00+99:99", "2026-11-22", "1970-01-01T00:00:00Z",
    "24:00", "99999999999999999999d", "0s", "-1s", "Europe/Rome", "../../etc/passwd", "/dev/zero", "/dev/null", "CON", "EUR", "XXX",
    [], {}, [[]], [None], {"": ""}, {"a": {"b": {"c": []}}}, ["a"] * 200, {str(n): n for n in range(200)},
)  # fmt: skip
WORDS = (
    *(json.dumps(value).encode() for value in ODD_VALUES if value is not None),
    b"NaN", b"Infinity", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r\n", b"\n\n", b"\r\n\r\n", b"\t", b"'''", b'"""', b"[[a]]", b"&a", b"*a",
    b"!!python/object:os.system", b"<<: *a", b"%00", b"%2e%2e%2f", b"..", b"//", b"?", b"#", b";", b"\\u0000", b"\\ud800", b"1e99999", b"1e999999999",
    b"FREQ=SECONDLY", b"FREQ=DAILY;INTERVAL=0", b"COUNT=-1", b"TZID=Nowhere", b"VALUE=DATE", b"<!ENTITY a 'a'>", b"<![CDATA[", b"&#0;", b"\x1f\x8b",
)  # fmt: skip
_VALUES = re.compile(rb'"(?:[^"\\\n]|\\.)*"|-?\d[\d.:TZ+-]*|\b[A-Za-z_][\w.-]*\b')
DEPTH = 3_000
"""Depth of nested values."""


def mutate(random: Random, corpus: Sequence[bytes]) -> bytes:
    """Return an item of the corpus after one to six mutations, now and then as it is."""
    raw = random.choice(corpus)
    if random.random() < 0.6:
        raw = _of_document(random, raw)
    for _ in range(random.choice((0, 0, 1, 1, 1, 2, 3, 6))):
        raw = random.choice(_MUTATIONS)(random, raw, corpus)
    return raw[: 1 << 20]


def _of_document(random: Random, raw: bytes) -> bytes:
    """Replace values of a JSON document, or return other bytes as they are."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    for _ in range(random.choice((1, 1, 2, 4))):
        document = _replaced(random, document)
    try:
        return json.dumps(document, ensure_ascii=random.random() < 0.5).encode(errors="surrogatepass")
    except (ValueError, RecursionError):
        return raw


def _replaced(random: Random, value: Any) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.9:
        key, action = random.choice(list(value)), random.random()
        if action < 0.1:
            return {name: inner for name, inner in value.items() if name != key}
        if action < 0.2:
            return value | {str(random.choice(ODD_VALUES))[:80]: value[key]}
        return value | {key: _replaced(random, value[key])}
    if isinstance(value, list) and value and random.random() < 0.8:
        position = random.randrange(len(value))
        return [*value[:position], _replaced(random, value[position]), *value[position + 1 :]]
    return random.choice(ODD_VALUES)


def _slice(random: Random, raw: bytes) -> tuple[int, int]:
    begin = random.randint(0, len(raw))
    return begin, min(len(raw), begin + random.choice((1, 2, 8, 32, 256)))


def _flip(random: Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    position = random.randint(0, len(raw))
    return raw[:position] + bytes([random.randrange(256)]) + raw[position + 1 :]


def _insert(random: Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    position = random.randint(0, len(raw))
    inserted = random.choice(WORDS) if random.random() < 0.7 else random.randbytes(random.randint(1, 16))
    return raw[:position] + inserted + raw[position:]


def _delete(random: Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _slice(random, raw)
    return raw[:begin] + raw[end:]


def _repeat(random: Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _slice(random, raw)
    times = random.choice((2, 3, 50, 1_000)) if len(raw) < 10_000 else 2
    return raw[:begin] + raw[begin:end] * times + raw[end:]


def _truncate(random: Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    return raw[: random.randint(0, len(raw))]


def _splice(random: Random, raw: bytes, corpus: Sequence[bytes]) -> bytes:
    other = random.choice(corpus)
    return raw[: random.randint(0, len(raw))] + other[random.randint(0, len(other)) :]


def _nest(random: Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    position = random.randint(0, len(raw))
    token = random.choice((b"[", b"{", b'{"a":', b"(", b"<a>", b"- ", b"a."))
    times = DEPTH // 10 if token == b"a." else DEPTH  # tomllib takes quadratic time for the parts of a key
    return raw[:position] + token * times + raw[position:]


def _replace_word(random: Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    words = list(_VALUES.finditer(raw[:50_000]))
    if not words:
        return raw
    word = random.choice(words)
    replacement = random.choice(WORDS) if random.random() < 0.8 else random.choice(words).group()
    return raw[: word.start()] + replacement + raw[word.end() :]


_MUTATIONS: tuple[Callable[[Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip, _insert, _delete, _repeat, _truncate, _splice, _nest, *[_replace_word] * 5,
)  # fmt: skip
