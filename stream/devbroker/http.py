"""HTTP requests to servers on this machine."""

from http.client import HTTPConnection, HTTPException
from typing import NamedTuple


class Reply(NamedTuple):
    """Status and text of a response. Without a response the status is 0 and the text is the error."""

    status: int
    text: str


def get(port: int, path: str, timeout: float = 10) -> Reply:
    """Send a GET request to a port of 127.0.0.1. `timeout` is in seconds."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return Reply(response.status, response.read().decode())
    except (OSError, HTTPException) as error:
        return Reply(0, str(error))
    finally:
        connection.close()
