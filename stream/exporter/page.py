"""The exposition as cached bytes: only what was read again is rendered again."""

import gzip
from collections.abc import Iterable, Mapping

from stream.core.metric import Family, Sample
from stream.core.windowing.groups import LabelSet
from stream.core.windowing.readout import Reading

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def escaped(value: str) -> str:
    """A label value as the text format wants it."""
    return value.translate(_ESCAPES)


def header(name: str, kind: str, text: str) -> str:
    """The HELP and TYPE lines of a family."""
    told = text.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {told}\n# TYPE {name} {kind}\n"


def line(name: str, labels: Mapping[str, str], value: float) -> str:
    """One sample."""
    inside = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value!r}\n" if inside else f"{name} {value!r}\n"


class Section:
    """The series of one domain's metrics, family by family."""

    def __init__(
        self, families: Iterable[Family], views: Mapping[str, tuple[str, ...]], windows: Iterable[str]
    ) -> None:
        self._views = views
        self._windows = tuple(windows)
        self._headers = {f.name: header(f.name, f.type, f.help).encode() for f in families}
        self._chunks: dict[str, dict[tuple[LabelSet, int | None], tuple[bytes, int]]] = {
            name: {} for name in self._headers
        }
        self._rendered: dict[str, bytes] = {}
        self._bases: dict[tuple[LabelSet, int | None], str] = {}

    def replace(self, reading: Reading) -> None:
        """Put what was read in the place of what was there."""
        where = (reading.labels, reading.window)
        if reading.gone:
            self._remove(reading)
            return
        by_family: dict[str, list[Sample]] = {}
        for sample in reading.samples:
            by_family.setdefault(sample.family.name, []).append(sample)
        for family in reading.metric.families:
            samples = by_family.get(family.name)
            if samples is None:
                if family.windowed is (reading.window is not None):
                    self._take_out(family.name, where)
                continue
            base = self._base(where)
            text = "".join(self._line(sample, base) for sample in samples).encode()
            self._chunks[family.name][where] = (text, len(samples))
            self._rendered.pop(family.name, None)

    def _remove(self, reading: Reading) -> None:
        for family in reading.metric.families:
            for window in (None, *range(len(self._windows))):
                self._take_out(family.name, (reading.labels, window))
        for window in (None, *range(len(self._windows))):
            self._bases.pop((reading.labels, window), None)

    def _take_out(self, name: str, where: tuple[LabelSet, int | None]) -> None:
        if self._chunks[name].pop(where, None) is not None:
            self._rendered.pop(name, None)

    def _base(self, where: tuple[LabelSet, int | None]) -> str:
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
        own = "".join(
            f',{name}="{escaped(value)}"'
            for name, value in zip(sample.family.labels, sample.labels, strict=True)
        )
        return f"{sample.family.name}{{{base}{own}}} {sample.value!r}\n"

    def families(self) -> Iterable[bytes]:
        """The families that have samples, each with its header; rendered where something changed."""
        for name, chunks in self._chunks.items():
            if not chunks:
                continue
            body = self._rendered.get(name)
            if body is None:
                body = self._headers[name] + b"".join(text for text, _ in chunks.values())
                self._rendered[name] = body
            yield body

    def sizes(self) -> dict[LabelSet, int]:
        """Series by label set."""
        found: dict[LabelSet, int] = {}
        for chunks in self._chunks.values():
            for (labels, _), (_, n) in chunks.items():
                found[labels] = found.get(labels, 0) + n
        return found

    @property
    def series(self) -> int:
        """How many series there are."""
        return sum(n for chunks in self._chunks.values() for _, n in chunks.values())


class Page:
    """What is served: bytes that are swapped whole, and the same compressed."""

    def __init__(self) -> None:
        self.plain = b""
        self.zipped = gzip.compress(b"", 1)

    def swap(self, plain: bytes, zipped: bytes) -> None:
        """Serve this from now on."""
        self.plain, self.zipped = plain, zipped
