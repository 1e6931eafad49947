"""Large results: their throughput, time to the first byte, CPU and memory."""

import contextlib
import dataclasses
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException

from bench import data, report
from bench.alone import Alone
from bench.load import Failed, open_large
from bench.server import Server

LIMITED, ONE, TEN = "events, limit 1000000", "events", "10 times events"
TEXTS = {
    LIMITED: (f"SELECT * FROM events LIMIT {data.EVENTS_ROWS}", data.EVENTS_ROWS),
    ONE: ("SELECT * FROM events", data.EVENTS_ROWS),
    TEN: ("SELECT events.* FROM events, range(10)", 10 * data.EVENTS_ROWS),
}
# A format, and a part of its content type.
FORMATS = {"json": "json", "ndjson": "ndjson", "csv": "csv", "arrow": "arrow"}
# Results, formats, and the number of concurrent requests. JSON is first, because the memory that
# other results leave would count in its figures.
POINTS = [
    (LIMITED, "json", 1),
    (LIMITED, "json", 4),
    (ONE, "json", 1),
    (ONE, "json", 4),
    *((ONE, format, 1) for format in ("ndjson", "csv", "arrow")),
    *((TEN, format, 1) for format in FORMATS),
]
# The work of DuckDB alone that is compared with a format: reads the chunks and drops them,
# converts them to JSON in SQL, or to arrays of Arrow.
ALONE = {
    "json": ("chunks", "to_json"),
    "ndjson": ("to_json",),
    "csv": ("chunks",),
    "arrow": ("arrow",),
}

_RECEIVE_BYTES = 1024 * 1024
_TAIL_BYTES = 64
_NOT_KNOWN = float("nan")


@dataclass(frozen=True)
class _Fetched:
    megabytes: float
    first_byte_s: float


@dataclass(frozen=True)
class Point:
    result: str
    format: str
    at_once: int
    server: str
    is_ours: bool
    failed: str = ""  # Why there are no figures.
    megabytes: float = _NOT_KNOWN  # of one answer
    seconds: float = _NOT_KNOWN  # until all answers are complete
    first_byte_s: float = _NOT_KNOWN
    cpu_s: float = _NOT_KNOWN
    resident_mb: float = _NOT_KNOWN  # before
    peak_mb: float = _NOT_KNOWN
    sampled_mb: float = _NOT_KNOWN

    @property
    def mb_per_second(self) -> float:
        return self.at_once * self.megabytes / self.seconds

    @property
    def rows_per_second(self) -> float:
        return self.at_once * TEXTS[self.result][1] / self.seconds


def names() -> Iterator[tuple[str, str, str, int]]:
    for name, format, at_once in POINTS:
        yield f"result: {name}, {format}, {at_once} at once", name, format, at_once


def measure(
    name: str, format: str, at_once: int, servers: Sequence[Server], alone: Alone | None
) -> list[Point]:
    """Measures formats other than JSON only for Tarn, because other servers lack them."""
    measured = [_Target(server) for server in servers if server.is_ours or format == "json"]
    if alone and at_once == 1:
        measured += [_Target(alone, way) for way in ALONE[format]]
    points: dict[_Target, list[Point]] = {target: [] for target in measured}
    failed = {}
    # The figures are medians, except the peak of memory.
    turns = 3 if at_once == 1 and name != TEN else 1
    for turn in range(1 + turns):
        for target in measured:
            if target in failed:
                continue
            try:
                point = _measure_once(name, format, at_once, target)
            except (Failed, OSError, HTTPException) as error:
                failed[target] = Point(
                    name, format, at_once, target.name, target.is_ours, failed=str(error)
                )
                continue
            if turn > 0:  # The first turn warms the server up.
                points[target].append(point)
    return [failed.get(target) or _median(of_one) for target, of_one in points.items()]


@dataclass(frozen=True)
class _Target:
    server: Server | Alone
    way: str = ""  # Of DuckDB alone.

    @property
    def name(self) -> str:
        return f"{self.server.name}, {self.way}" if self.way else self.server.name

    @property
    def is_ours(self) -> bool:
        return isinstance(self.server, Server) and self.server.is_ours

    def fetch(self, name: str, format: str) -> _Fetched:
        sql, rows = TEXTS[name]
        if isinstance(self.server, Server):
            return _fetch(self.server.url, sql, rows, format)
        if self.way == "to_json":
            sql = f"SELECT to_json(of_it) FROM ({sql}) AS of_it"
        as_ = "arrow" if self.way == "arrow" else "chunks"
        done = self.server.engine.command(**{"fetch": sql, "as": as_})
        if done["rows"] != rows:
            raise Failed(f"{done['rows']} rows instead of {rows}")
        return _Fetched(_NOT_KNOWN, done["first_s"])


