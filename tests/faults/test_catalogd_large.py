"""catalogd with 100,000 datasets: bounded memory, and slow clients block no others."""

import http.client
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from harness.lake import Lake
from harness.waiting import wait_until

DATASETS = 100_000
# The response has some 40 MB.
MEMORY_BYTES_MAX = 24_000_000


NUMBERS = (
    "WITH RECURSIVE numbers (n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM numbers LIMIT ?) "
    "SELECT n FROM numbers"
)


def fill(lake: Lake) -> None:
    """Fills the tables directly, because 100,000 requests would take a minute."""
    lake.start_catalogd()
    lake.catalogd.stop()
    content = json.dumps(
        {
            "objects": [{"key": f"some/folder/part-{n}.parquet", "size": 123456} for n in range(3)],
            "row_count": 1000,
            "schema_fingerprint": None,
        },
        separators=(",", ":"),
    )
    with closing(sqlite3.connect(lake.folder / "catalog" / "catalog.sqlite")) as database:
        database.execute("CREATE TEMP TABLE number AS " + NUMBERS, (DATASETS,))
        database.execute("INSERT INTO contents SELECT n + 1, ? FROM number", (content,))
        database.execute(
            "INSERT INTO datasets (name, dataset_id, version, revision, created_at, updated_at, "
            "changed_by, content_id, bytes) "
            "SELECT printf('dataset-%06d', n), printf('%032x', n), 1, n + 1, "
            "1795362600000000, 1795362600000000, '', n + 1, ? FROM number",
            (len(content) + 250,),
        )
        database.execute("UPDATE catalogue SET revision = ?", (DATASETS,))
        database.commit()


@pytest.fixture(scope="module")
def large(module_lake):
    fill(module_lake)
    module_lake.set("catalogd", list_streams_max=2).start_catalogd()
    return module_lake


def memory_bytes(lake: Lake, field: str) -> int:
    status = Path(f"/proc/{lake.catalogd.process.pid}/status").read_text()
    (kilobytes,) = re.findall(rf"^{field}:\s+(\d+) kB", status, re.M)
    return int(kilobytes) * 1024


@contextmanager
def slow_list(lake: Lake) -> Iterator[http.client.HTTPResponse]:
    """A list whose client reads only the header."""
    with lake.catalog.connect() as connection:
        connection.sendall(b"GET /catalog/list HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        yield response


def test_list_is_streamed_in_bounded_memory(large):
    before = memory_bytes(large, "VmRSS")
    with slow_list(large):
        answer = large.catalog.get("/catalog/list")
    listed = answer.json()
    assert len(answer.body) > 30_000_000
    assert [m["name"] for m in listed["manifests"]] == sorted(
        m["name"] for m in listed["manifests"]
    )
    assert len(listed["manifests"]) >= DATASETS
    grown = memory_bytes(large, "VmHWM") - before
    assert grown < MEMORY_BYTES_MAX, f"memory grew by {grown}"


def test_unchanged_list_and_few_changes_are_cheap(large):
    first = large.catalog.put_keys("dataset-000007", "first")
    etag = large.catalog.get("/catalog/list", {"If-None-Match": "*"}).headers["ETag"]
    changed = large.catalog.put_keys("dataset-000007", "second")
    assert changed["dataset_id"] == first["dataset_id"]
    start = time.monotonic()
    for _ in range(20):
        listed = large.catalog.get(f"/catalog/list?since={etag.strip(chr(34))}").json()
        assert listed["manifests"] == [changed]
    # A whole list takes about 0.3 s.
    assert time.monotonic() - start < 6


def test_slow_client_delays_no_others(large):
    with slow_list(large) as response:
        for number in range(50):
            large.catalog.put_keys("busy", f"k{number}")
            assert large.catalog.manifest("busy").json()["version"] == number + 1
        # The list has the state at its start.
        listed = large.catalog.read(response, "a slow list").json()
    assert "busy" not in {manifest["name"] for manifest in listed["manifests"]}
    assert large.catalog.delete("busy").status == 204


def test_number_of_streams_is_limited(large):
    with slow_list(large), slow_list(large):
        answer = large.catalog.get("/catalog/list")
        answer.expect_error(503, "too many lists are being sent")
        assert answer.headers["Retry-After"] == "1"
        assert large.catalog.manifest("dataset-000001").status == 200
    wait_until(lambda: large.catalog.get("/catalog/list").status == 200, "other streams have ended")


def test_client_that_reads_too_slowly_is_disconnected(large):
    large.catalogd.stop()
    large.set("catalogd", list_timeout="500ms").start_catalogd()
    with slow_list(large) as response:
        large.catalogd.wait_for_line("catalogd.list_timeout")
        with pytest.raises((http.client.HTTPException, OSError)):
            response.read()
    assert large.catalog.get("/readyz").status == 200


def test_many_lists_at_once_while_others_write(large):
    large.catalogd.stop()
    large.set("catalogd", list_timeout="1m", list_streams_max=8).start_catalogd()

    def read(_: int) -> dict:
        return large.catalog.list()

    with ThreadPoolExecutor(5) as pool:
        lists = [pool.submit(read, n) for n in range(4)]
        number = 0
        while not all(one.done() for one in lists):
            large.catalog.put_keys(f"new-{number}", "k")
            number += 1
        for one in lists:
            listed = one.result()
            new = [m for m in listed["manifests"] if m["name"].startswith("new-")]
            assert {m["name"] for m in new} == {f"new-{n}" for n in range(len(new))}
            # Each new dataset is a revision. The list has exactly those of its revision.
            assert listed["revision"] - len(new) == lists[0].result()["revision"] - len(
                [m for m in lists[0].result()["manifests"] if m["name"].startswith("new-")]
            )
