"""The part of Kafka's protocol that checks whether a broker is ready."""

import socket
import struct

METADATA, VERSION, CORRELATION = 3, 1, 1
CLIENT = b"cxgauge"


def is_serving(port: int) -> bool:
    """Return whether a broker on this port of 127.0.0.1 answers a metadata request with a live broker.

    A listening socket is not enough. Kafka accepts connections before its controller has registered the
    broker, and topics cannot be created until then.
    """
    # length, api key, api version, correlation id, client id, no topics: https://kafka.apache.org/protocol
    head = struct.pack(f">hhih{len(CLIENT)}s", METADATA, VERSION, CORRELATION, len(CLIENT), CLIENT)
    request = head + struct.pack(">i", 0)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as reply:
                (_length, correlation, brokers) = struct.unpack(">iii", reply.read(12))
    except (OSError, struct.error):
        return False
    return bool(correlation == CORRELATION and brokers > 0)
