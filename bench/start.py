"""The start of queryd with many datasets: the time to its first answers, and its memory."""

import hashlib
import json
import random
import sqlite3
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from harness.engine import alive, engine_pids, metric, probe_pids
from harness.lake import Lake
from harness.recorder import Recorder
from harness.store import Folder, parquet
from harness.waiting import wait_until

from bench.lake import PREFIX, S3, TINY_COUNT, Place, folder, tiny_name
from bench.refresh import FRESH, Point

COUNTS = (10_000, 100_000)
TURNS = 3
NAME = "start: " + " and ".join(map(str, COUNTS)) + " datasets"
ROWS = "SELECT 1 AS id, 'one' AS name"
ANSWER_LIMIT_S = 120
ALL_LIMIT_S = 600
STORE = "local"


def measure(place: Place, counts: Sequence[int] = COUNTS) -> list[Point]:
    points = []
    for count in counts:
        with _catalogue(place, count) as lake:
            turns = [_start(lake, count) for _ in range(TURNS)]
            points += [
                replace(same[0], value=statistics.median(point.value for point in same))
                for same in zip(*turns, strict=True)
            ]
    return points


@contextmanager
def _catalogue(place: Place, count: int) -> Iterator[Lake]:
    with folder() as home:
        lake = Lake(home, Folder(S3(place.s3.url, place.s3.credentials), PREFIX), Recorder())
        lake.set("queryd", refresh_every=None)
        try:
            lake.start_catalogd()
            lake.catalogd.stop()
            _fill(home / "catalog" / "catalog.sqlite", lake.files, count)
            lake.start_catalogd()
            yield lake
            lake.close()
        finally:
            lake.kill()


def _fill(database: Path, files: Folder, count: int) -> None:
    """Writes the rows of `count` datasets, which share TINY_COUNT objects, as catalogd would."""
    data = parquet(ROWS)
    about = {"size": len(data), "etag": hashlib.md5(data).hexdigest()}
    now = int(time.time() * 1e6)
    with closing(sqlite3.connect(database)) as connection, connection:
        for i in range(count):
            content = json.dumps(
                {
                    "objects": [{"key": files.key(tiny_name(i % TINY_COUNT))} | about],
                    "row_count": 1,
                    "schema_fingerprint": None,
                },
                separators=(",", ":"),
            )
            connection.execute("INSERT INTO contents VALUES (?, ?)", (i + 1, content))
            name, id = f"dataset_{i:06}", random.randbytes(16).hex()
            connection.execute(
                "INSERT INTO datasets (name, dataset_id, version, revision, created_at, "
                "updated_at, changed_by, content_id, bytes) VALUES (?, ?, 1, ?, ?, ?, '', ?, ?)",
                (name, id, i + 1, now + i, now + i, i + 1, len(content) + 210),
            )
        connection.execute("UPDATE catalogue SET revision = ?, last_change = ?", (count, now))


def _start(lake: Lake, count: int) -> list[Point]:
    start = time.monotonic()
    lake.start_queryd()
    wait_until(
        lambda: lake.query.sql("SELECT 1", FRESH).headers.get("X-Catalog-Revision") == str(count),
        "the catalogue is known",
        ANSWER_LIMIT_S,
        poll_s=0.02,
    )
    known_s = time.monotonic() - start
    name = f"dataset_{random.randrange(count):06}"
    wait_until(
        lambda: lake.query.sql(f"SELECT id FROM {name}", FRESH).status == 200,
        f"{name} answers",
        ANSWER_LIMIT_S,
        poll_s=0.02,
    )
    answered_s = time.monotonic() - start
    assert lake.query.sql(f"SELECT id FROM {name}").rows() == [[1]]
    wait_until(
        lambda: metric(lake.query, "tarn_datasets") == count,
        "all are read",
        ALL_LIMIT_S,
        poll_s=0.2,
    )
    points = [
        Point(count, STORE, "until the catalogue is known", known_s, "s"),
        Point(count, STORE, "until any dataset answers", answered_s, "s"),
        Point(count, STORE, "until all datasets are read", time.monotonic() - start, "s"),
        Point(count, STORE, "peak of the front", _peak_mb([lake.queryd.process.pid]), "MB"),
        Point(count, STORE, "peak of the engine", _peak_mb(engine_pids(lake.queryd)), "MB"),
        Point(count, STORE, "peak of the probe process", _peak_mb(probe_pids(lake.queryd)), "MB"),
    ]
    lake.queryd.stop()
    return points


def _peak_mb(pids: Sequence[int]) -> float:
    """The peak memory of the largest process."""
    return max(_peak_bytes(pid) for pid in pids if alive(pid)) / 1e6


def _peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
