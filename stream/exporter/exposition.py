"""The exposition as cached bytes: only what was read again is rendered again."""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stream.core.metrics.metric import Family, Sample
from stream.core.windows.label_sets import LabelSet
from stream.core.windows.readout import MetricUpdate
from stream.core.windows.rolling import CooperativeSteps

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

GZIP = 16
"""Added to zlib's window bits: a gzip header and trailer."""
COMPRESS_SLICE = 64 << 10
"""Bytes that are compressed at once."""

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_PLAIN = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
_OWN_LABELS = re.compile(r',\w+="((?:[^"\\]|\\.)*)"')


def escaped(value: str) -> str:
    """A label value as the text format wants it."""
    return value.translate(_ESCAPES)


def unescaped(value: str) -> str:
    """An escaped label value as it was."""
    return re.sub(r"\\.", lambda pair: _PLAIN[pair[0]], value)


def header(name: str, kind: str, text: str) -> str:
    """The HELP and TYPE lines of a family."""
    escaped_text = text.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {escaped_text}\n# TYPE {name} {kind}\n"


def line(name: str, labels: Mapping[str, str], value: float) -> str:
    """One sample."""
    inside = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value!r}\n" if inside else f"{name} {value!r}\n"


SeriesKey = tuple[LabelSet, int | None]
"""What a piece of a family is about: a label set and the number of a window, None for stock figures."""


class DomainExposition:
    """The series of one domain's metrics, family by family; `sizes` are their numbers by label set."""

    def __init__(
        self, families: Iterable[Family], views: Mapping[str, tuple[str, ...]], windows: Iterable[str]
    ) -> None:
        self.sizes: Counter[LabelSet] = Counter()
        self._views = views
        self._ranks = {view: rank for rank, view in enumerate(views)}
        self._windows = tuple(windows)
        self._headers = {f.name: header(f.name, f.type, f.help).encode() for f in families}
        self._chunks: dict[str, dict[SeriesKey, tuple[bytes, int]]] = {name: {} for name in self._headers}
        self._rendered: dict[str, bytes] = {}
        self._unsorted: set[str] = set()
        self._bases: dict[SeriesKey, str] = {}

    @property
    def series(self) -> int:
        """How many series there are."""
        return self.sizes.total()

    def replace(self, reading: MetricUpdate) -> None:
        """Put what was read in the place of what was there."""
        where = (reading.labels, reading.window)
        if reading.removed:
            for window in (None, *range(len(self._windows))):
                for family in reading.metric.families:
                    self._replace_lines(family.name, (reading.labels, window), ())
            if not self.sizes[reading.labels]:
                self._remove(reading.labels)
            return
        base = self._base(where)
        lines: dict[str, list[str]] = {}
        for sample in reading.samples:
            lines.setdefault(sample.family.name, []).append(self._line(sample, base))
        for family in reading.metric.families:
            if family.windowed is (reading.window is not None):
                self._replace_lines(family.name, where, lines.get(family.name, ()))

    def _replace_lines(self, name: str, where: SeriesKey, lines: Sequence[str]) -> None:
        chunks = self._chunks[name]
        text, before = "".join(lines).encode(), chunks.get(where, (b"", 0))
        if text == before[0]:
            return
        if lines:
            chunks[where] = (text, len(lines))
        else:
            del chunks[where]
        if not before[1]:
            self._unsorted.add(name)
        self.sizes[where[0]] += len(lines) - before[1]
        self._rendered.pop(name, None)

    def _remove(self, labels: LabelSet) -> None:
        del self.sizes[labels]
        for window in (None, *range(len(self._windows))):
            self._bases.pop((labels, window), None)

    def _base(self, where: SeriesKey) -> str:
        base = self._bases.get(where)
        if base is None:
            labels, window = where
            names = self._views[labels.view]
            parts = [f'view="{escaped(labels.view)}"']
            parts += [f'{n}="{escaped(v)}"' for n, v in zip(names, labels.values, strict=True)]
            parts += [] if window is None else [f'window="{self._windows[window]}"']
            base = self._bases[where] = ",".join(parts)
        return base

    @staticmethod
    def _line(sample: Sample, base: str) -> str:
        own_labels = "".join(
            f',{name}="{escaped(value)}"'
            for name, value in zip(sample.family.labels, sample.labels, strict=True)
        )
        return f"{sample.family.name}{{{base}{own_labels}}} {sample.value!r}\n"

    def keys(self, family: Family) -> Iterable[SeriesKey]:
        """Where a family is shown."""
        return self._chunks[family.name].keys()

    def samples(self, family: Family, where: SeriesKey) -> Iterator[tuple[tuple[str, ...], float]]:
        """What is shown of a family there: values of its own labels, figure."""
        text, _ = self._chunks[family.name].get(where, (b"", 0))
        begin = len(family.name) + 1 + len(self._base(where)) if text else 0
        for each in text.decode().split("\n")[:-1]:
            own_labels, _, value = each[begin:].rpartition("} ")
            yield (
                tuple(unescaped(label_value) for label_value in _OWN_LABELS.findall(own_labels)),
                float(value),
            )

    def render(self) -> CooperativeSteps:
        """Bring the text of every family up to date: by view, values of its labels, window."""
        for name in self._chunks.keys() - self._rendered.keys():
            if name in self._unsorted:
                self._unsorted.remove(name)
                self._chunks[name] = dict(sorted(self._chunks[name].items(), key=self._sort_key))
            pieces = b"".join([text for text, _ in self._chunks[name].values()])
            self._rendered[name] = self._headers[name] + pieces if pieces else b""
            yield

    def _sort_key(self, item: tuple[SeriesKey, object]) -> tuple[int, tuple[str, ...], int]:
        labels, window = item[0]
        return self._ranks[labels.view], labels.values, -1 if window is None else window

    def families(self) -> Iterable[bytes]:
        """The rendered families that have samples, each with its header."""
        return (self._rendered[name] for name in self._chunks)


def gzip_pieces(text: bytes) -> Iterator[bytes]:
    """The pieces of a gzip stream; each takes less than a millisecond."""
    stream = zlib.compressobj(1, wbits=zlib.MAX_WBITS | GZIP)
    for i in range(0, len(text), COMPRESS_SLICE):
        yield stream.compress(text[i : i + COMPRESS_SLICE])
    yield stream.flush()


class Exposition:
    """What is served: bytes that are swapped whole, and the same compressed."""

    def __init__(self) -> None:
        self.plain = b""
        self.gzipped = b"".join(gzip_pieces(b""))

    def replace(self, plain: bytes, gzipped: bytes) -> None:
        """Serve this from now on."""
        self.plain, self.gzipped = plain, gzipped
