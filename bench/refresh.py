"""Catalogues of many datasets: how long refreshes take, and how they slow down queries."""

import os
import re
import signal
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from harness.engine import engine_pid
from harness.lake import Lake
from harness.proxy import TcpProxy
from harness.recorder import Recorder
from harness.store import Folder
from harness.waiting import wait_until

from bench import report
from bench.lake import MANY_COUNT, PREFIX, S3, TINY_COUNT, Place, folder, many_name, tiny_name

MANY = 10_000
FAR_S = 0.02
UNCHANGED_COUNT = 5
CHANGES = 20
NAME = f"refresh: {TINY_COUNT} and {MANY} datasets"
FRESH = {"Cache-Control": "no-cache"}


@dataclass(frozen=True)
class Point:
    datasets: int
    store: str
    what: str
    value: float
    unit: str


def measure(place: Place) -> list[Point]:
    points: list[Point] = []
    with _catalogue(place, TINY_COUNT) as lake:
        points += _first(lake, TINY_COUNT, "local")
        points += _unchanged(lake, TINY_COUNT)
        lake.queryd.stop()
        with TcpProxy(place.s3.url.removeprefix("http://"), delay_s=FAR_S) as far:
            lake.set("s3", endpoint=far.url)
            points += _first(lake, TINY_COUNT, "20 ms away")
            lake.queryd.stop()
    with _catalogue(place, MANY) as lake:
        points += _first(lake, MANY, "local")
        points += _unchanged(lake, MANY)
        points += _changes(lake, MANY)
        points += _recovery(lake, MANY)
    with _catalogue(place, 1) as lake:
        points += _many_objects(lake, place)
    return points


@contextmanager
def _catalogue(place: Place, count: int) -> Iterator[Lake]:
    with folder() as home:
        lake = Lake(home, Folder(S3(place.s3.url, place.s3.credentials), PREFIX), Recorder())
        # Long enough to read the metrics of the first refresh before the second.
        lake.set("queryd", refresh_every="1s", refresh_timeout="5m")
        try:
            lake.start_catalogd()
            with ThreadPoolExecutor(8) as pool:
                list(
                    pool.map(
                        lambda i: _put(lake, f"tiny_{i:05}", i % TINY_COUNT),
                        range(count),
                    )
                )
            yield lake
            lake.close()
        finally:
            lake.kill()


def _put(lake: Lake, name: str, tiny: int) -> None:
    """Registers a dataset with an ETag, because a changed dataset with a known key and no ETag
    makes queryd start another engine."""
    object_ = {"key": lake.files.key(tiny_name(tiny)), "etag": "the same"}
    answer = lake.catalog.put(name, {"objects": [object_]})
    assert answer.status in (200, 201), answer.text


def _first(lake: Lake, count: int, store: str) -> list[Point]:
    lake.start_queryd()
    with _select_1(lake) as latencies_ms:
        lake.queryd.wait_for_line(f"refresh created={count}", limit_s=300)
    _, first_s = _refreshes(lake, 1)
    with _select_1(lake) as idle_ms:
        time.sleep(2)
    return [
        Point(count, store, "first refresh", first_s, "s"),
        Point(count, store, "p99 of select 1 meanwhile", _p99(latencies_ms), "ms"),
        Point(count, store, "p99 of select 1 after it", _p99(idle_ms), "ms"),
    ]


def _unchanged(lake: Lake, count: int) -> list[Point]:
    before, seconds_before = _refreshes(lake, 1)
    cpu = lake.queryd.cpu_seconds()
    after, seconds = _refreshes(lake, before + UNCHANGED_COUNT)
    cpu = lake.queryd.cpu_seconds() - cpu
    each_ms = 1000 * (seconds - seconds_before) / (after - before)
    return [
        Point(count, "local", "refresh without a change", each_ms, "ms"),
        Point(count, "local", "its CPU", 1000 * cpu / (after - before), "ms"),
    ]


def _changes(lake: Lake, count: int) -> list[Point]:
    """The time from the catalogue's answer to the first query that sees the change."""
    times_ms = []
    for i in range(CHANGES):
        before = _seen(lake)
        _put(lake, "tiny_00000", 1 + i)
        start = time.monotonic()
        while _seen(lake) == before:
            pass
        times_ms.append(1000 * (time.monotonic() - start))
    median_ms = statistics.median(times_ms)
    return [Point(count, "local", "from a change to its first query", median_ms, "ms")]


