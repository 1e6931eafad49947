"""One large answer: how fast it comes, when it begins, and what it costs in CPU and memory."""

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench import data, report
from bench.load import Failed, connect, request
from bench.server import Server

TEXTS = {
    "events, limit 1000000": f"SELECT * FROM events LIMIT {data.EVENTS_ROWS}",
    "events": "SELECT * FROM events",
}
AT_ONCE = (1, 4)
# How often; the figures are medians, but for the peak of memory.
TURNS = {1: 3, 4: 1}

_RECEIVE_BYTES = 1024 * 1024
_TAIL_BYTES = 64


@dataclass(frozen=True)
class _Fetched:
    megabytes: float
    first_byte_s: float


@dataclass(frozen=True)
class Point:
    result: str
    at_once: int
    server: str
    megabytes: float  # of one answer
    seconds: float  # until all answers are there
    first_byte_s: float
    cpu_s: float
    resident_mb: float  # before
    peak_mb: float

    @property
    def mb_per_second(self) -> float:
        return self.at_once * self.megabytes / self.seconds

    @property
    def rows_per_second(self) -> float:
        return self.at_once * data.EVENTS_ROWS / self.seconds


def names() -> Iterator[tuple[str, str, int]]:
    for name in TEXTS:
        for at_once in AT_ONCE:
            yield f"result: {name}, {at_once} at once", name, at_once


def measure(name: str, at_once: int, servers: Sequence[Server]) -> list[Point]:
    points: dict[Server, list[Point]] = {server: [] for server in servers}
    for server in servers:
        _fetch(server.url, TEXTS[name])  # Warms it up.
    for _ in range(TURNS[at_once]):
        for server in servers:
            points[server].append(_measure_once(name, at_once, server))
    return [_median(of_one) for of_one in points.values()]


def _measure_once(name: str, at_once: int, server: Server) -> Point:
    server.reset_peak()
    resident_mb = server.resident_mb()
    cpu = server.cpu_seconds()
    start = threading.Barrier(at_once)

    def fetch(_: int) -> _Fetched:
        start.wait()
        return _fetch(server.url, TEXTS[name])

    started = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        fetched = list(pool.map(fetch, range(at_once)))
    return Point(
        result=name,
        at_once=at_once,
        server=server.name,
        seconds=time.perf_counter() - started,
        megabytes=fetched[0].megabytes,
        first_byte_s=statistics.median(one.first_byte_s for one in fetched),
        cpu_s=server.cpu_seconds() - cpu,
        resident_mb=resident_mb,
        peak_mb=server.peak_mb(),
    )


def _median(points: Sequence[Point]) -> Point:
    def median(field: str) -> float:
        return statistics.median(getattr(point, field) for point in points)

    return Point(
        result=points[0].result,
        at_once=points[0].at_once,
        server=points[0].server,
        megabytes=points[0].megabytes,
        seconds=median("seconds"),
        first_byte_s=median("first_byte_s"),
        cpu_s=median("cpu_s"),
        resident_mb=median("resident_mb"),
        peak_mb=max(point.peak_mb for point in points),
    )


def _fetch(url: str, sql: str) -> _Fetched:
    """Reads an answer and keeps nothing of it; its end must tell that it is whole."""
    buffer = bytearray(_RECEIVE_BYTES)
    view = memoryview(buffer)
    with connect(url) as connection:
        started = time.perf_counter()
        connection.sendall(request(url, sql, close=True))
        count = connection.recv_into(buffer)
        first_byte_s = time.perf_counter() - started
        if buffer[9:12] != b"200":
            raise Failed(buffer[:count].decode(errors="replace")[:1000])
        total, tail = 0, b""
        while count:
            total += count
            tail = (tail + bytes(view[max(0, count - _TAIL_BYTES) : count]))[-_TAIL_BYTES:]
            count = connection.recv_into(buffer)
    if f'"row_count":{data.EVENTS_ROWS}}}'.encode() not in tail:
        raise Failed(f"the answer is not whole: it ends in {tail!r}")
    return _Fetched(total / 1e6, first_byte_s)


def table(points: Sequence[Point]) -> str:
    rows = []
    ours = None
    for point in points:
        if ours is None or (ours.result, ours.at_once) != (point.result, point.at_once):
            ours = point
        rows.append(
            [
                point.result,
                point.at_once,
                point.server,
                report.number(point.megabytes),
                report.number(point.seconds),
                report.number(point.mb_per_second),
                f"{report.number(point.rows_per_second / 1e6)} M",
                report.number(point.first_byte_s),
                report.number(point.cpu_s),
                report.number(point.resident_mb),
                report.number(point.peak_mb),
                *report.ratios(
                    point is not ours,
                    (point.seconds, ours.seconds),
                    (point.cpu_s, ours.cpu_s),
                ),
            ]
        )
    return report.table(
        [
            "result",
            "at once",
            "server",
            "MB",
            "s",
            "MB/s",
            "rows/s",
            "first byte s",
            "CPU s",
            "MB before",
            "peak MB",
            *report.RATIOS,
        ],
        rows,
    )
