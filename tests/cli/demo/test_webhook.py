import json
import urllib.request

from stream.cli.demo.webhook import Webhook


def alert(status: str = "firing", **labels: str) -> dict:
    return {
        "status": status,
        "labels": {"alertname": "CxChurnSpike", "severity": "page", **labels},
        "annotations": {"summary": "41 of 5000 churned", "runbook_url": "deploy/runbooks/CxChurnSpike.md"},
    }


def tell(port: int, *alerts: dict) -> int:
    """As Alertmanager does."""
    body = json.dumps({"version": "4", "alerts": alerts}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", body, timeout=5) as answer:
        return answer.status


def test_what_it_is_told_is_said_with_the_runbook(free_port):
    """Firing with its summary; resolved with where."""
    said: list[str] = []
    with Webhook(free_port, said.append) as webhook:
        assert tell(free_port, alert(view="total"), alert(view="channel", channel="app")) == 200
        assert webhook.firing() == {("CxChurnSpike", ""), ("CxChurnSpike", "app")}
        tell(free_port, alert("resolved", view="channel", channel="app"))
        assert webhook.firing() == {("CxChurnSpike", "")}
    assert said[0] == (
        "FIRING CxChurnSpike (page): 41 of 5000 churned\n  what to do: deploy/runbooks/CxChurnSpike.md"
    )
    assert said[2] == "RESOLVED CxChurnSpike (page) view=channel channel=app"


def test_other_views_are_said_and_no_more(free_port):
    """The total is not taken for a touchpoint, nor the other way round."""
    with Webhook(free_port, lambda _: None) as webhook:
        tell(free_port, alert(view="touchpoint", touchpoint="checkout"))
        assert len(webhook.notices) == 1
        assert webhook.firing() == set()
