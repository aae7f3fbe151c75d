import re
import signal
import subprocess
import sys

import pytest

from stream.devbroker.kafka.wire import is_serving

pytestmark = pytest.mark.fresh


@pytest.mark.kafka
def test_the_broker_reports_readiness_and_stops_with_sigterm(tmp_path, free_port):
    """One line on stdout, exit code 0, and the data in the given folder."""
    command = f"from stream.cli.broker import broker; broker(['--port', '{free_port}', '--data', 'kept'])"
    with subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        line = process.stdout.readline()
        assert re.fullmatch(rf"Apache Kafka \S+ is ready on 127\.0\.0\.1:{free_port}, pid \d+\n", line)
        assert is_serving(free_port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stdout.read() == ""
    assert not is_serving(free_port)
    assert (tmp_path / "kept/data/meta.properties").exists()
