"""Reports by mail and to a web hook, and failures that name no secret."""

import logging
import re
import sys

import pytest

from stream.cli.report.sending import check, shown, without_secrets
from tests.cli.report.sinks import MailSink, json_sink
from tests.cli.report.test_report import invoke
from tests.deploy.project import ROOT
from tests.exporter.in_memory import answers
from tests.exporter.live.live_exporter import LiveExporter
from tests.support import MINUTE, NOW

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of apprise
HIDDEN = "hush-hush"


async def exporter() -> LiveExporter:
    live = LiveExporter()
    await live.publish([*answers(60, 10, NOW - 90 * MINUTE), *answers(60, 0, NOW - MINUTE)])
    return live


async def test_mail_gets_the_page() -> None:
    """As HTML, with the title as subject. No file is written."""
    live = await exporter()
    async with live.running(), MailSink().running() as sink:
        await live.refresh()
        address = f"mailto://sender:{HIDDEN}@127.0.0.1:{sink.port}/?from=cx@a.example&to=lead@b.example&mode=insecure"
        result = await invoke(live, "--window", "1h", CX_REPORT_SEND=address)
    assert (result.exit_code, result.output) == (0, "")
    (mail,) = sink.mails
    assert str(mail["Subject"]).startswith("Customer experience, last 1 hour to ")
    assert "lead@b.example" in mail["To"]
    body = mail.get_body(("html",))
    assert body is not None
    html = body.get_content()
    assert html.count("<h1>") == 1
    assert '<span class="bad">Worse than in the 1 hour before</span>' in html
    assert "<table>" in html


async def test_others_get_the_short_form() -> None:
    """As Markdown, with the title beside it. All addresses of the variable get it."""
    live = await exporter()
    async with live.running(), json_sink() as (port, documents):
        await live.refresh()
        addresses = f"json://127.0.0.1:{port}/one json://127.0.0.1:{port}/two"
        result = await invoke(live, "--window", "1h", CX_REPORT_SEND=addresses)
    assert (result.exit_code, result.output) == (0, "")
    first, second = documents
    assert first == second
    assert first["title"].startswith("Customer experience, last 1 hour to ")
    assert "Worse than in the 1 hour before" in first["message"]
    assert "|" not in first["message"]
    assert "# Customer" not in first["message"], "the title is beside it"


async def test_failures_name_the_kind_of_service_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """The other addresses get the report. The answer of a server that repeats a secret is shown without it."""
    caplog.set_level(logging.DEBUG)
    live = await exporter()
    async with live.running(), MailSink(refuses=True).running() as sink, json_sink() as (port, documents):
        await live.refresh()
        bad = f"mailto://sender:{HIDDEN}@127.0.0.1:{sink.port}/?from=cx@a.example&to=lead@b.example&mode=insecure"
        good = f"json://127.0.0.1:{port}/"
        result = await invoke(live, "--window", "1h", "--send", bad, "--send", good)
    assert result.exit_code == 1
    assert result.output.startswith("Error: --send: the report was not sent to mailto://…: ")
    assert HIDDEN not in result.output + caplog.text
    assert "a.example" not in result.output
    assert len(documents) == 1
    assert sink.mails == []


@pytest.mark.parametrize(
    "address",
    [
        "slack://TokenAAAA/TokenBBBB/TokenCCCC/#general",
        "mailtos://user%40a.example:p%26ss%2Fword@b.example?to=c@d.example&smtp=x.example",
        "https://hooks.example/a/b?key=abc+def",
    ],
)
def test_no_part_of_an_address_is_shown(address: str) -> None:
    text = "failed: TokenAAAA tokenbbbb p%26ss%2Fword p&ss/word user@a.example hooks.example abc def general"
    cleaned = without_secrets(text, address)
    assert without_secrets(cleaned, address) == cleaned
    for part in address.partition("://")[2].replace("?", "/").replace("&", "/").replace("=", "/").split("/"):
        assert part not in cleaned or len(part) < 3
    assert shown(address) in ("slack://…", "mailtos://…", "https://…")


async def test_without_apprise_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the exporter is asked."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    result = await invoke(LiveExporter(), "--send", f"json://{HIDDEN}.example")
    assert result.exit_code == 1
    assert result.output == "Error: --send needs apprise: install the extra, pip install 'cxgauge[report]'\n"


def test_the_addresses_of_the_page_are_those_of_apprise() -> None:
    """With their placeholders replaced where apprise expects a number or a certain length."""
    page = (ROOT / "deploy/docs/reports.md").read_text()
    addresses = re.findall(r"^\| .* \| `(\w+://.*)` \|$", page, re.MULTILINE)
    assert len(addresses) == 5
    check([address.replace("port", "8080") for address in addresses])
    check([re.findall(r"export CX_REPORT_SEND='(.*)'", page)[0]])
