"""A catalogue of many datasets: how long queryd takes to make the views, and to find no change."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.client import Client
from harness.lake import Lake
from harness.recorder import Recorder
from harness.store import Folder
from harness.waiting import wait_until

from bench import report
from bench.lake import PREFIX, TINY_COUNT, Place, folder, tiny_name

NAME = f"refresh: {TINY_COUNT} datasets"
UNCHANGED_COUNT = 5


@dataclass(frozen=True)
class Point:
    datasets: int
    first_s: float
    unchanged_ms: float
    unchanged_cpu_ms: float


def measure(place: Place) -> list[Point]:
    with folder() as home:
        lake = Lake(home, Folder(place.s3, PREFIX), Recorder())
        # Rare enough that the first one is read off before the second.
        lake.set("queryd", refresh_every="1s", refresh_timeout="5m")
        try:
            lake.start_catalogd()
            for i in range(TINY_COUNT):
                lake.catalog.put_keys(f"tiny_{i:04}", lake.files.key(tiny_name(i)))
            point = _measure(lake)
            lake.close()
            return [point]
        finally:
            lake.kill()


def _measure(lake: Lake) -> Point:
    lake.start_queryd()
    lake.queryd.wait_for_line(f"refresh created={TINY_COUNT}", limit_s=300)
    count, first_s = _wait_for_refreshes(lake.query, 1)
    cpu = lake.queryd.cpu_seconds()
    later, seconds = _wait_for_refreshes(lake.query, count + UNCHANGED_COUNT)
    cpu = lake.queryd.cpu_seconds() - cpu
    return Point(
        datasets=TINY_COUNT,
        first_s=first_s,
        unchanged_ms=1000 * (seconds - first_s) / (later - count),
        unchanged_cpu_ms=1000 * cpu / (later - count),
    )


def _wait_for_refreshes(client: Client, count: int) -> tuple[int, float]:
    """How many there were, once there were so many, and the time of all of them."""

    def read() -> tuple[int, float] | None:
        text = client.get("/metrics").text
        done = int(_value(text, "tarn_refresh_seconds_count"))
        return (done, _value(text, "tarn_refresh_seconds_sum")) if done >= count else None

    # Rarely: what /metrics costs is not to be measured here.
    return wait_until(read, f"{count} refreshes", limit_s=60, poll_s=0.5)


def _value(metrics: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


def table(points: Sequence[Point]) -> str:
    return report.table(
        ["datasets", "first refresh s", "unchanged refresh ms", "its CPU ms"],
        [
            [
                point.datasets,
                report.number(point.first_s),
                report.number(point.unchanged_ms),
                report.number(point.unchanged_cpu_ms),
            ]
            for point in points
        ],
    )
