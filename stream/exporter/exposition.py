"""The exposition in Prometheus' text format, as cached bytes. Only changed families are rendered again."""

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
"""Added to zlib's window bits, it asks for a gzip header and trailer."""
COMPRESS_SLICE = 64 << 10
"""Bytes that are compressed in one step."""

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_PLAIN = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
_OWN_LABELS = re.compile(r',\w+="((?:[^"\\]|\\.)*)"')


def escaped(value: str) -> str:
    """Escape a label value for the text format."""
    return value.translate(_ESCAPES)


def unescaped(value: str) -> str:
    """Return the label value that `escaped` was given."""
    return re.sub(r"\\.", lambda pair: _PLAIN[pair[0]], value)


def header(name: str, kind: str, text: str) -> str:
    """Return the HELP and TYPE lines of a family."""
    escaped_text = text.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {escaped_text}\n# TYPE {name} {kind}\n"


def line(name: str, labels: Mapping[str, str], value: float) -> str:
    """Return the line of a sample."""
    pairs = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {value!r}\n" if pairs else f"{name} {value!r}\n"


SeriesKey = tuple[LabelSet, int | None]
"""A label set and the index of a window, None for families without a window."""


class DomainExposition:
    """The series of one domain by family. `sizes` are the numbers of series by label set."""

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
        """The number of series."""
        return self.sizes.total()

    def replace(self, update: MetricUpdate) -> None:
        """Replace the series of a metric for one label set and window by those of an update."""
        key = (update.labels, update.window)
        if update.removed:
            for window in (None, *range(len(self._windows))):
                for family in update.families:
                    self._replace_lines(family.name, (update.labels, window), ())
            if not self.sizes[update.labels]:
                self._remove(update.labels)
            return
        base = self._base(key)
        lines: dict[str, list[str]] = {}
        for sample in update.samples:
            lines.setdefault(sample.family.name, []).append(self._line(sample, base))
        for family in update.families:
            self._replace_lines(family.name, key, lines.get(family.name, ()))

    def _replace_lines(self, name: str, key: SeriesKey, lines: Sequence[str]) -> None:
        chunks = self._chunks[name]
        text, before = "".join(lines).encode(), chunks.get(key, (b"", 0))
        if text == before[0]:
            return
        if lines:
            chunks[key] = (text, len(lines))
        else:
            del chunks[key]
        if not before[1]:
            self._unsorted.add(name)
        self.sizes[key[0]] += len(lines) - before[1]
        self._rendered.pop(name, None)

    def _remove(self, labels: LabelSet) -> None:
        del self.sizes[labels]
        for window in (None, *range(len(self._windows))):
            self._bases.pop((labels, window), None)

    def _base(self, key: SeriesKey) -> str:
        """Return the text of the labels that all series of a key have in common."""
        base = self._bases.get(key)
        if base is None:
            labels, window = key
            names = self._views[labels.view]
            parts = [f'view="{escaped(labels.view)}"']
            parts += [f'{n}="{escaped(v)}"' for n, v in zip(names, labels.values, strict=True)]
            parts += [] if window is None else [f'window="{self._windows[window]}"']
            base = self._bases[key] = ",".join(parts)
        return base

    @staticmethod
    def _line(sample: Sample, base: str) -> str:
        own_labels = "".join(
            f',{name}="{escaped(value)}"'
            for name, value in zip(sample.family.labels, sample.labels, strict=True)
        )
        return f"{sample.family.name}{{{base}{own_labels}}} {sample.value!r}\n"

    def keys(self, family: Family) -> Iterable[SeriesKey]:
        """Return the label sets and windows that a family has series for."""
        return self._chunks[family.name].keys()

    def samples(self, family: Family, key: SeriesKey) -> Iterator[tuple[tuple[str, ...], float]]:
        """Parse the rendered series of a family: yield the values of the family's own labels, and the value."""
        text, _ = self._chunks[family.name].get(key, (b"", 0))
        begin = len(family.name) + 1 + len(self._base(key)) if text else 0
        for series in text.decode().split("\n")[:-1]:
            own_labels, _, value = series[begin:].rpartition("} ")
            yield (
                tuple(unescaped(label_value) for label_value in _OWN_LABELS.findall(own_labels)),
                float(value),
            )

    def render(self) -> CooperativeSteps:
        """Render the changed families, a family a step. Series are sorted by view, values of its labels and window."""
        for name in self._chunks.keys() - self._rendered.keys():
            if name in self._unsorted:
                self._unsorted.remove(name)
                self._chunks[name] = dict(sorted(self._chunks[name].items(), key=self._sort_key))
            body = b"".join([text for text, _ in self._chunks[name].values()])
            self._rendered[name] = self._headers[name] + body if body else b""
            yield

    def _sort_key(self, item: tuple[SeriesKey, object]) -> tuple[int, tuple[str, ...], int]:
        labels, window = item[0]
        return self._ranks[labels.view], labels.values, -1 if window is None else window

    def families(self) -> Iterable[bytes]:
        """Return the rendered families, each with its header. A family without samples is empty."""
        return (self._rendered[name] for name in self._chunks)


def gzip_pieces(text: bytes) -> Iterator[bytes]:
    """Yield the parts of a gzip stream. Each takes less than a millisecond."""
    stream = zlib.compressobj(1, wbits=zlib.MAX_WBITS | GZIP)
    for i in range(0, len(text), COMPRESS_SLICE):
        yield stream.compress(text[i : i + COMPRESS_SLICE])
    yield stream.flush()


class Exposition:
    """The served bytes, plain and compressed. A scrape gets one whole rendering."""

    def __init__(self) -> None:
        self.plain = b""
        self.gzipped = b"".join(gzip_pieces(b""))

    def replace(self, plain: bytes, gzipped: bytes) -> None:
        """Serve these bytes from now on."""
        self.plain, self.gzipped = plain, gzipped
