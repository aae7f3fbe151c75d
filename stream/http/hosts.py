"""The check of `Host`: no web site reads a service on loopback by a name that it lets point there (DNS rebinding)."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from stream.config import Address

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on is of the loopback interface."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def host_check(address: Address, hosts: Iterable[str], service: str = "exporter") -> Middleware:
    """Return a middleware that answers 421 to requests by another name, and names the setting of the service.

    Without `hosts` the names of the loopback interface are allowed while the listener is there, else all names.
    """
    configured = {host.lower() for host in hosts}
    allowed = configured | LOOPBACK | {address.host.lower()} if is_loopback(address.host) else configured

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        if allowed and _name(request.headers.get("Host", "")) not in allowed:
            raise web.HTTPMisdirectedRequest(
                text=f"This name is not one of the {service}'s: add it to {service}.hosts, or request it as localhost\n"
            )
        return await handler(request)

    return checked


def _name(host: str) -> str:
    """Return the name in a Host header, in lower case and without port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
