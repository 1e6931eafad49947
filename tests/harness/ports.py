"""Free TCP ports, for programs that cannot pick one themselves."""

import socket


def free_ports(count: int) -> list[int]:
    """Returns different free ports. Holds all of them while it chooses."""
    sockets = []
    try:
        for _ in range(count):
            # Without SO_REUSEADDR, because some programs cannot use a port in TIME_WAIT.
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            sockets.append(listener)
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()


def free_port() -> int:
    return free_ports(1)[0]
