"""Free ports of 127.0.0.1 for servers, without collisions between processes that choose at once."""

import errno
import os
import random
import socket
from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice

from stream.errors import CxgaugeError

FIRST, END = 20_000, 32_768
"""Below the ephemeral range, from which the system takes the source ports of outgoing connections: a client that reconnects
to a server being restarted could be given the server's own port."""
BLOCK = 128
"""Ports that one process hands out."""
_reserved: dict[str, int] = {}
"""File descriptors by name, which the system closes when this process ends."""


def port_is_free(port: int) -> bool:
    """Return whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def claim(port: int) -> bool:
    """Return whether a port is free and no other process has claimed it.

    The claim lasts as long as this process.
    """
    return _reserve(f"port {port}") and port_is_free(port)


def free_port() -> int:
    """Return a free port that no other process is given.

    After `BLOCK` calls this process may be given it again. Raises CxgaugeError if no port of the block is free, or all
    blocks belong to other processes.
    """
    for port in islice(_own_ports(), BLOCK):
        if port_is_free(port):
            return port
    raise CxgaugeError(f"no free port on 127.0.0.1 among {BLOCK} from {FIRST} to {END - 1}")


@cache
def _own_ports() -> Iterator[int]:
    """Return the ports of a block that is ours, again and again."""
    blocks = random.sample(range(FIRST, END - BLOCK, BLOCK), k=(END - FIRST) // BLOCK - 1)
    for block in blocks:
        if _reserve(f"ports from {block}"):
            return cycle(range(block, block + BLOCK))
    raise CxgaugeError(f"all {len(blocks)} blocks of ports from {FIRST} belong to other processes")


def _reserve(name: str) -> bool:
    """Hold a name until this process ends. Returns False if another process holds it.

    Names are abstract Unix sockets, which Linux keeps by network namespace, as it keeps ports. Elsewhere
    every name is free.
    """
    if name in _reserved:
        return True
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0cxgauge {name}")
    except OSError as error:
        holder.close()
        return error.errno != errno.EADDRINUSE
    _reserved[name] = holder.detach()
    return True


def _forget() -> None:
    """Give up the reservations of the parent process, which still holds them."""
    _reserved.clear()
    _own_ports.cache_clear()


os.register_at_fork(after_in_child=_forget)
