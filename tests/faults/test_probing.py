"""Datasets of many objects in a slow store: they become visible, and delay no other dataset."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.engine import metric
from harness.proxy import TcpProxy
from harness.store import parquet
from harness.tokens import Tokens
from harness.tool import Tool, ok
from harness.waiting import wait_until

LARGE = 1500


@pytest.fixture
def far_lake(new_lake, make_proxy):
    """A store with 100 ms for each request, and the objects of a large dataset."""
    proxy: TcpProxy = make_proxy(new_lake.files.store.address, delay_s=0.1)
    new_lake.set("s3", endpoint=proxy.url).start_catalogd()
    return new_lake, proxy


def put_objects(lake, count: int) -> list[str]:
    return [lake.files.put_rows(f"part-{n}.parquet", "SELECT 1 AS n") for n in range(count)]


def being_read(lake) -> dict[str, dict]:
    status = lake.query.get("/catalog/status").json()
    return {each["name"]: each for each in status["being_read"]}


def test_large_dataset_becomes_visible_and_does_not_delay_others(far_lake):
    """Reading one object after another would take 150 s, but a refresh may take only 10 s."""
    lake, _ = far_lake
    data = parquet("SELECT 1 AS n")
    keys = [lake.files.put(f"part-{n}.parquet", data) for n in range(LARGE)]
    lake.start_queryd()
    wait_until(lake.query.ready, "ready")
    lake.catalog.put_keys("large", *keys)
    wait_until(
        lambda: being_read(lake).get("large", {}).get("objects_read", 0) > 0, "the probe starts"
    )
    progress = being_read(lake)["large"]
    assert progress["objects"] == LARGE
    early = lake.query.sql("SELECT count(*) FROM large")
    assert "its objects are still being read" in early.expect_error(503, "query: ")
    assert early.headers["Retry-After"] == "1"

    lake.add("small", "SELECT 42 AS n")
    lake.wait_for_rows("small", [[42]])
    assert "large" in being_read(lake), "the small dataset did not wait for the large one"
    wait_until(
        lambda: lake.query.sql("FROM large LIMIT 1").status == 200,
        "the large dataset can be queried",
    )
    assert being_read(lake) == {}
    assert lake.query.get("/catalog/status").json()["failed"] == []


def test_dataset_that_changes_during_a_probe_shows_the_new_version(far_lake):
    lake, _ = far_lake
    keys = put_objects(lake, 1)
    data = parquet("SELECT 1 AS n")
    keys += [lake.files.put(f"more-{n}.parquet", data) for n in range(LARGE)]
    lake.start_queryd()
    wait_until(lake.query.ready, "ready")
    lake.catalog.put_keys("changing", *keys)
    lake.catalog.put_keys("deleted", *keys)
    wait_until(
        lambda: set(being_read(lake)) == {"changing", "deleted"}, "both datasets are being read"
    )
    lake.catalog.put_keys("changing", keys[0])
    lake.catalog.delete("deleted")
    lake.wait_for_rows("changing", [[1]])
    wait_until(lambda: being_read(lake) == {}, "no dataset is being read")
    lake.query.sql("FROM deleted").expect_error(400, "query: ")


@pytest.mark.parametrize("with_etags", [True, False])
def test_probe_results_are_cached_for_the_retry(far_lake, with_etags):
    """Applies only if the catalogue has ETags, because queryd cannot compare the
    objects otherwise."""
    lake, proxy = far_lake
    good, bad = parquet("SELECT 1 AS n"), b"no Parquet file at all"
    objects = []
    # The broken object is the last one, so that all others are read before it.
    for n, data in enumerate([good] * 5 + [bad]):
        objects.append({"key": lake.files.put(f"part-{n}.parquet", data)})
        if with_etags:
            objects[-1]["etag"] = hashlib.md5(data).hexdigest()
    lake.catalog.put("t", {"objects": objects})
    lake.start_queryd()
    lake.queryd.wait_for_line("WARN", "part-5.parquet", "No magic bytes", count=3)
    reads = proxy.count(f"{objects[0]['key']} HTTP/1.1".encode())
    assert reads == 1 if with_etags else reads >= 3
    assert proxy.count(f"{objects[5]['key']} HTTP/1.1".encode()) >= 3


def test_dataset_that_a_query_waits_for_is_read_first(far_lake):
    """At a start, all datasets are unknown, and most of them wait for a probe."""
    lake, _ = far_lake
    key = put_objects(lake, 1)[0]
    for n in range(LARGE):
        lake.catalog.put_keys(f"d{n:04}", key)
    lake.set("queryd", probed_datasets_max=50).start_queryd()
    wait_until(
        lambda: lake.query.sql(f"FROM d{LARGE - 1}").status == 200,
        "the last dataset can be queried",
    )
    assert len(being_read(lake)) > LARGE / 3, "most other datasets are still unread"
    assert metric(lake.query, "tarn_datasets_waiting") > LARGE / 3
    assert 0 < metric(lake.query, "tarn_datasets_being_read") <= 2 * 50
    assert lake.query.get("/catalog/status").json()["failed"] == []


def test_pending_datasets_are_read_while_the_catalogue_is_down(far_lake):
    lake, _ = far_lake
    key = put_objects(lake, 1)[0]
    for n in range(200):
        lake.catalog.put_keys(f"d{n:04}", key)
    lake.set("queryd", probed_datasets_max=4, refresh_timeout="1s").start_queryd()
    wait_until(lambda: metric(lake.query, "tarn_datasets_waiting") > 100, "most datasets wait")
    lake.catalogd.kill()
    lake.queryd.wait_for_line("refresh failed", "catalog list")
    assert metric(lake.query, "tarn_datasets_waiting") > 0
    wait_until(
        lambda: metric(lake.query, "tarn_datasets") == 200, "all datasets are read", limit_s=60
    )


@pytest.fixture
def two_owners(far_lake):
    """Two tokens that register datasets, and one that may read all of them."""
    lake, proxy = far_lake
    lake.catalogd.stop()
    tokens = Tokens(lake)
    tokens.let_queryd_in()
    many, few = (tokens.create(name, "catalog") for name in ("many", "few"))
    reader = tokens.create("reader", "query", "admin")
    lake.start_catalogd()
    lake.start_queryd()
    lake.query.token = reader
    return lake, proxy, lake.catalog.with_token(many), lake.catalog.with_token(few)


def live(lake) -> set[str]:
    """Reads the list of datasets, because a query would make queryd read its dataset first."""
    datasets = lake.query.get("/catalog/datasets").json()["datasets"]
    return {dataset["name"] for dataset in datasets}


def test_new_datasets_of_one_token_do_not_delay_those_of_another(two_owners):
    lake, proxy, many, few = two_owners
    proxy.delay_s = 1
    key = put_objects(lake, 1)[0]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: many.put_keys(f"d{n:04}", key), range(LARGE)))
    few.put_keys("one", key)
    wait_until(lambda: "one" in live(lake), "the dataset of the other token is visible")
    assert metric(lake.query, "tarn_datasets_waiting") > LARGE / 5


def test_queried_datasets_that_do_not_respond_do_not_delay_those_of_another_token(two_owners):
    lake, proxy, many, few = two_owners
    key = put_objects(lake, 1)[0]
    proxy.delay_s, proxy.held_back = 0, b"/slow-"
    for number in range(10):
        many.put_keys(f"d{number}", *(f"slow-{number}-{part}" for part in range(40)))
    waiting = [lake.query.send_sql(f"FROM d{number}", f"q{number}") for number in range(10)]
    wait_until(lambda: proxy.count(b"GET /lake/slow-") > 20, "the objects are read")
    few.put_keys("one", key)
    # The others fail after some 10 s.
    wait_until(lambda: "one" in live(lake), "the dataset of the other is visible", limit_s=4)
    proxy.held_back = b""
    for connection in waiting:
        connection.close()


def test_failing_datasets_of_one_token_do_not_delay_those_of_another(two_owners):
    lake, proxy, many, few = two_owners
    proxy.delay_s = 0
    key = put_objects(lake, 1)[0]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: many.put_keys(f"d{n:04}", f"missing-{n}"), range(LARGE)))
    status = lambda: lake.query.get("/catalog/status").json()  # noqa: E731
    wait_until(lambda: status()["failed_count"] == LARGE, "all datasets fail", limit_s=60)
    proxy.delay_s = 0.1
    tries = proxy.count(b"GET /lake/missing-")
    wait_until(lambda: proxy.count(b"GET /lake/missing-") > tries, "they are retried")
    tries = proxy.count(b"GET /lake/missing-")
    few.put_keys("one", key)
    wait_until(lambda: "one" in live(lake), "the dataset of the other token is visible")
    tries = proxy.count(b"GET /lake/missing-") - tries
    assert tries < LARGE / 3, "it waits for few datasets of the other token"


def test_command_waits_until_the_objects_were_read(far_lake):
    lake, _ = far_lake
    lake.start_queryd()
    lake.catalog.put_keys("t", *put_objects(lake, 12))
    ok(Tool(lake)("touch", "t"))
    assert being_read(lake) == {}
    assert lake.query.sql("SELECT count(*) FROM t").rows() == [[12]]


def test_command_does_not_wait_forever_for_the_objects(far_lake):
    lake, proxy = far_lake
    lake.start_queryd()
    lake.catalog.put_keys("t", *put_objects(lake, 12))
    lake.wait_for_rows("t", [[1]] * 12)
    proxy.delay_s = 10
    done = Tool(lake)("touch", "t")
    assert ok(done) == 'Reading the objects of "t" again, as version 2.\n'
    assert "queryd is still reading its objects (0 of 12 so far)" in done.stderr