def _measure_once(name: str, format: str, at_once: int, target: _Target) -> Point:
    process = target.server.engine
    process.reset_peak()
    resident_mb = process.resident_mb()
    cpu = process.cpu_seconds()
    start = threading.Barrier(at_once)

    def fetch(_: int) -> _Fetched:
        start.wait()
        return target.fetch(name, format)

    with process.sampled() as peak:
        started = time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            fetched = list(pool.map(fetch, range(at_once)))
        seconds = time.perf_counter() - started
    return Point(
        result=name,
        format=format,
        at_once=at_once,
        server=target.name,
        is_ours=target.is_ours,
        seconds=seconds,
        megabytes=fetched[0].megabytes,
        first_byte_s=statistics.median(one.first_byte_s for one in fetched),
        cpu_s=process.cpu_seconds() - cpu,
        resident_mb=resident_mb,
        peak_mb=process.peak_mb(),
        sampled_mb=peak.mb,
    )


def _median(points: Sequence[Point]) -> Point:
    def median(field: str) -> float:
        return statistics.median(getattr(point, field) for point in points)

    return dataclasses.replace(
        points[0],
        seconds=median("seconds"),
        first_byte_s=median("first_byte_s"),
        cpu_s=median("cpu_s"),
        resident_mb=median("resident_mb"),
        peak_mb=max(point.peak_mb for point in points),
        sampled_mb=max(point.sampled_mb for point in points),
    )


def _fetch(url: str, sql: str, rows: int, format: str) -> _Fetched:
    """Reads an answer and discards it. It must be complete, and in the format."""
    buffer = bytearray(_RECEIVE_BYTES)
    view = memoryview(buffer)
    started = time.perf_counter()
    connection, answer = open_large(url, sql, format)
    with contextlib.closing(connection):
        first_byte_s = time.perf_counter() - started
        content_type = answer.headers.get("Content-Type", "")
        if FORMATS[format] not in content_type:
            raise Failed(f"the answer to a request for {format} is {content_type!r}")
        total, lines, tail = 0, 0, b""
        # An answer that is cut short raises IncompleteRead.
        while count := answer.readinto(view):
            total += count
            if format in ("ndjson", "csv"):
                lines += buffer.count(b"\n", 0, count)
            tail = (tail + bytes(view[max(0, count - _TAIL_BYTES) : count]))[-_TAIL_BYTES:]
    if format == "json" and f'"row_count":{rows}}}'.encode() not in tail:
        raise Failed(f"the answer is incomplete: it ends in {tail!r}")
    # CSV begins with the names of the columns, NDJSON ends with a line of the status.
    if lines and lines != rows + 1:
        raise Failed(f"the answer has {lines} lines for {rows} rows")
    return _Fetched(total / 1e6, first_byte_s)


def table(points: Sequence[Point]) -> str:
    """A table in which the line of Tarn comes first, and each other server has a line below it."""
    rows = []
    ours = {(p.result, p.format, p.at_once): p for p in points if p.is_ours}
    for point in points:
        us = ours.get((point.result, point.format, point.at_once))
        compared = us is not None and not (point.is_ours or point.failed or us.failed)
        rows.append(
            [
                point.result,
                point.format,
                point.at_once,
                point.server,
                report.number(point.megabytes),
                "-" if point.failed else report.number(point.seconds),
                report.number(point.mb_per_second),
                "" if point.failed else f"{report.number(point.rows_per_second / 1e6)} M",
                report.number(point.first_byte_s),
                report.number(point.cpu_s),
                report.number(point.resident_mb),
                report.number(point.peak_mb),
                report.number(point.sampled_mb),
                *(
                    report.ratios(True, (point.seconds, us.seconds), (point.cpu_s, us.cpu_s))
                    if compared
                    else report.ratios(False, (1, 1), (1, 1))
                ),
            ]
        )
    titles = ["result", "format", "at once", "server", "MB", "s", "MB/s", "rows/s", "first byte s"]
    titles += ["CPU s", "MB before", "peak MB", "peak MB, sampled", *report.RATIOS]
    failures = [
        f"- {point.result}, {point.format}, {point.server}: {point.failed}"
        for point in points
        if point.failed
    ]
    return "\n".join([report.table(titles, rows), *(["", *failures] if failures else [])])
