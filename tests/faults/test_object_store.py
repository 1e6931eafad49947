"""Faults of the object store are in the log and in /readyz, and queryd keeps running."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Client
from harness.ports import free_port
from harness.waiting import wait_until


def assert_up(lake) -> None:
    assert lake.queryd.running
    assert lake.query.get("/healthz").status == 200
    assert lake.query.sql("SELECT 1").rows() == [[1]]


def assert_not_ready(lake, *parts: str, status: int = 400) -> None:
    """Checks that one of `parts` (in lower case) is in the log and in the response of /readyz."""
    line = lake.queryd.wait_for_line("WARN", "refresh failed", "numbers")
    assert any(part in line.lower() for part in parts), line
    ready = lake.query.get("/readyz")
    assert ready.status == 503
    assert any(part in ready.text.lower() for part in parts), ready.text
    answer = lake.select_all("numbers")
    text = answer.expect_error(status, "query: ")
    assert any(part in text.lower() for part in parts), text
    assert answer.headers.get("Retry-After") == ("1" if status == 503 else None)


def register_before_start(lake) -> None:
    lake.start_catalogd()
    lake.add("numbers", "SELECT 42 AS n")


def test_wrong_secret(new_lake, recorder):
    right = new_lake.files.store.credentials
    wrong = recorder.new_credentials()
    register_before_start(new_lake)
    new_lake.set("s3", access_key_id=right.access_key_id).set(
        "s3", secret_access_key=wrong.secret_access_key
    ).start_queryd()
    assert_not_ready(new_lake, "403", "forbidden", "denied", "signature")
    assert_up(new_lake)


def test_unknown_key_id(new_lake, recorder):
    register_before_start(new_lake)
    new_lake.use_credentials(recorder.new_credentials()).start_queryd()
    assert_not_ready(new_lake, "403", "forbidden", "denied", "invalid")
    assert_up(new_lake)


def test_no_key_at_all(new_lake):
    register_before_start(new_lake)
    new_lake.use_credentials(None).start_queryd()
    assert_not_ready(new_lake, "403", "forbidden", "denied", "credential")
    assert_up(new_lake)


def test_unknown_bucket(new_lake):
    register_before_start(new_lake)
    new_lake.set("s3", bucket="no-such-bucket").start_queryd()
    assert_not_ready(new_lake, "404", "not found", "no such", "nosuchbucket")
    assert_up(new_lake)


def test_endpoint_refuses_connections(new_lake):
    register_before_start(new_lake)
    new_lake.set("s3", endpoint=f"http://127.0.0.1:{free_port()}").start_queryd()
    assert_not_ready(new_lake, "connect", "refused", status=503)
    assert_up(new_lake)


def test_failing_store_makes_queryd_not_ready(new_lake, make_proxy):
    proxy = make_proxy(new_lake.files.store.address)
    proxy.answer(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
    register_before_start(new_lake)
    new_lake.set("s3", endpoint=proxy.url).start_queryd()
    assert_not_ready(new_lake, "500", status=503)
    proxy.pass_on()
    new_lake.wait_for_rows("numbers", [[42]])


def test_endpoint_that_never_responds_times_out(new_lake, make_proxy):
    """The refresh has a time limit. Health checks and other queries do not wait for it."""
    proxy = make_proxy(new_lake.files.store.address)
    proxy.stall()
    register_before_start(new_lake)
    new_lake.set("s3", endpoint=proxy.url).set("queryd", refresh_timeout="1s").start_queryd()
    new_lake.queryd.wait_for_line("WARN", "refresh failed", limit_s=10)
    assert_up(new_lake)
    wait_until(
        lambda: (
            "cannot be read since" in new_lake.select_all("numbers").expect_error(503, "query: ")
        ),
        "the query reports the reason",
    )
    proxy.pass_on()
    new_lake.wait_for_rows("numbers", [[42]])
    wait_until(new_lake.query.ready, "ready once the store responds")


def test_queryd_recovers_from_a_store_outage_without_a_restart(new_lake, make_proxy):
    proxy = make_proxy(new_lake.files.store.address)
    proxy.refuse()
    register_before_start(new_lake)
    new_lake.set("s3", endpoint=proxy.url).start_queryd()
    new_lake.queryd.wait_for_line("WARN", "refresh failed")
    assert_up(new_lake)
    proxy.pass_on()
    new_lake.wait_for_rows("numbers", [[42]])
    wait_until(new_lake.query.ready, "ready once the store is back")


def test_missing_object_is_a_query_error(new_lake):
    """Reads data that is not cached."""
    lake = new_lake.set("queryd", cache_objects=False, result_cache_bytes=0).start()
    lake.add("numbers", "SELECT 42 AS n")
    lake.add("beside", "SELECT 43 AS n", key="beside")
    lake.wait_for_rows("numbers", [[42]])
    lake.wait_for_rows("beside", [[43]])
    lake.files.delete("data.parquet")
    wait_until(
        lambda: lake.select_all("numbers").status == 400, "the query reports the missing object"
    )
    lake.select_all("numbers").expect_error(400, "query: ")
    assert lake.select_all("beside").rows() == [[43]]
    lake.files.put_rows("data.parquet", "SELECT 42 AS n")
    lake.wait_for_rows("numbers", [[42]])


def test_truncated_object_is_an_error_and_never_a_partial_result(lake):
    key = lake.add("numbers", "SELECT n, hash(n) AS h FROM range(20000) t(n)")
    lake.wait_for_refresh("created=1")
    data = lake.files.store.client.get_object(Bucket="lake", Key=key)["Body"].read()
    lake.files.put("data.parquet", data[: len(data) // 2])
    lake.catalog.put_keys("numbers", key, row_count=1)
    lake.queryd.wait_for_line("WARN", "refresh failed", "numbers")
    lake.query.sql("SELECT sum(h) FROM numbers").expect_error(400, "query: ")


def test_connection_to_the_store_breaks_during_a_query(new_lake, make_proxy):
    """A failed read is retried or an error, but the response is never short."""
    proxy = make_proxy(new_lake.files.store.address)
    new_lake.set("s3", endpoint=proxy.url).set("queryd", refresh_every="1h").start_catalogd()
    new_lake.add("numbers", "SELECT n FROM range(300000) t(n)")
    new_lake.start_queryd()
    new_lake.wait_for_refresh("created=1")
    proxy.refuse()
    answer = new_lake.query.sql("SELECT sum(n) FROM numbers")
    answer.expect_error(400, "query: ")
    proxy.pass_on()
    assert new_lake.query.sql("SELECT sum(n) FROM numbers").rows() == [[44999850000]]


@pytest.mark.parametrize("count", [32])
def test_every_connection_is_bootstrapped(lake, count):
    """Contract, "Connection bootstrap": also applies to connections that are opened later."""
    lake.add("numbers", "SELECT n FROM range(1000) t(n)")
    lake.wait_for_refresh("created=1")
    client = Client(lake.query.address, lake.recorder)
    with ThreadPoolExecutor(count) as pool:
        answers = list(
            pool.map(lambda i: client.sql(f"SELECT sum(n + {i}) FROM numbers"), range(count))
        )
    assert [answer.rows() for answer in answers] == [[[499500 + 1000 * i]] for i in range(count)]


def test_repaired_object_is_read_again(new_lake):
    """The retry uses the same connection, because there is only one for probes."""
    lake = new_lake.set("queryd", probes_max=1).start()
    for n in range(2):
        lake.files.put(f"numbers-{n}", b"no Parquet file at all")
        lake.catalog.put_keys(f"numbers-{n}", lake.files.key(f"numbers-{n}"))
        lake.queryd.wait_for_line("WARN", f"numbers-{n}", "No magic bytes")
        lake.files.put_rows(f"numbers-{n}", f"SELECT {n} AS n")
        lake.wait_for_rows(f"numbers-{n}", [[n]])
