"""The course of the demo: history, checks, incident."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console

from stream.demo import incident
from stream.demo.business import Business
from stream.demo.check import format_series, parse_metrics, rates_outside_bounds, wait_for
from stream.demo.expected import Series, expected
from stream.demo.expected_business import expected_business
from stream.demo.expected_joined import expected_joined
from stream.demo.feed import now_ms, publish
from stream.demo.guide import all_addresses, invitation
from stream.demo.servers import DemoServers
from stream.demo.story import Story
from stream.devbroker.http import get
from stream.devbroker.process import until_stopped
from stream.devbroker.temporary import temporary_folder
from stream.standalone.ports import Ports
from stream.standalone.servers import module_command, running

DEADLINE = 120.0
"""Seconds within which the exporter must expose the values of the story and the alerts must arrive."""


def run_demo(say: Callable[[str], None], *, check: bool) -> int:
    """Run the demo until SIGINT, SIGTERM or SIGHUP, or with `check` until all checks are done.

    Return the exit code. Raises CxgaugeError if a server does not start or ends by itself.
    """
    with (
        until_stopped(),
        temporary_folder("demo") as folder,
        running(DemoServers(folder, Ports().with_free_ports(), say)) as servers,
    ):
        now, business = now_ms(), Business()
        answers = Story().history(now)
        history = sorted([*answers, *business.history(now, answers)], key=lambda event: event.time)
        wanted = expected(history) | expected_business(history) | expected_joined(history)
        asyncio.run(publish(servers.bootstrap, history))
        say(f"Published {len(history)} events of the last 29 days")
        wrong = wait_for(wanted, servers, DEADLINE)
        if check or wrong:
            return (
                report_metrics(wanted, wrong, say) or check_rates(servers) or check_alerts(servers, business)
            )
        servers.add("visitors", module_command("stream.demo.visitors", servers.bootstrap))
        Console(highlight=False).print(all_addresses(servers))
        say(invitation(servers))
        publish_incident(servers, business)
        servers.watch()
    return 0


def publish_incident(servers: DemoServers, business: Business) -> None:
    """Publish the incident: late answers and, after their alert fires in Prometheus, churns."""
    alerts = incident.ALERTS_COME if servers.alerting else incident.ALERTS_WOULD_COME
    servers.say(f"\n{incident.STORY} {alerts}\n")
    late = [*incident.notes(now_ms()), *incident.late_answers(business, now_ms())]
    asyncio.run(publish(servers.bootstrap, late, stamped=False))
    if servers.alerting:
        first_alert = incident.ALERTS[0]
        servers.wait(lambda: first_alert in get(servers.ports.prometheus, "/api/v1/alerts").text, DEADLINE)
    asyncio.run(publish(servers.bootstrap, incident.churns(business, now_ms()), stamped=False))


def check_alerts(servers: DemoServers, business: Business) -> int:
    """Publish the incident and wait for its alerts, in total and for the channel. Return the exit code."""
    if not servers.alerting:
        servers.say("Checked the metrics only, because alerts need Prometheus")
        return 0
    publish_incident(servers, business)
    wanted = {(alert, channel) for alert in incident.ALERTS for channel in ("", incident.CHANNEL)}
    servers.wait(lambda: wanted <= servers.receiver.firing(), DEADLINE)
    missing = wanted - servers.receiver.firing()
    for alert, channel in sorted(missing):
        servers.say(f"{alert} of {channel or 'the total'} did not arrive within {DEADLINE:.0f} s")
    if not missing:
        sender = "Alertmanager" if "alertmanager" in servers.children else "Prometheus directly"
        servers.say(f"Both alerts arrived, in total and for the {incident.CHANNEL}, from {sender}")
    notifications = sum(bool(names & {*incident.ALERTS}) for names in servers.receiver.notifications)
    if notifications > len(incident.ALERTS):
        servers.say(f"They arrived in {notifications} notifications, expected is one for each alert")
    return 1 if missing or notifications > len(incident.ALERTS) else 0


def check_rates(servers: DemoServers) -> int:
    """Compare the exposed bounds with the hidden rates of the story. Return the exit code."""
    outside = rates_outside_bounds(parse_metrics(get(servers.ports.exporter, "/metrics").text))
    servers.say(
        "\n".join(outside)
        or "The hidden rates of the story are within the bounds of loyalty and ticket satisfaction"
    )
    return 1 if outside else 0


def report_metrics(wanted: Mapping[Series, float], wrong: Sequence[str], say: Callable[[str], None]) -> int:
    """Print all values, or only the wrong ones if there are any. Return the exit code."""
    if wrong:
        say("\n".join(wrong))
        say(f"{len(wrong)} of {len(wanted)} values are wrong {DEADLINE:.0f} s after the last event")
        return 1
    say("\n".join(f"{format_series(series)} {value:.10g}" for series, value in wanted.items()))
    say(f"All {len(wanted)} values match a direct count")
    return 0
