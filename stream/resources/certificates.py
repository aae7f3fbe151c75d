"""When certificates end: of files in PEM, read again when they change."""

import re
import ssl
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME = 0xA0, 0x17
"""Tags of the optional version of a certificate, and of a time with two digits of the year."""


class CertificateFile(NamedTuple):
    """A file of certificates and its use: own certificates, or authorities (`ca`) that vouch for others."""

    use: Literal["kafka_client", "kafka_ca", "web_server", "web_client_ca"]
    path: Path

    @property
    def is_authority(self) -> bool:
        """Whether its certificates are authorities."""
        return self.use.endswith("_ca")


class CertificateExpiries:
    """The ends of the certificates of some files."""

    def __init__(self, files: Iterable[CertificateFile]) -> None:
        self._files = tuple(files)
        self._known: dict[Path, tuple[tuple[int, ...], tuple[float, ...]]] = {}

    def read(self) -> Iterator[tuple[CertificateFile, float]]:
        """Yield the files with the end of the first certificate, in seconds since the epoch. Unreadable files are left out.

        Of authorities it is the last one's, because a file of them keeps old ones beside those that replace them.
        """
        for file in self._files:
            if ends := self._ends(file.path):
                yield file, max(ends) if file.is_authority else min(ends)

    def _ends(self, path: Path) -> tuple[float, ...]:
        try:
            stat = path.stat()
            version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            known, ends = self._known.get(path, ((), ()))
            if version != known:
                ends = certificate_ends(path.read_bytes())
                self._known[path] = version, ends
        except OSError:
            return ()
        return ends


def certificate_ends(pem: bytes) -> tuple[float, ...]:
    """Return when each certificate of a text in PEM ends, in seconds since the epoch. Those that cannot be parsed are left out."""
    ends = []
    for match in _CERTIFICATE.finditer(pem):
        try:
            ends.append(_not_after(ssl.PEM_cert_to_DER_cert(match[0].decode("ascii"))))
        except (ValueError, IndexError):
            continue
    return tuple(ends)


def _not_after(der: bytes) -> float:
    """Return the end of a certificate in DER: `notAfter` of RFC 5280, 4.1. Raises ValueError and IndexError."""
    _, at, _ = _element(der, 0)  # Certificate
    _, at, _ = _element(der, at)  # its TBSCertificate
    tag, _, end = _element(der, at)
    if tag == _VERSION:
        at = end
    for _ in range(3):  # serial number, signature algorithm, issuer
        _, _, at = _element(der, at)
    _, at, _ = _element(der, at)  # Validity
    _, _, at = _element(der, at)  # its notBefore
    tag, begin, end = _element(der, at)
    text = der[begin:end].decode("ascii")
    if tag == _UTC_TIME:
        text = ("20" if text < "5" else "19") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Return the tag of the element at a position, and where its content begins and ends."""
    tag, length, begin = der[at], der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, begin = int.from_bytes(der[begin : begin + size]), begin + size
    return tag, begin, begin + length
