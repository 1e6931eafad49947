"""The load: one SQL text over a number of connections, each with one request at a time.

wrk sends small requests if it is installed, because it takes less CPU for each. All other requests
are sent by one thread with epoll. When the time is up, every connection finishes its current
request, so that all work of the server is counted. With slow queries, the difference would be
large.
"""

import contextlib
import gc
import http.client
import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

_ANSWER_LIMIT_S = 120.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RECEIVE_BYTES = 256 * 1024
_WRK_SCRIPT = Path(__file__).with_name("wrk.lua")


class Failed(Exception):
    """A server sent no response or a wrong one."""


@dataclass
class Load:
    """The sum of one or more periods of load."""

    seconds: float = 0.0
    requests: int = 0
    # Latencies in ms, each with the number of requests that it stands for.
    _samples: list[tuple[float, float]] = field(default_factory=list)

    def add(self, requests: int, seconds: float, latencies_ms: Sequence[float]) -> None:
        """Adds a period. `latencies_ms` has the latencies of all requests, or evenly spaced
        quantiles of them."""
        self.requests += requests
        self.seconds += seconds
        weight = requests / len(latencies_ms)
        self._samples += [(latency, weight) for latency in latencies_ms]

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """The percentile by nearest rank: the largest latency if there are too few requests."""
        samples = sorted(self._samples)
        below = 0.0
        for latency, weight in samples:
            below += weight
            if below >= percent / 100 * self.requests:
                return latency
        return samples[-1][0]


@dataclass
class _Connection:
    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)
    sent_at: float = 0.0


def run(
    load: Load, url: str, sql: str, connections: int, seconds: float, small: bool = False
) -> None:
    """Runs one period and adds it to `load`. Each connection makes at least one request, unless
    wrk sends them."""
    if small and shutil.which("wrk"):
        _run_wrk(load, url, sql, connections, seconds)
        return
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


def _run_wrk(load: Load, url: str, sql: str, connections: int, seconds: float) -> None:
    with tempfile.NamedTemporaryFile() as body:
        body.write(_body(sql))
        body.flush()
        # wrk accepts only whole seconds.
        whole = max(1, round(seconds))
        argv = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={whole}"]
        argv += [f"--timeout={_ANSWER_LIMIT_S:.0f}", f"--script={_WRK_SCRIPT}", _sql_url(url)]
        ran = subprocess.run(
            argv, env=os.environ | {"BODY_FILE": body.name}, capture_output=True, text=True
        )
    found = re.search("^BENCH (.*)$", ran.stdout, re.MULTILINE)
    if not found:
        raise Failed(f"wrk: {ran.stderr or ran.stdout}")
    requests, took, errors, *latencies_ms = map(float, found[1].split())
    if errors or not requests:
        raise Failed(f"wrk: {errors:.0f} of {requests:.0f} requests failed")
    load.add(int(requests), took, latencies_ms)


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
    latencies_ms = []
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
            latencies_ms.append(1000 * (now - connection.sent_at))
            connection.received.clear()
            if now < until:
                connection.sent_at = now
                connection.socket.sendall(message)
            else:
                active -= 1
    load.add(len(latencies_ms), now - started, latencies_ms)


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


def request(url: str, sql: str) -> bytes:
    parts = urlsplit(_sql_url(url))
    body = _body(sql)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _sql_url(url: str) -> str:
    url = url.rstrip("/")
    return url if url.endswith("/sql") else url + "/sql"


def _body(sql: str) -> bytes:
    return json.dumps({"sql": sql}).encode()


def open_large(
    url: str, sql: str, format: str
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """Sends a request and reads the header of the answer. The caller reads the body."""
    parts = urlsplit(_sql_url(url))
    connection = http.client.HTTPConnection(parts.netloc, timeout=_ANSWER_LIMIT_S)
    # JSON is the default. Other servers do not know the parameter.
    path = parts.path if format == "json" else f"{parts.path}?format={format}"
    connection.request("POST", path, _body(sql), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 200:
        reason = answer.read(1000).decode(errors="replace").strip()
        connection.close()
        raise Failed(f"HTTP {answer.status}: {reason}")
    return connection, answer


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    opened = socket.create_connection((parts.hostname, parts.port or 80), _ANSWER_LIMIT_S)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Prevents pauses of this program, which would look like pauses of the server."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
