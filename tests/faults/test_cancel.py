"""A cancelled query ends at once: its slot is free, and nothing uses CPU."""

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Client
from harness.engine import (
    engine_pid,
    metric,
    states,
    wait_for_count,
    wait_for_state,
    wait_until_idle,
)
from harness.queries import ENDLESS
from harness.waiting import wait_until

# Computes forever after its first bytes, so the client has half of a response.
STREAM = "SELECT n, repeat('x', 1000) AS x FROM range(100000000) t(n)"
# The longest time until the slot is free on a loaded machine. On an idle one it is much shorter.
FREE_S = 10.0


@pytest.fixture
def one_at_a_time(new_lake):
    return new_lake.set("queryd", max_concurrent_queries=1).start()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def free_after(lake, what: str) -> float:
    """Returns the time until the only slot is free. The engine is still the same."""
    begin = time.monotonic()
    answer = lake.query.sql("SELECT 42")
    took = time.monotonic() - begin
    assert answer.rows() == [[42]]
    print(f"{what}: the place was free after {took:.3f} s")
    assert took < FREE_S
    return took


# --- the client disconnects


def leave(connection: socket.socket, how: str) -> None:
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_disconnect_before_the_first_byte_ends_the_query(one_at_a_time, how):
    lake = one_at_a_time
    pid = engine_pid(lake.queryd)
    connection = lake.query.send_sql(ENDLESS, "left")
    wait_for_state(lake.query, "running", "left")
    leave(connection, how)
    free_after(lake, how)
    wait_for_state(lake.query, "cancelled", "left")
    wait_until_idle(lake.queryd)
    assert engine_pid(lake.queryd) == pid


@pytest.mark.parametrize("how", ["close", "reset"])
def test_disconnect_during_the_response_ends_the_query(one_at_a_time, how):
    lake = one_at_a_time
    pid = engine_pid(lake.queryd)
    connection = lake.query.send_sql(STREAM, "left")
    got = 0
    while got < 3_000_000:
        got += len(connection.recv(1 << 20))
    assert states(lake.query)["left"] == "running"
    leave(connection, how)
    free_after(lake, how)
    wait_for_state(lake.query, "cancelled", "left")
    wait_until_idle(lake.queryd)
    assert engine_pid(lake.queryd) == pid


def test_queued_query_of_a_disconnected_client_never_runs(one_at_a_time):
    lake = one_at_a_time
    with lake.query.send_sql(ENDLESS, "runs"):
        wait_for_state(lake.query, "running", "runs")
        waiting = lake.query.send_sql(ENDLESS, "waits")
        wait_for_state(lake.query, "queued", "waits")
        waiting.close()
        wait_for_state(lake.query, "cancelled", "waits", limit_s=FREE_S)
        assert metric(lake.query, "tarn_queries_queued") == 0
        assert states(lake.query)["runs"] == "running"
    free_after(lake, "left")
    wait_until_idle(lake.queryd)


def test_many_disconnects_at_once_leave_no_queries(new_lake):
    new_lake.set("queryd", max_concurrent_queries=4, queue_limit=100).start()
    pid = engine_pid(new_lake.queryd)
    for number in range(3):
        ids = [f"q{number}-{i}" for i in range(40)]
        connections = [new_lake.query.send_sql(ENDLESS, i) for i in ids]
        wait_for_count(new_lake.query, "running", 4)
        wait_for_count(new_lake.query, "queued", 36)
        for connection in connections:
            connection.close()
        wait_for_state(new_lake.query, "cancelled", *ids)
    for name in ("running", "queued"):
        assert metric(new_lake.query, f"tarn_queries_{name}") == 0
    wait_until_idle(new_lake.queryd)
    assert engine_pid(new_lake.queryd) == pid
    assert metric(new_lake.query, 'tarn_queries_total{result="cancelled"}') == 120


# --- DELETE /queries/{id}


def test_delete_of_a_running_query(one_at_a_time, pool):
    lake = one_at_a_time
    asked = pool.submit(lake.query.sql, ENDLESS, {"X-Query-Id": "mine"})
    wait_for_state(lake.query, "running", "mine")
    begin = time.monotonic()
    assert lake.query.request("DELETE", "/queries/mine").status == 204
    answer = asked.result(timeout=10)
    print(f"its client knew after {time.monotonic() - begin:.3f} s")
    answer.expect_text_error(409, "query: cancelled by DELETE /queries/mine")
    assert answer.headers["X-Query-Id"] == "mine"
    free_after(lake, "DELETE")
    assert states(lake.query)["mine"] == "cancelled"
    wait_until_idle(lake.queryd)


def test_delete_of_a_queued_query(one_at_a_time, pool):
    lake = one_at_a_time
    with lake.query.send_sql(ENDLESS, "runs"):
        wait_for_state(lake.query, "running", "runs")
        asked = pool.submit(lake.query.sql, "SELECT 1", {"X-Query-Id": "waits"})
        wait_for_state(lake.query, "queued", "waits")
        assert lake.query.request("DELETE", "/queries/waits").status == 204
        answer = asked.result(timeout=10)
        answer.expect_text_error(409, "query: cancelled by DELETE /queries/waits")
        assert states(lake.query) == {"runs": "running", "waits": "cancelled"}


