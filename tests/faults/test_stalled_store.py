"""The object store stalls in the middle of queries: deadlines apply, and other
requests continue."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.engine import alive, engine_pid, engine_pids, states, wait_for_state
from harness.waiting import wait_until

READ_ALL = "SELECT count(*), sum(n) FROM numbers"


@pytest.fixture
def behind_proxy(new_lake, make_proxy):
    """A lake with its store behind a proxy. After the views exist, only queries use the store."""
    proxy = make_proxy(new_lake.files.store.address)
    new_lake.set("s3", endpoint=proxy.url)
    new_lake.set(
        "queryd",
        refresh_every="1h",
        cancel_grace="500ms",
        max_concurrent_queries=4,
        queue_timeout="30s",
    )
    new_lake.start_catalogd()
    new_lake.add("numbers", "SELECT n, hash(n) AS h FROM range(300000) t(n)")
    new_lake.start_queryd()
    new_lake.wait_for_refresh("created=1")
    return new_lake, proxy


def test_deadline_holds_while_the_store_stalls(behind_proxy):
    lake, proxy = behind_proxy
    proxy.stall()
    begin = time.monotonic()
    answer = lake.query.sql(READ_ALL, timeout_ms=700)
    took = time.monotonic() - begin
    answer.expect_text_error(504, "query: timed out after 700 ms")
    print(f"700 ms: answered after {took * 1000:.0f} ms")
    assert 0.7 <= took < 10
    assert lake.query.sql("SELECT 42").rows() == [[42]]


def test_engine_with_a_stuck_query_is_replaced_without_refusals(behind_proxy):
    lake, proxy = behind_proxy
    former = engine_pid(lake.queryd)
    proxy.stall()
    over = threading.Event()
    slowest = [0.0]

    def ask() -> int:
        count = 0
        while not over.is_set():
            begin = time.monotonic()
            assert lake.query.sql("SELECT sum(n) FROM range(100) t(n)").rows() == [[4950]]
            slowest[0] = max(slowest[0], time.monotonic() - begin)
            count += 1
        return count

    with ThreadPoolExecutor(2) as pool:
        others = [pool.submit(ask) for _ in range(2)]
        try:
            lake.query.sql(READ_ALL, timeout_ms=300).expect_error(504, "query: timed out")
            lake.queryd.wait_for_line("a query does not end, replacing its engine")
            lake.queryd.wait_for(lambda: not alive(former), "the former engine has gone")
        finally:
            over.set()
        count = sum(other.result() for other in others)
    print(f"{count} queries beside the replacement, the slowest {slowest[0]:.2f} s")
    assert count > 10
    assert slowest[0] < 10
    assert engine_pid(lake.queryd) != former
    assert len(engine_pids(lake.queryd)) == 1
    proxy.pass_on()
    assert lake.query.sql(READ_ALL).rows() == [[300000, 44999850000]]


def test_stalled_queries_free_all_slots(behind_proxy):
    lake, proxy = behind_proxy
    proxy.stall()
    for number in range(3):
        ids = [f"q{number}-{i}" for i in range(4)]
        with ThreadPoolExecutor(4) as pool:
            asked = [
                pool.submit(lake.query.sql, READ_ALL, {"X-Query-Id": i}, timeout_ms=500)
                for i in ids
            ]
            assert [query.result().status for query in asked] == [504] * 4
        begin = time.monotonic()
        assert lake.query.sql("SELECT 42").rows() == [[42]]
        print(f"a place was free after {time.monotonic() - begin:.2f} s")
        assert time.monotonic() - begin < 5
    proxy.pass_on()
    assert lake.query.sql(READ_ALL).rows() == [[300000, 44999850000]]
    lake.queryd.wait_for(lambda: len(engine_pids(lake.queryd)) == 1, "the former ones have gone")


def test_query_continues_when_the_store_is_back(behind_proxy):
    lake, proxy = behind_proxy
    proxy.stall()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lake.query.sql, READ_ALL, {"X-Query-Id": "waits"})
        wait_until(lambda: proxy.held() > 0, "the query waits for the store")
        assert states(lake.query)["waits"] == "running"
        proxy.pass_on()
        assert asked.result().rows() == [[300000, 44999850000]]


def test_delete_of_a_query_that_waits_for_the_store(behind_proxy):
    lake, proxy = behind_proxy
    proxy.stall()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lake.query.sql, READ_ALL, {"X-Query-Id": "waits"})
        wait_until(lambda: proxy.held() > 0, "the query waits for the store")
        begin = time.monotonic()
        assert lake.query.request("DELETE", "/queries/waits").status == 204
        asked.result().expect_text_error(409, "query: cancelled by DELETE /queries/waits")
        assert time.monotonic() - begin < 10
        wait_for_state(lake.query, "cancelled", "waits")
