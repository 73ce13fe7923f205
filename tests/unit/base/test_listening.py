"""What connections inherit from the port that they came by."""

import socket

from hustings.base.listening import bound_socket


def test_a_connection_sends_small_pieces_at_once() -> None:
    """Else each answer in two pieces waits 40 ms for an acknowledgement."""
    with bound_socket("127.0.0.1", 0, flag="--port") as listener:
        listener.listen()
        listener.setblocking(True)
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