def test_delete_during_a_response_aborts_it(one_at_a_time):
    lake = one_at_a_time
    connection = http.client.HTTPConnection(lake.query.address, timeout=30)
    connection.request("POST", "/sql", json.dumps({"sql": STREAM}), {"X-Query-Id": "half"})
    response = connection.getresponse()
    assert len(response.read(1_000_000)) == 1_000_000
    assert lake.query.request("DELETE", "/queries/half").status == 204
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        response.read()
    free_after(lake, "DELETE")
    wait_for_state(lake.query, "cancelled", "half")


def wait_until_stalled(client: Client, query_id: str) -> None:
    """Waits until the buffers to a client that reads nothing are full."""
    seen: list[int] = []

    def stalled() -> bool:
        seen.append(client.get(f"/queries/{query_id}").json()["bytes"])
        return len(seen) > 4 and seen[-1] > 0 and len(set(seen[-4:])) == 1

    wait_until(stalled, "no more of the response is read", poll_s=0.3)


def test_delete_ends_a_query_although_its_client_reads_nothing(one_at_a_time):
    """The cancel does not wait until the client reads."""
    lake = one_at_a_time
    with lake.query.send_sql(STREAM, "stalled") as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        wait_until_stalled(lake.query, "stalled")
        assert lake.query.request("DELETE", "/queries/stalled").status == 204
        wait_for_state(lake.query, "cancelled", "stalled", limit_s=FREE_S)
        free_after(lake, "DELETE")


def test_delete_of_ended_or_unknown_queries(shared_lake):
    client = shared_lake.query
    assert client.sql("SELECT 1", {"X-Query-Id": "ended"}).status == 200
    client.request("DELETE", "/queries/ended").expect_error(409, "the query has ended")
    client.request("DELETE", "/queries/nobody").expect_error(404, "there is no such query")
    client.get("/queries/nobody").expect_error(404, "there is no such query")
    assert client.get("/queries/ended").json()["state"] == "succeeded"


def test_id_of_a_running_query_cannot_be_used_by_another(shared_lake):
    with shared_lake.query.send_sql(ENDLESS, "twice"):
        wait_for_state(shared_lake.query, "running", "twice")
        assert shared_lake.query.sql("SELECT 1", {"X-Query-Id": "twice"}).status == 409
        assert states(shared_lake.query)["twice"] == "running"
    wait_for_state(shared_lake.query, "cancelled", "twice")
    assert shared_lake.query.sql("SELECT 1", {"X-Query-Id": "twice"}).rows() == [[1]]


# --- deadlines


def timed(client: Client, text: str, **options):
    begin = time.monotonic()
    return client.sql(text, **options), time.monotonic() - begin


@pytest.mark.parametrize("timeout_ms", [1, 50, 700])
def test_query_that_exceeds_its_deadline_is_504(one_at_a_time, timeout_ms):
    answer, took = timed(one_at_a_time.query, ENDLESS, timeout_ms=timeout_ms)
    answer.expect_text_error(504, f"query: timed out after {timeout_ms} ms")
    print(f"{timeout_ms} ms: answered after {took * 1000:.0f} ms")
    assert timeout_ms / 1000 <= took < timeout_ms / 1000 + FREE_S
    free_after(one_at_a_time, "the deadline")
    wait_until_idle(one_at_a_time.queryd)


def test_time_in_the_queue_counts_for_the_deadline(one_at_a_time):
    with one_at_a_time.query.send_sql(ENDLESS, "runs"):
        wait_for_state(one_at_a_time.query, "running", "runs")
        answer, took = timed(one_at_a_time.query, "SELECT 1", timeout_ms=300)
        answer.expect_text_error(504, "query: timed out after 300 ms")
        assert 0.3 <= took < 0.3 + FREE_S
        assert states(one_at_a_time.query)["runs"] == "running"


def test_server_limit_caps_the_request_limit(new_lake):
    new_lake.set("queryd", query_timeout="400ms").start()
    for options in ({}, {"timeout_ms": 60_000}):
        answer, took = timed(new_lake.query, ENDLESS, **options)
        answer.expect_text_error(504, "query: timed out after 400 ms")
        assert 0.4 <= took < 0.4 + FREE_S
    answer, _ = timed(new_lake.query, ENDLESS, timeout_ms=100)
    answer.expect_text_error(504, "query: timed out after 100 ms")


def test_deadline_during_a_response_aborts_it(one_at_a_time):
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        one_at_a_time.query.sql(STREAM, timeout_ms=500)
    free_after(one_at_a_time, "the deadline")
    wait_until_idle(one_at_a_time.queryd)


def test_deadline_ends_a_query_although_its_client_reads_nothing(one_at_a_time):
    lake = one_at_a_time
    with lake.query.send_sql(STREAM, "stalled", timeout_ms=4000):
        wait_for_state(lake.query, "running", "stalled")
        wait_until_stalled(lake.query, "stalled")
        wait_for_state(lake.query, "failed", "stalled", limit_s=4 + FREE_S)
        assert "timed out" in lake.query.get("/queries/stalled").json()["error"]
        free_after(lake, "the deadline")
