"""Alerts about memory, disks and certificates."""

import pytest

from stream.monitoring.alerts.prometheus_files import alerts

pytestmark = [pytest.mark.tools, pytest.mark.fresh]

DOMAIN = "pipeline"
DAY = 86_400
GIB = 1 << 30
DESCRIPTIONS = {rule.name: rule.description for rule in alerts()[DOMAIN]}


def expect(engine, name, at, summary, severity="warning", **labels):
    """Expect a notification."""
    engine.expect_notification(
        at,
        name,
        {"severity": severity, "domain": "pipeline", **labels},
        summary=summary,
        description=DESCRIPTIONS[name],
        runbook_url=f"deploy/runbooks/{name}.md",
    )


def test_memory_near_its_limit_fires(engine):
    """Below a tenth of the limit, for two minutes, of each process."""
    for instance, available in (("w1", f"{GIB}x12 {GIB // 10}x200"), ("w2", f"{GIB // 4}x200")):
        labels = {"job": "cxgauge-worker", "instance": instance}
        engine.add_series("cxgauge_memory_limit_bytes", f"{2 * GIB}x220", **labels)
        engine.add_series("cxgauge_memory_available_bytes", available, **labels)
    engine.expect_silent("1m", "CxMemoryLow")
    expect(
        engine,
        "CxMemoryLow",
        "4m",
        "102.4MiB of 2GiB of memory are left to cxgauge-worker w1",
        job="cxgauge-worker",
        instance="w1",
    )
    engine.run()


def test_a_disk_that_is_almost_full_fires(engine):
    """Of each folder, before a broker ends."""
    for folder, available in (("/data", f"{9 * GIB}x200"), ("/other", f"{11 * GIB}x200")):
        engine.add_series("cxgauge_disk_size_bytes", f"{100 * GIB}x200", folder=folder)
        engine.add_series("cxgauge_disk_available_bytes", available, folder=folder)
    expect(
        engine,
        "CxDiskLow",
        "3m",
        "9GiB of 100GiB are left on the disk of /data, says cxgauge a",
        job="cxgauge",
        instance="a",
        folder="/data",
    )
    engine.run()


def test_a_certificate_about_to_end_fires(engine):
    """Two weeks before, and after its end. The time of the tests begins at the epoch."""
    for file, days in (("near.pem", 13.5), ("far.pem", 14.5), ("over.pem", -1)):
        labels = {"job": "cxgauge-worker", "use": "kafka_client", "file": file}
        series = "cxgauge_certificate_expiry_timestamp_seconds"
        engine.add_series(series, f"{days * DAY}x200", **labels)
    for file, text in (("near.pem", "ends in 13d 11h 58m 0s"), ("over.pem", "has ended")):
        expect(
            engine,
            "CxCertificateEnding",
            "2m",
            f"The certificate {file} of cxgauge-worker a {text}",
            job="cxgauge-worker",
            instance="a",
            use="kafka_client",
            file=file,
        )
    engine.run()
