"""Overwritten objects: no result mixes two versions, and no result is stale after a change of the
catalogue, despite the caches of the engine."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.engine import engine_pid, metric
from harness.lake import Lake
from harness.store import parquet
from harness.waiting import wait_until

# Bypasses the result cache, because these tests are about the caches below it.
FRESH = {"Cache-Control": "no-cache"}


def rows_of(version: int, count: int) -> bytes:
    """Returns rows with a version, in several row groups so that a scan takes several requests."""
    return parquet(
        f"SELECT {version} AS version, range AS n, hash(range + {version}) AS noise "
        f"FROM range({count})"
    )


def register(lake: Lake, name: str, data: bytes, key: str, **fields: Any) -> None:
    lake.files.put(key, data)
    lake.catalog.put_keys(name, lake.files.key(key), row_count=len(data), **fields)


def read(lake: Lake, text: str = "SELECT version FROM t LIMIT 1") -> Any:
    answer = lake.query.sql(text, FRESH)
    assert answer.status == 200, answer.text
    return answer.rows()[0][0]


def wait_for_version(lake: Lake, version: int) -> None:
    wait_until(
        lambda: lake.query.sql("SELECT max(version) FROM t", FRESH).rows() == [[version]],
        f"version {version}",
    )


@pytest.mark.parametrize("cache_objects", [True, False])
def test_no_response_mixes_versions(new_lake, cache_objects):
    """Larger and smaller objects under one key, each registered again, under load."""
    lake = new_lake.set("queryd", cache_objects=cache_objects).start()
    counts = {v: 400_000 if v % 2 else 150_000 for v in range(1, 8)}
    register(lake, "t", rows_of(1, counts[1]), "t.parquet")
    wait_until(lambda: lake.query.sql("FROM t LIMIT 1").status == 200, "the dataset can be queried")
    over = threading.Event()
    seen: list[int] = []
    failed: list[str] = []

    def ask(text: str) -> None:
        while not over.is_set():
            answer = lake.query.sql(text, FRESH)
            if answer.status != 200:
                failed.append(f"{answer.status} {answer.text}")
                continue
            low, high, count = answer.rows()[0]
            assert low == high, "two versions in one response"
            assert count == counts[low], "an incomplete version"
            seen.append(low)

    texts = [
        "SELECT min(version), max(version), count(*) FROM t WHERE noise % 2 < 2",
        "SELECT min(version), max(version), count(*) FROM t WHERE noise = hash(n + version)",
        "SELECT a.version, max(b.version), count(*) FROM t a JOIN t b USING (n) GROUP BY 1",
    ]
    with ThreadPoolExecutor(len(texts)) as pool:
        asking = [pool.submit(ask, text) for text in texts]
        try:
            wait_until(lambda: 1 in seen, "the first version is read")
            for version in range(2, 8):
                register(lake, "t", rows_of(version, counts[version]), "t.parquet")
                wait_for_version(lake, version)
                assert read(lake, "SELECT count(*) FROM t") == counts[version]
            wait_until(lambda: 7 in seen, "the last version is read")
        finally:
            over.set()
        for future in asking:
            future.result()
    # Only queries that meet two overwrites in a row are refused, with the reason.
    assert all(text.startswith("503 query: an object was overwritten") for text in failed), failed
    assert len(failed) <= len(seen) / 10, failed


@pytest.mark.parametrize("count", [5_000, 1_300_000], ids=["smaller", "larger"])
def test_query_that_meets_an_unannounced_overwrite_is_retried(lake, count):
    register(lake, "t", rows_of(1, 1_000_000), "t.parquet")
    wait_until(lambda: lake.query.sql("FROM t LIMIT 1").status == 200, "the dataset can be queried")
    assert read(lake) == 1
    lake.files.put("t.parquet", rows_of(2, count))
    # The query needs data that is not cached, but the store has another object now.
    answer = lake.query.sql(
        "SELECT min(version), max(version), count(*) FROM t WHERE noise % 2 < 2", FRESH
    )
    assert answer.status == 200, answer.text
    assert answer.rows() == [[2, 2, count]]
    assert read(lake, "SELECT count(*) FROM t") == count
    assert metric(lake.query, "tarn_query_retries_total") == 1
    lake.queryd.wait_for_line("a query runs again, an object was overwritten")


def test_refresh_finds_unannounced_overwrites(new_lake):
    """The object has the same size, and all needed data is cached, so no query can detect it."""
    lake = new_lake.set("queryd", refresh_every="1s").start()
    first, second = parquet("SELECT 1 AS version"), parquet("SELECT 2 AS version")
    assert len(first) == len(second)
    register(lake, "t", first, "t.parquet")
    register(lake, "unused", first, "unused.parquet")
    wait_until(lambda: lake.query.sql("FROM t", FRESH).status == 200, "the dataset can be queried")
    assert read(lake) == 1
    lake.files.put("t.parquet", second)
    lake.files.put("unused.parquet", second)
    wait_for_version(lake, 2)
    lake.queryd.wait_for_line("objects were overwritten, reading them again", "dataset=t")
    assert metric(lake.query, "tarn_overwritten_datasets_total") == 1, "the engine in use"


def test_overwrite_checks_can_be_disabled(new_lake):
    lake = new_lake.set("queryd", refresh_every="1s", overwrite_checks_max=0).start()
    register(lake, "t", parquet("SELECT 1 AS version"), "t.parquet")
    wait_until(lambda: lake.query.sql("FROM t", FRESH).status == 200, "the dataset can be queried")
    lake.files.put("t.parquet", parquet("SELECT 2 AS version"))
    assert read(lake) == 1
    begin = metric(lake.query, 'tarn_refresh_total{result="ok"}')
    wait_until(
        lambda: metric(lake.query, 'tarn_refresh_total{result="ok"}') >= begin + 2, "two refreshes"
    )
    assert read(lake) == 1


def test_without_the_cache_the_next_query_reads_the_new_object(new_lake):
    lake = new_lake.set("queryd", cache_objects=False).start()
    register(lake, "t", rows_of(1, 1000), "t.parquet")
    wait_until(lambda: lake.query.sql("FROM t LIMIT 1").status == 200, "the dataset can be queried")
    pid = engine_pid(lake.queryd)
    for version in range(2, 6):
        lake.files.put("t.parquet", rows_of(version, version * 1000))
        assert read(lake) == version
        assert read(lake, "SELECT count(*) FROM t") == version * 1000
    assert engine_pid(lake.queryd) == pid


def test_metrics_show_the_size_of_the_data_cache(lake):
    register(lake, "t", rows_of(1, 1_000_000), "t.parquet")
    wait_until(lambda: lake.query.sql("FROM t LIMIT 1").status == 200, "the dataset can be queried")
    assert read(lake, "SELECT count(*) FROM t WHERE noise % 2 < 2") == 1_000_000
    wait_until(
        lambda: metric(lake.query, "tarn_engine_data_cache_bytes") > 7_000_000,
        "the hashes are cached, 8 bytes each",
    )


def test_cached_results_expire_with_their_objects(lake):
    register(lake, "t", rows_of(1, 1_000_000), "t.parquet")
    wait_until(lambda: lake.query.sql("FROM t LIMIT 1").status == 200, "the dataset can be queried")
    text = "SELECT max(version) FROM t"
    assert lake.query.sql(text).rows() == [[1]]
    lake.files.put("t.parquet", rows_of(2, 700_000))
    assert lake.query.sql(text).rows() == [[1]], "the overwrite is not detected yet"
    assert read(lake, "SELECT max(noise % 2 + version) FROM t WHERE n > 500_000") == 3
    assert lake.query.sql(text).rows() == [[2]]


def test_engine_is_kept_if_nothing_was_overwritten(lake):
    """New keys, and known keys with the same ETags, do not need a new engine."""
    first, second = rows_of(1, 10), rows_of(1, 20)
    lake.files.put("a.parquet", first)
    lake.files.put("b.parquet", second)
    lake.files.put("c.parquet", second)

    def put(*objects: tuple[str, bytes | None]) -> None:
        manifest = {"objects": []}
        for key, data in objects:
            manifest["objects"].append({"key": lake.files.key(key)})
            if data is not None:
                manifest["objects"][-1]["etag"] = hashlib.md5(data).hexdigest()
        assert lake.catalog.put("t", manifest).status in (200, 201)

    def wait_for_count(count: int) -> None:
        wait_until(
            lambda: lake.query.sql("SELECT count(*) FROM t", FRESH).text.find(f"[[{count}]]") > 0,
            f"{count} rows",
        )

    put(("a.parquet", first))
    wait_for_count(10)
    pid = engine_pid(lake.queryd)
    put(("a.parquet", first), ("b.parquet", second))
    wait_for_count(30)
    put(("c.parquet", None))
    wait_for_count(20)
    assert engine_pid(lake.queryd) == pid
    put(("c.parquet", None), ("a.parquet", first))
    wait_for_count(30)
    wait_until(lambda: engine_pid(lake.queryd) != pid, "c has no ETag, so it may have changed")
    pid = engine_pid(lake.queryd)
    lake.files.put("a.parquet", rows_of(2, 40))
    put(("a.parquet", rows_of(2, 40)))
    wait_for_count(40)
    assert engine_pid(lake.queryd) != pid
