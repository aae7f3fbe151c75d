"""The moment from which a service listens, for its log and its supervisor."""

import logging
import os
import socket
from collections.abc import Mapping


def listening(log: logging.Logger, address: object, environ: Mapping[str, str] = os.environ) -> None:
    """Log the address, and report to systemd that the service has started (sd_notify(3)) if it started it."""
    log.info("Listening on %s", address)
    path = environ.get("NOTIFY_SOCKET", "")
    if path:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
                supervisor.sendto(b"READY=1", f"\0{path[1:]}" if path.startswith("@") else path)
        except OSError as error:
            # The variable may be that of a parent process, whose socket is gone or in another namespace.
            log.warning("The start cannot be reported to NOTIFY_SOCKET (%s): %s", path, error.strerror)
