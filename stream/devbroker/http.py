"""Asking a server on this machine."""

from http.client import HTTPConnection, HTTPException
from typing import NamedTuple


class Reply(NamedTuple):
    """Status and text; status 0 when nobody answered."""

    status: int
    text: str


def get(port: int, path: str, timeout: float = 10) -> Reply:
    """GET a path from 127.0.0.1."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return Reply(response.status, response.read().decode())
    except (OSError, HTTPException) as error:
        return Reply(0, str(error))
    finally:
        connection.close()
