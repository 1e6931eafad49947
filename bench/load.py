"""The load: one SQL text over a number of connections, each with one request at a time.

One thread and epoll. When the time is up, every connection finishes the request that it is on, so
that what a server has worked for and what was counted are the same thing: with slow queries the
difference would be large.
"""

import contextlib
import gc
import json
import math
import re
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_ANSWER_LIMIT_S = 120.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RECEIVE_BYTES = 256 * 1024


class Failed(Exception):
    """A server did not answer as it should have."""


@dataclass
class Load:
    """What one or more stretches of load came to."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return len(self.latencies)

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """The nearest rank: the largest latency, where there are too few for the percentage."""
        rank = math.ceil(percent / 100 * self.requests)
        return 1000 * sorted(self.latencies)[max(rank, 1) - 1]


@dataclass
class _Connection:
    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)
    sent_at: float = 0.0


def run(load: Load, url: str, sql: str, connections: int, seconds: float) -> None:
    """Adds to `load`. Each connection makes at least one request."""
    with contextlib.ExitStack() as cleanup:
        poll = cleanup.enter_context(select.epoll())
        cleanup.enter_context(_no_garbage_collection())
        by_fd = {}
        for _ in range(connections):
            opened = cleanup.enter_context(connect(url))
            opened.setblocking(False)
            poll.register(opened.fileno(), select.EPOLLIN)
            by_fd[opened.fileno()] = _Connection(opened)
        _drive(load, poll, by_fd, request(url, sql), seconds)


def _drive(
    load: Load, poll: select.epoll, by_fd: dict[int, _Connection], message: bytes, seconds: float
) -> None:
    clock = time.perf_counter
    started = now = clock()
    until = started + seconds
    for connection in by_fd.values():
        connection.sent_at = clock()
        connection.socket.sendall(message)
    active = len(by_fd)
    while active:
        events = poll.poll(_ANSWER_LIMIT_S)
        if not events:
            raise Failed(f"no answer within {_ANSWER_LIMIT_S:g} s")
        for fd, _ in events:
            connection = by_fd[fd]
            data = connection.socket.recv(_RECEIVE_BYTES)
            if not data:
                raise Failed("the connection was closed before the answer was complete")
            connection.received += data
            if not _is_complete(connection.received):
                continue
            now = clock()
            load.latencies.append(now - connection.sent_at)
            connection.received.clear()
            if now < until:
                connection.sent_at = now
                connection.socket.sendall(message)
            else:
                active -= 1
    load.seconds += now - started


def _is_complete(answer: bytearray) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = _LENGTH.search(answer, 0, end + 2)
    if length:
        complete = len(answer) >= end + 4 + int(length[1])
    else:
        complete = answer.endswith(b"\r\n0\r\n\r\n")
    if complete and answer[9:12] != b"200":
        raise Failed(answer.decode(errors="replace")[:1000])
    return complete


def request(url: str, sql: str, close: bool = False) -> bytes:
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    path = path if path.endswith("/sql") else path + "/sql"
    body = json.dumps({"sql": sql}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    head += "Connection: close\r\n\r\n" if close else "\r\n"
    return head.encode() + body


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    opened = socket.create_connection((parts.hostname, parts.port or 80), _ANSWER_LIMIT_S)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A pause of ours would look like one of the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
