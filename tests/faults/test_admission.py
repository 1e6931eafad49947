"""More queries than slots: queries wait in turn, within limits, and get an error beyond them."""

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.engine import metric, states, wait_for_count, wait_for_state
from harness.queries import ENDLESS
from harness.waiting import wait_until

QUICK = "SELECT sum(n * {}) FROM range(200000) t(n)"
TARGETS = ("/healthz", "/readyz", "/metrics", "/queries")


@pytest.fixture
def full(new_lake):
    """Two slots and a queue of three queries, all in use."""
    new_lake.set(
        "queryd", max_concurrent_queries=2, queue_limit=3, queue_timeout="60s", refresh_every="50ms"
    ).start()
    wait_until(new_lake.query.ready, "ready")
    connections = [new_lake.query.send_sql(ENDLESS, f"q{i}") for i in range(5)]
    wait_for_count(new_lake.query, "running", 2)
    wait_for_count(new_lake.query, "queued", 3)
    yield new_lake
    for connection in connections:
        connection.close()


def test_200_clients_with_two_slots_are_all_served_in_turn(new_lake):
    new_lake.set("queryd", max_concurrent_queries=2, queue_timeout="60s").start()
    clients, each = 200, 3
    waits: list[float] = []

    def ask(number: int) -> None:
        for _ in range(each):
            begin = time.monotonic()
            answer = new_lake.query.sql(QUICK.format(number))
            waits.append(time.monotonic() - begin)
            assert answer.rows() == [[19999900000 * number]]

    begin = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(ask, range(clients)))
    whole = time.monotonic() - begin
    waits.sort()
    print(
        f"{clients * each} queries in {whole:.1f} s, half within {waits[len(waits) // 2]:.2f} s, "
        f"the slowest {waits[-1]:.2f} s"
    )
    # No client waits much longer than the time of one query from each client.
    assert waits[-1] < 2.5 * whole / each + 5
    assert metric(new_lake.query, "tarn_queries_running") == 0
    assert metric(new_lake.query, "tarn_queries_queued") == 0


def test_queued_queries_run_in_the_order_of_arrival(new_lake):
    new_lake.set("queryd", max_concurrent_queries=1, queue_timeout="60s").start()
    ids = [f"n{i}" for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        first = new_lake.query.send_sql(ENDLESS, "first")
        wait_for_state(new_lake.query, "running", "first")
        asked = []
        for query_id in ids:
            asked.append(pool.submit(new_lake.query.sql, "SELECT 1", {"X-Query-Id": query_id}))
            wait_for_state(new_lake.query, "queued", query_id)
        first.close()
        assert [query.result().status for query in asked] == [200] * 8
    # GET /queries lists the last ended query first.
    assert [known for known in states(new_lake.query) if known in ids] == ids[::-1]


def test_query_beyond_the_queue_is_503_at_once(full):
    begin = time.monotonic()
    answer = full.query.sql("SELECT 1")
    assert time.monotonic() - begin < 8
    message = answer.expect_error(503, "query: too many queries: 2 run and 3 wait")
    assert "try again later" in message
    assert int(answer.headers["Retry-After"]) >= 1
    assert list(states(full.query).values()).count("queued") == 3


def test_full_server_still_reports_its_state(full):
    slowest = dict.fromkeys(TARGETS, 0.0)
    for _ in range(50):
        for target in TARGETS:
            begin = time.monotonic()
            assert full.query.get(target).status == 200
            slowest[target] = max(slowest[target], time.monotonic() - begin)
    print("slowest of 50:", {name: f"{took * 1000:.0f} ms" for name, took in slowest.items()})
    assert max(slowest.values()) < 5
    assert metric(full.query, "tarn_queries_running") == 2
    assert metric(full.query, "tarn_queries_queued") == 3


def test_full_server_still_follows_the_catalogue(full):
    full.add("numbers", "SELECT 42 AS n")
    full.queryd.wait_for_line("refresh created=1")
    assert full.query.request("DELETE", "/queries/q0").status == 204


def test_free_slots_go_to_queued_queries(full):
    for i in range(3):
        assert full.query.request("DELETE", f"/queries/q{i}").status == 204
    wait_for_state(full.query, "running", "q3", "q4")
    assert metric(full.query, "tarn_queries_queued") == 0


def test_query_queued_for_too_long_is_503(new_lake):
    new_lake.set("queryd", max_concurrent_queries=1, queue_timeout="300ms").start()
    with new_lake.query.send_sql(ENDLESS, "runs"):
        wait_for_state(new_lake.query, "running", "runs")
        begin = time.monotonic()
        answer = new_lake.query.sql("SELECT 1")
        took = time.monotonic() - begin
    answer.expect_error(503, "query: too many queries: none of 1 ended within 300ms")
    assert int(answer.headers["Retry-After"]) >= 1
    assert 0.3 <= took < 10


def test_queue_of_zero_refuses_queries_without_a_slot(new_lake):
    new_lake.set("queryd", max_concurrent_queries=1, queue_limit=0).start()
    assert new_lake.query.sql("SELECT 1").status == 200
    with new_lake.query.send_sql(ENDLESS, "runs"):
        wait_for_state(new_lake.query, "running", "runs")
        assert new_lake.query.sql("SELECT 1").status == 200, "the result cache answers the query"
        new_lake.query.sql("SELECT 2").expect_error(503, "query: too many queries")


def test_connection_stays_usable_after_a_refusal(full):
    connection = http.client.HTTPConnection(full.query.address, timeout=30)

    def ask() -> int:
        connection.request("POST", "/sql", json.dumps({"sql": "SELECT 1"}))
        return full.query.read(connection.getresponse(), "a kept connection").status

    assert [ask() for _ in range(3)] == [503] * 3
    used = connection.sock
    for i in range(5):
        full.query.request("DELETE", f"/queries/q{i}")
    wait_for_count(full.query, "cancelled", 5)
    assert ask() == 200
    assert connection.sock is used
    connection.close()
