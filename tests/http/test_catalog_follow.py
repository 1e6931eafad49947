"""queryd follows the catalogue: at once, one revision at a time, and despite failures."""

import threading
import time

import pytest
from harness.store import parquet
from harness.waiting import wait_until


@pytest.fixture
def lake(new_lake):
    """A lake with a long refresh interval, so that quick changes come from the catalogue's
    notification."""
    return new_lake.set("queryd", refresh_every="1h").start()


def status(lake) -> dict:
    answer = lake.query.get("/catalog/status")
    assert answer.status == 200, answer.text
    return answer.json()


def test_dataset_can_be_queried_as_soon_as_it_is_registered(lake):
    wait_until(lambda: status(lake)["follows_changes"], "queryd follows the catalogue")
    key = lake.files.put_rows("a", "SELECT 1 AS n")
    took = []
    for i in range(20):
        lake.catalog.put_keys(f"d{i}", key)
        start = time.monotonic()
        wait_until(lambda i=i: lake.select_all(f"d{i}").status == 200, "the dataset can be queried")
        took.append(time.monotonic() - start)
    lake.catalog.delete("d0")
    wait_until(lambda: lake.select_all("d0").status == 400, "the dataset can no longer be queried")
    # The next refresh is in an hour. bench/ measures how fast this is.
    assert sorted(took)[10] < 5


def test_sizes_are_those_of_visible_objects(lake):
    key = lake.files.put_rows("a", "SELECT 1 AS n")
    small = {"objects": [{"key": key, "size": 600}], "row_count": 1}
    lake.catalog.put("known", small)
    lake.catalog.put_keys("unknown", key)
    lake.wait_for_rows("unknown", [[1]])

    def sizes() -> list[dict]:
        return lake.query.get("/catalog/datasets").json()["datasets"]

    known = {"name": "known", "row_count": 1, "objects": 1, "bytes": 600}
    unknown = {"name": "unknown", "row_count": None, "objects": 1, "bytes": None}
    assert sizes() == [known, unknown]
    # Queries and sizes still use the former objects of a dataset that cannot be read.
    lake.catalog.put("known", {"objects": [{"key": "no/such.parquet", "size": 7}]})
    wait_until(lambda: status(lake)["failed"], "the error is reported")
    assert sizes() == [known, unknown]
    lake.catalog.delete("known")
    wait_until(lambda: sizes() == [unknown], "the dataset is no longer listed")


def test_response_names_the_revision_of_the_catalogue(lake):
    key = lake.files.put_rows("a", "SELECT 1 AS n")
    lake.catalog.put_keys("a", key)
    lake.wait_for_rows("a", [[1]])
    answer = lake.query.sql("FROM a")
    assert answer.headers["X-Catalog-Revision"] == str(lake.catalog.revision())
    assert status(lake)["revision"] == lake.catalog.revision()
    big = lake.query.sql("FROM range(1000000), a")
    assert big.headers["X-Catalog-Revision"] == str(lake.catalog.revision())