def _seen(lake: Lake) -> str:
    """The revision that queries see."""
    return lake.query.sql("SELECT 1", FRESH).headers["X-Catalog-Revision"]


def _recovery(lake: Lake, count: int) -> list[Point]:
    """The time from the end of an engine process to the first answer that reads a dataset."""
    os.kill(engine_pid(lake.queryd), signal.SIGKILL)
    start = time.monotonic()
    wait_until(
        lambda: lake.query.sql("FROM tiny_00001", FRESH).status == 200, "it answers", poll_s=0.005
    )
    answered_s = time.monotonic() - start
    start = time.monotonic()
    lake.query.sql("SHOW TABLES", FRESH)
    shown_s = time.monotonic() - start
    return [
        Point(count, "local", "first answer after kill -9 of the engine", answered_s, "s"),
        Point(count, "local", "first SHOW TABLES of an engine", shown_s, "s"),
    ]


def _many_objects(lake: Lake, place: Place) -> list[Point]:
    """One dataset of many objects, and a small one that is registered while they are read."""
    keys = [lake.files.key(many_name(i)) for i in range(MANY_COUNT)]
    points = []
    with TcpProxy(place.s3.url.removeprefix("http://"), delay_s=FAR_S) as far:
        lake.set("s3", endpoint=far.url)
        lake.set("queryd", refresh_every="1m", refresh_timeout="10s").start_queryd()
        wait_until(lake.query.ready, "ready")
        with ThreadPoolExecutor(2) as pool:
            large = pool.submit(_until_seen, lake, "many", keys)
            wait_until(lambda: lake.query.get("/catalog/status").json()["being_read"], "it is read")
            small = pool.submit(_until_seen, lake, "small", keys[:1])
            points += [
                Point(
                    2, "20 ms away", f"until {MANY_COUNT:,} objects are seen", large.result(), "s"
                ),
                Point(2, "20 ms away", "until one is seen meanwhile", small.result(), "s"),
            ]
        lake.queryd.stop()
    lake.set("s3", endpoint=place.s3.url).start_queryd()
    _until_seen(lake, "thousand", keys[:1000])
    times_ms = []
    for _ in range(6):
        start = time.monotonic()
        answer = lake.query.sql("SELECT sum(id) FROM thousand", FRESH)
        times_ms.append(1000 * (time.monotonic() - start))
        assert answer.rows() == [[1000]]
    points += [
        Point(1, "local", "first query of 1,000 objects", times_ms[0], "ms"),
        Point(1, "local", "a later one", statistics.median(times_ms[1:]), "ms"),
    ]
    return points


def _until_seen(lake: Lake, name: str, keys: Sequence[str]) -> float:
    start = time.monotonic()
    lake.catalog.put_keys(name, *keys)
    wait_until(
        lambda: lake.query.sql(f"FROM {name} LIMIT 0", FRESH).status == 200,
        f"{name} is seen",
        limit_s=60,
        poll_s=0.02,
    )
    return time.monotonic() - start


@contextmanager
def _select_1(lake: Lake) -> Iterator[list[float]]:
    """Sends one request after the other while the block runs."""
    over = threading.Event()
    latencies_ms: list[float] = []

    def ask() -> None:
        while not over.is_set():
            start = time.monotonic()
            answer = lake.query.sql("SELECT 1", FRESH)
            if answer.status == 200:
                latencies_ms.append(1000 * (time.monotonic() - start))
            time.sleep(0.005)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield latencies_ms
    finally:
        over.set()
        thread.join()


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)] if values else float("nan")


def _refreshes(lake: Lake, count: int) -> tuple[int, float]:
    """Waits for `count` refreshes. Returns their number and their total time."""

    def read() -> tuple[int, float] | None:
        text = lake.query.get("/metrics").text
        done = int(_value(text, "tarn_refresh_seconds_count"))
        return (done, _value(text, "tarn_refresh_seconds_sum")) if done >= count else None

    # Polls rarely, because the cost of /metrics is not a part of the measurement.
    return wait_until(read, f"{count} refreshes", limit_s=60, poll_s=0.5)


def _value(metrics: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


def table(points: Sequence[Point]) -> str:
    return report.table(
        ["datasets", "store", "what", "figure", "unit"],
        [
            [f"{point.datasets:,}", point.store, point.what, report.number(point.value), point.unit]
            for point in points
        ],
    )
