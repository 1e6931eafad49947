"""Free TCP ports, for programs that cannot pick one themselves."""

import socket


def free_ports(count: int) -> list[int]:
    """Held all at once while choosing, so that no port is given twice."""
    sockets = []
    try:
        for _ in range(count):
            # SO_REUSEADDR is not set: a port in TIME_WAIT is not free for every program.
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            sockets.append(listener)
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()


def free_port() -> int:
    return free_ports(1)[0]
