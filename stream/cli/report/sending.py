"""Sending a report by apprise, an extra, to mail or chat. Addresses contain secrets, which no error repeats."""

import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from stream.cli.report.blocks import Page
from stream.cli.report.html import html
from stream.cli.report.markdown import markdown_body
from stream.errors import CxgaugeError

_MIN_SECRET = 3
"""Shorter parts of an address are left in the reason of a failure, which would be unreadable without them."""


def check(addresses: list[str]) -> None:
    """Raise CxgaugeError for addresses that cannot be sent to, before anything is read."""
    for address in addresses:
        _service(address)


def send(addresses: list[str], page: Page, message: Page) -> None:
    """Send the page to services that take HTML, such as mail, and the message to others.

    All are tried. Raises CxgaugeError with the kinds of services that failed.
    """
    failures = []
    for address in addresses:
        service = _service(address)
        formats = (
            service.notify_format if isinstance(service.notify_format, tuple) else (service.notify_format,)
        )
        takes_html = str(getattr(formats[0], "value", formats[0])) == "html"
        body = html(page) if takes_html else markdown_body(message)
        reason = _notify(service, page.title, body, "html" if takes_html else "markdown", address)
        if reason is not None:
            failures.append(f"{shown(address)}: {reason}")
    if failures:
        raise CxgaugeError(f"--send: the report was not sent to {'; '.join(failures)}")


def shown(address: str) -> str:
    """Return an address without anything that may be secret: its scheme."""
    scheme, separator, _ = address.partition("://")
    is_scheme = separator and re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}", scheme)
    return f"{scheme}://…" if is_scheme else "an address without a scheme"


def _service(address: str) -> Any:
    """Return the service of an address."""
    apprise = _apprise()
    service = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if service is None:
        raise CxgaugeError(
            f"--send: {shown(address)} is no address of apprise, or lacks a part. See deploy/docs/reports.md"
        )
    return service


def _apprise() -> Any:
    """Return the module apprise. Raises CxgaugeError if it is not installed."""
    try:
        import apprise  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise CxgaugeError(
            "--send needs apprise: install the extra, pip install 'cxgauge[report]'"
        ) from error
    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [logging.NullHandler()], False  # its entries contain whole addresses
    return apprise


def _notify(service: Any, title: str, body: str, body_format: str, address: str) -> str | None:
    """Send a text and return why that failed, None if it did not."""
    apprise = _apprise()
    notifier = apprise.Apprise()
    notifier.add(service)
    with apprise.LogCapture(level=apprise.logging.WARNING, fmt="%(message)s") as log:
        is_sent = notifier.notify(body=body, title=title, body_format=body_format)
        lines = log.getvalue().split("\n")
    if is_sent:
        return None
    reason = next((line for line in lines if line.strip()), "no reason given")
    return without_secrets(reason, address)


def without_secrets(text: str, address: str) -> str:
    """Return a text in which no part of an address occurs but its scheme."""
    for part in sorted(_parts(address), key=len, reverse=True):
        text = re.sub(re.escape(part), "…", text, flags=re.IGNORECASE)
    return text


def _parts(address: str) -> Iterator[str]:
    """Yield the parts of an address but its scheme, as they are written and as they are meant."""
    _, _, rest = address.partition("://")
    for part in (rest, *re.split(r"[/:@?&=#,;+\s]+", rest)):
        for form in {part, unquote(part)}:
            if len(form) >= _MIN_SECRET:
                yield form
