"""The ends of certificates, compared with those of OpenSSL."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from prometheus_client import CollectorRegistry, generate_latest

from stream.resources.certificates import CertificateExpiries, CertificateFile, certificate_ends
from stream.resources.series import Resources

NEAR, FAR = (datetime(year, 3, 1, 12, 30, 15, tzinfo=UTC) for year in (2031, 2049))
BEYOND = datetime(2051, 1, 1, tzinfo=UTC)
"""From 2050 on, certificates have years of four digits."""


def certificate(end: datetime) -> bytes:
    """Return a certificate that ends at a moment, in PEM."""
    return trustme.CA().issue_cert("localhost", not_after=end).cert_chain_pems[0].bytes()


@pytest.mark.parametrize("end", [NEAR, FAR, BEYOND])
def test_the_end_is_that_of_the_certificate(end: datetime) -> None:
    assert certificate_ends(certificate(end)) == (end.timestamp(),)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_end_is_the_one_that_openssl_prints(tmp_path: Path) -> None:
    """Of certificates with keys of several kinds."""
    for key in ("rsa:2048", "ed25519"):
        path = tmp_path / "cert.pem"
        command = f"openssl req -x509 -newkey {key} -nodes -keyout {tmp_path}/key.pem -out {path} -days 3 -subj /CN=kafka"
        subprocess.run(command.split(), capture_output=True, check=True)
        printed = subprocess.run(
            ["openssl", "x509", "-in", path, "-noout", "-enddate"], capture_output=True, check=True, text=True
        ).stdout
        expected = datetime.strptime(printed.strip(), "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
        assert certificate_ends(path.read_bytes()) == (expected.timestamp(),)


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """It may be missing or damaged meanwhile. Then it has no end."""
    file = CertificateFile("kafka_client", tmp_path / "client.pem")
    expiries = CertificateExpiries([file])
    assert list(expiries.read()) == []
    file.path.write_bytes(certificate(NEAR))
    assert list(expiries.read()) == [(file, NEAR.timestamp())]
    replaced = tmp_path / "new.pem"
    replaced.write_bytes(certificate(FAR))
    replaced.replace(file.path)
    assert list(expiries.read()) == [(file, FAR.timestamp())]
    file.path.write_bytes(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    assert list(expiries.read()) == []
    file.path.write_bytes(b"-----BEGIN CERTIFICATE-----\n!\xff\n-----END CERTIFICATE-----\n")
    assert list(expiries.read()) == []


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = CertificateFile("web_server", tmp_path / "cert.pem")
    file.path.write_bytes(certificate(NEAR))
    expiries = CertificateExpiries([file])
    first = list(expiries.read())
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read again"))
    assert list(expiries.read()) == first


def test_of_a_chain_the_first_end_counts_and_of_authorities_the_last(tmp_path: Path) -> None:
    """An old authority beside the one that replaces it is no reason for an alert."""
    path = tmp_path / "both.pem"
    path.write_bytes(b"Comment\n" + certificate(FAR) + b"\n" + certificate(NEAR))
    chain, authorities = CertificateFile("web_server", path), CertificateFile("kafka_ca", path)
    assert list(CertificateExpiries([chain, authorities]).read()) == [
        (chain, NEAR.timestamp()),
        (authorities, FAR.timestamp()),
    ]


def test_the_series_name_the_use_the_file_and_the_folder(tmp_path: Path) -> None:
    """A folder that was removed has none."""
    path = tmp_path / "cert.pem"
    path.write_bytes(certificate(NEAR))
    registry = CollectorRegistry()
    registry.register(
        Resources([CertificateFile("web_server", path)], [tmp_path, tmp_path / "gone"], tmp_path)
    )
    text = generate_latest(registry).decode()
    end = float(NEAR.timestamp())
    labels = f'{{file="{path}",use="web_server"}}'
    sample = next(line for line in text.splitlines() if line.startswith("cxgauge_certificate_expiry"))
    assert sample.startswith(f"cxgauge_certificate_expiry_timestamp_seconds{labels} ")
    assert float(sample.rpartition(" ")[2]) == end
    assert f'cxgauge_disk_size_bytes{{folder="{tmp_path}"}}' in text
    assert f'cxgauge_disk_available_bytes{{folder="{tmp_path}"}}' in text
    assert "gone" not in text
    assert "memory" not in text


def test_scarce_resources_are_named(tmp_path: Path) -> None:
    """As the alerts name them: a tenth of memory, two weeks of a certificate. Others are not."""
    near, far, over = (tmp_path / f"{name}.pem" for name in ("near", "far", "over"))
    for path, days in ((near, 13), (far, 15), (over, -1)):
        path.write_bytes(certificate(NEAR + timedelta(days=days)))
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 2048000 kB\nMemAvailable: 204799 kB\n")
    files = [CertificateFile("web_server", path) for path in (near, far, over)]
    resources = Resources(files, root=tmp_path)
    certificates = [f"the certificate {near} ends in 13 days", f"the certificate {over} has ended"]
    assert list(resources.remarks(NEAR.timestamp())) == [
        "200 MiB of 2,000 MiB of memory are left",
        *certificates,
    ]
    assert list(resources.lasting_remarks(NEAR.timestamp())) == certificates
    (tmp_path / "proc/meminfo").write_text("MemTotal: 2048000 kB\nMemAvailable: 204801 kB\n")
    assert list(resources.remarks(NEAR.timestamp())) == certificates


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = shutil._ntuple_diskusage  # type: ignore[attr-defined]
    free = {tmp_path: 9 << 30, tmp_path.parent: 11 << 30}
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: used(100 << 30, 0, free[folder]))
    remarks = Resources(folders=free).lasting_remarks(0)
    assert list(remarks) == [f"9,216 MiB of 102,400 MiB are left on the disk of {tmp_path}"]