def test_each_query_sees_one_revision(lake):
    """Puts two datasets in turn, so that the catalogue has (n, n) or (n + 1, n). A query sees one
    of these pairs, and its revision tells which one."""
    for n in range(8):
        lake.files.put(f"{n}.parquet", parquet(f"SELECT {n} AS n"))
    for name in ("a", "b"):
        lake.catalog.put_keys(name, lake.files.key("0.parquet"))
        lake.wait_for_rows(name, [[0]])
    over = threading.Event()
    wrong = []
    seen = set()

    def ask() -> None:
        while not over.is_set():
            answer = lake.query.sql("SELECT a.n, b.n FROM a, b")
            ((left, right),) = answer.rows()
            seen.add((left, right))
            revision = int(answer.headers["X-Catalog-Revision"])
            expected = ((revision - 1) // 2 % 8, (revision - 2) // 2 % 8)
            if (left, right) != expected:
                wrong.append((revision, left, right))

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        assert lake.catalog.revision() == 2
        for n in range(1, 60):
            for name in ("a", "b"):
                lake.catalog.put_keys(name, lake.files.key(f"{n % 8}.parquet"))
    finally:
        over.set()
        for client in clients:
            client.join()
    assert not wrong
    assert len(seen) > 3, "the catalogue changed during the queries"


def test_status_has_failed_datasets_with_their_former_objects(lake):
    good = lake.files.put_rows("a", "SELECT 1 AS n")
    lake.catalog.put_keys("a", good)
    lake.wait_for_rows("a", [[1]])
    missing = lake.files.key("missing.parquet")
    lake.catalog.put_keys("a", missing)
    lake.catalog.put_keys("new", missing)
    wait_until(lambda: len(status(lake)["failed"]) == 2, "both datasets failed")
    first, second = status(lake)["failed"]
    assert (first["name"], first["former_is_visible"]) == ("a", True)
    assert (second["name"], second["former_is_visible"]) == ("new", False)
    assert "missing.parquet" in first["error"]
    assert lake.select_all("a").rows() == [[1]]
    # queryd soon retries without a change.
    lake.files.put("missing.parquet", parquet("SELECT 2 AS n"))
    lake.wait_for_rows("a", [[2]])
    lake.wait_for_rows("new", [[2]])
    assert status(lake)["failed"] == []


def test_catalogue_is_followed_again_after_an_outage(lake):
    key = lake.files.put_rows("a", "SELECT 1 AS n")
    lake.catalog.put_keys("a", key)
    lake.wait_for_rows("a", [[1]])
    lake.catalogd.kill()
    assert lake.select_all("a").rows() == [[1]]
    wait_until(lambda: status(lake)["error"], "the outage is reported")
    lake.start_catalogd()
    lake.catalog.put_keys("b", key)
    lake.wait_for_rows("b", [[1]])
    assert status(lake)["error"] is None
    assert len(lake.queryd.lines("refresh failed")) <= 1, "not logged each second"


def test_stop_does_not_wait_for_a_change(lake):
    wait_until(lambda: status(lake)["follows_changes"], "queryd follows the catalogue")
    start = time.monotonic()
    lake.queryd.stop()
    assert time.monotonic() - start < 5


def test_dataset_costs_one_request_to_the_store(new_lake, make_proxy):
    new_lake.start_catalogd()
    for i in range(10):
        key = new_lake.files.put_rows(f"a{i}", f"SELECT {i} AS n, 'a b' AS \"the text\"")
        new_lake.catalog.put_keys(f"d{i}", key)
    keys = [new_lake.files.put_rows(f"b {i}+ü", f"SELECT {i} AS n") for i in range(2)]
    new_lake.catalog.put_keys("two", *keys)
    proxy = make_proxy(new_lake.settings["s3"]["endpoint"].removeprefix("http://"))
    new_lake.set("s3", endpoint=proxy.url).start_queryd()
    new_lake.wait_for_refresh("created=11")
    assert proxy.count(b"range: bytes=-") == 12
    assert proxy.count(b"HTTP/1.1\r\n") == 12
    described = new_lake.query.sql("SHOW TABLES").rows()
    assert len(described) == 11
    assert proxy.count(b"HTTP/1.1\r\n") == 12
    assert new_lake.select_all("d7").rows() == [[7, "a b"]]
    assert sorted(new_lake.select_all("two").rows()) == [[0], [1]]


def test_duckdb_reports_objects_that_cannot_be_read_from_the_footer(new_lake):
    """The message names the problem."""
    new_lake.set("log", level="debug").start_catalogd()
    new_lake.catalog.put_keys("text", new_lake.files.put("text.parquet", b"id,name\n1,one\n"))
    new_lake.start_queryd()
    failed = new_lake.queryd.wait_for_line("refresh failed")
    assert "text.parquet" in failed and "magic bytes" in failed, failed
    shortly = new_lake.queryd.wait_for_line("an object is not read from its footer")
    assert "dataset=text" in shortly and "does not end like a Parquet file" in shortly
