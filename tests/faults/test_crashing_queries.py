"""Queries that crash their engine: they are identified, and other queries get no error."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Answer, Client
from harness.engine import (
    engine_pid,
    engine_pids,
    failures,
    isolated_pid,
    metric,
    wait_for_state,
)
from harness.lake import Lake
from harness.queries import ENDLESS
from harness.tokens import Tokens
from harness.waiting import wait_until

REFUSED = "query: this query ended or broke two engine processes, so it is refused for "
LAYERS = "[" * 50 + "a" + "]" * 50
# Each crashes DuckDB 1.5.5. Sort keys of a large VARIANT are written out of bounds, and the
# comparison of a deep one overflows the stack.
CULPRITS = {
    "sort key": "SELECT v FROM (SELECT range(100000)::VARIANT AS v FROM range(2)) ORDER BY v",
    "group": "SELECT v FROM (SELECT range(100000)::VARIANT AS v FROM range(2)) GROUP BY v",
    "depth": f"""SELECT v = v FROM (SELECT list_reduce(
        list_transform(range(600), lambda x: x::VARIANT), lambda a, x: {LAYERS}::VARIANT) AS v)""",
}
NEIGHBOURS = 4


def crash_twice(lake: Lake, text: str, query_id: str, client: Client | None = None) -> Answer:
    """Runs an endless query, crashes its engine, and then the engine in which it runs alone."""
    client = client or lake.query
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.sql, text, {"X-Query-Id": query_id})
        wait_for_state(client, "running", query_id)
        os.kill(engine_pid(lake.queryd), signal.SIGSEGV)
        os.kill(isolated_pid(lake.queryd, query_id), signal.SIGSEGV)
        return asked.result(timeout=60)


def ask_until(over: threading.Event, client: Client) -> list[Answer]:
    answers = []
    while not over.is_set():
        answers.append(client.sql("SELECT count(*) FROM range(2000000) t(n) WHERE n % 7 = 0"))
    return answers


def test_query_that_crashes_two_engines_is_refused_temporarily(new_lake):
    new_lake.set("queryd", quarantine_time="5s").start()
    answer = crash_twice(new_lake, ENDLESS, "culprit")
    answer.expect_error(500, "query: the engine process ended while this query ran, twice")
    refused = new_lake.query.sql(ENDLESS)
    refused.expect_error(400, REFUSED + "5s (queryd.quarantine_time)")
    assert metric(new_lake.query, 'tarn_queries_refused_total{reason="query"}') == 1
    new_lake.queryd.wait_for_line(
        "WARN", "a query ended or broke two engine processes", "query_id=culprit"
    )
    assert new_lake.query.sql("SELECT 42").rows() == [[42]]

    def runs_again() -> bool:
        return new_lake.query.sql(ENDLESS, timeout_ms=100).status == 504

    wait_until(runs_again, "the query is no longer refused", 30)


def test_other_queries_in_a_crashed_engine_get_no_error(new_lake):
    new_lake.set("queryd", max_concurrent_queries=8).start()
    over = threading.Event()
    with ThreadPoolExecutor(NEIGHBOURS) as pool:
        neighbours = [pool.submit(ask_until, over, new_lake.query) for _ in range(NEIGHBOURS)]
        try:
            for number in range(3):
                answer = crash_twice(new_lake, f"{ENDLESS} -- {number}", f"culprit-{number}")
                assert answer.status == 500
        finally:
            over.set()
        answers = [answer for neighbour in neighbours for answer in neighbour.result()]
    print(f"{len(answers)} queries beside six crashes")
    assert all(answer.rows() == [[285715]] for answer in answers)
    wait_until(lambda: len(engine_pids(new_lake.queryd)) == 1, "the isolated engine has ended")


@pytest.mark.parametrize("name", CULPRITS)
def test_repeated_crashing_query_causes_no_errors_for_others(new_lake, name):
    new_lake.set("queryd", max_concurrent_queries=8).start()
    over = threading.Event()
    with ThreadPoolExecutor(NEIGHBOURS) as pool:
        neighbours = [pool.submit(ask_until, over, new_lake.query) for _ in range(NEIGHBOURS)]
        try:
            statuses = [new_lake.query.sql(CULPRITS[name]).status for _ in range(20)]
        finally:
            over.set()
        answers = [answer for neighbour in neighbours for answer in neighbour.result()]
    starts = metric(new_lake.query, "tarn_engine_starts_total")
    print(f"{statuses}; {len(answers)} queries beside them; {starts:.0f} engines")
    assert all(answer.rows() == [[285715]] for answer in answers)
    # One crash in the shared engine, and one in its own.
    assert statuses == [500] + [400] * 19
    assert failures(new_lake.query) == 2
    assert starts == 2


def test_same_crashing_query_many_times_at_once_crashes_two_engines(new_lake):
    new_lake.set("queryd", max_concurrent_queries=8).start()
    with ThreadPoolExecutor(5) as pool:
        ids = [f"culprit-{number}" for number in range(5)]
        asked = [pool.submit(new_lake.query.sql, ENDLESS, {"X-Query-Id": id}) for id in ids]
        wait_for_state(new_lake.query, "running", *ids)
        os.kill(engine_pid(new_lake.queryd), signal.SIGSEGV)
        line = new_lake.queryd.wait_for_line("a query runs in an isolated engine process")
        os.kill(int(line.rpartition("pid=")[2]), signal.SIGSEGV)
        statuses = sorted(query.result().status for query in asked)
    assert statuses == [400, 400, 400, 400, 500]
    assert failures(new_lake.query) == 2


def test_token_has_a_budget_of_crashes(new_lake):
    tokens = Tokens(new_lake)
    tokens.let_queryd_in()
    bad_token, good_token = tokens.create("bad"), tokens.create("good")
    new_lake.set("queryd", crashes_max=2).start()
    bad, good = new_lake.query.with_token(bad_token), new_lake.query.with_token(good_token)
    for number in range(2):
        answer = crash_twice(new_lake, f"{ENDLESS} -- {number}", f"bad-{number}", bad)
        assert answer.status == 500
    refused = bad.sql("SELECT 42")
    refused.expect_error(
        503, "query: queries of this token ended or broke 2 engine processes within 5m"
    )
    assert good.sql("SELECT 42").rows() == [[42]]
    new_lake.queryd.wait_for_line("WARN", "ended or broke too many engine processes", "user=bad")


def test_query_that_succeeds_alone_is_no_longer_suspected(lake):
    text = "SELECT count(*) FROM range(60000) a(n), range(3000) b(n) WHERE (a.n + b.n) % 7 = 8"
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lake.query.sql, text, {"X-Query-Id": "innocent"})
        wait_for_state(lake.query, "running", "innocent")
        os.kill(engine_pid(lake.queryd), signal.SIGSEGV)
        assert asked.result().rows() == [[0]]
    assert lake.query.sql(text, {"Cache-Control": "no-store"}).rows() == [[0]]
    assert len(lake.queryd.lines("a query runs in an isolated engine process")) == 1


def test_cached_results_of_a_crashed_engine_are_dropped(lake):
    lake.add("numbers", "SELECT 42 AS n")
    lake.wait_for_rows("numbers", [[42]])
    text = "SELECT n + 1 FROM numbers"

    def cache_status() -> str:
        answer = lake.query.sql(text)
        assert answer.rows() == [[43]]
        return answer.headers["Cache-Status"]

    assert "stored" in cache_status()
    assert cache_status() == "tarn; hit"
    former = engine_pid(lake.queryd)
    os.kill(former, signal.SIGSEGV)
    wait_until(lambda: engine_pid(lake.queryd) != former, "another engine is ready")
    assert "stored" in cache_status()
    assert cache_status() == "tarn; hit"
