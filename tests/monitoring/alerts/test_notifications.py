"""Alertmanager with the shipped grouping: which alerts become a notification of their own."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stream.demo.receiver import Receiver
from stream.devbroker.http import get
from stream.devbroker.process import Child
from stream.standalone import monitoring
from stream.standalone.ports import Ports
from tests.chaos.cluster import wait

pytestmark = [pytest.mark.tools, pytest.mark.fresh]


class Posts(Receiver):
    """A webhook that also keeps the summaries of each notification."""

    def __init__(self, port: int) -> None:
        super().__init__(port, lambda _: None)
        self.summaries: list[set[str]] = []
        self.statuses: list[str] = []
        """The status of each notification."""

    def receive(self, path: str, body: bytes) -> None:
        """Keep the summaries of a notification."""
        super().receive(path, body)
        self.statuses.append(json.loads(body)["status"])
        self.summaries.append({alert["annotations"]["summary"] for alert in json.loads(body)["alerts"]})


class Site:
    """A running Alertmanager and its webhook."""

    def __init__(self, ports: Ports, posts: Posts) -> None:
        self.posts = posts
        self._port = ports.alertmanager

    def fire(self, summary: str, **labels: str) -> None:
        """Post a firing alert, as Prometheus does."""
        self._post({"labels": labels, "annotations": {"summary": summary}})

    def resolve(self, summary: str, **labels: str) -> None:
        """Post an alert that has ended."""
        now = datetime.now(UTC).isoformat()
        self._post({"labels": labels, "annotations": {"summary": summary}, "endsAt": now})

    def _post(self, alert: dict[str, Any]) -> None:
        urllib.request.urlopen(
            urllib.request.Request(
                f"http://127.0.0.1:{self._port}/api/v2/alerts",
                json.dumps([alert]).encode(),
                {"Content-Type": "application/json"},
            ),
            timeout=10,
        ).close()

    def wait_for(self, *summaries: set[str]) -> None:
        """Wait until the last notifications have these summaries."""
        wait(lambda: self.posts.summaries[-len(summaries) :] == list(summaries), lambda: self.posts.summaries)


@pytest.fixture
def site(require: Callable[[str], Path], tmp_path: Path) -> Iterator[Site]:
    """An Alertmanager with the shipped configuration, but for the webhook and intervals of one second."""
    program, ports = require("alertmanager"), Ports().with_free_ports()
    with ExitStack() as stack:
        posts = stack.enter_context(Posts(ports.receiver))
        command = monitoring.alertmanager(program, tmp_path, ports, f"http://127.0.0.1:{ports.receiver}/")
        config = tmp_path / "alertmanager.yml"
        text, changed = re.subn(
            r"(group_interval: 30|group_wait: 7)s", lambda m: f"{m[1].split()[0]} 1s", config.read_text()
        )
        assert changed == 2
        config.write_text(text)
        child = stack.enter_context(Child("alertmanager", command, log=tmp_path / "log"))
        child.wait_until(lambda: get(ports.alertmanager, "/-/ready").status == 200)
        yield Site(ports, posts)


LEAVING = {"alertname": "CxLeavingSpike", "severity": "critical", "domain": "customers", "job": "cxgauge"}


def test_a_second_spike_is_a_second_notification(site: Site) -> None:
    """A spike of another label set is sent with the first one. Figures that change are not."""
    site.fire("25 of app", **LEAVING, channel="app")
    site.wait_for({"25 of app"})
    site.fire("31 of app", **LEAVING, channel="app")
    # an alert of another rule shows that more than the interval has passed
    site.fire("40 tickets", **(LEAVING | {"alertname": "CxAnswersLate", "domain": "tickets"}))
    site.wait_for({"25 of app"}, {"40 tickets"})
    site.fire("20 of web", **LEAVING, channel="web")
    site.wait_for({"25 of app"}, {"40 tickets"}, {"31 of app", "20 of web"})


def test_a_second_spike_of_the_same_label_set_is_a_second_notification(site: Site) -> None:
    """The first one has ended within ten minutes (`test_it_is_resolved_within_ten_minutes`), which is notified, too."""
    site.fire("25 of app", **LEAVING, channel="app")
    site.wait_for({"25 of app"})
    site.resolve("25 of app", **LEAVING, channel="app")
    site.wait_for({"25 of app"}, {"25 of app"})
    site.fire("31 of app", **LEAVING, channel="app")
    site.wait_for({"25 of app"}, {"25 of app"}, {"31 of app"})
    assert site.posts.statuses == ["firing", "resolved", "firing"]


def test_label_sets_of_a_rule_are_one_notification_for_each_cluster(site: Site) -> None:
    """Alerts of another cluster or namespace do not join them."""
    site.fire("here", **LEAVING, channel="app", cluster="east")
    site.wait_for({"here"})
    site.fire("there", **LEAVING, channel="app", cluster="west")
    site.wait_for({"here"}, {"there"})
    site.fire("elsewhere", **LEAVING, channel="app", cluster="west", namespace="test")
    site.wait_for({"here"}, {"there"}, {"elsewhere"})
