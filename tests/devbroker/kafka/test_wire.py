import socket
import threading
from contextlib import closing

import pytest

from stream.devbroker.kafka.wire import is_serving

NO_BROKERS = bytes.fromhex("00000008 00000001 00000000")
OTHER_CORRELATION_ID = bytes.fromhex("00000008 00000002 00000001")


def test_a_closed_port_is_not_serving(free_port):
    """A refused connection is no broker."""
    assert not is_serving(free_port)


@pytest.mark.parametrize("reply", [b"", b"HTTP", NO_BROKERS, OTHER_CORRELATION_ID])
def test_a_listening_socket_without_a_broker_is_not_serving(reply):
    """Silence, too short an answer, one without brokers or to another question."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        assert not is_serving(server.getsockname()[1])
        thread.join()
