"""Queries that need too much memory harm no others, least of all the front."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Client
from harness.engine import (
    Memory,
    alive,
    engine_pid,
    failures,
    metric,
    wait_until_idle,
)
from harness.waiting import wait_until

MEMORY_LIMIT = 1_000_000_000
# queryd's hard limit for these settings, and the memory of a process when it reaches the limit.
HARD_LIMIT = MEMORY_LIMIT * 5 // 4 + 256_000_000
FRONT_GROWTH_MAX = 100_000_000
NEIGHBOURS = 8

BOMBS = {
    "text": "SELECT length(repeat('x', 2000000000))",
    "items": "SELECT len(repeat(['a'], 1000000000))",
    "list": "SELECT len(list(range)) FROM range(1000000000)",
    "lists": "SELECT len(list(r)) FROM (SELECT range(1000000) AS r FROM range(10000))",
    "joined": "SELECT length(string_agg(repeat('x', 10000), ',')) FROM range(1000000)",
    "sorted": "SELECT a.range, b.range, repeat('x', 100) AS x FROM range(30000) a, range(30000) b"
    " ORDER BY hash(a.range, b.range) LIMIT 5000000 OFFSET 100000000",
    "groups": "SELECT count(*) FROM (SELECT a.range, b.range, any_value(repeat('y', 100))"
    " FROM range(30000) a, range(30000) b GROUP BY ALL)",
    "lpad": "SELECT max(length(lpad('', 500000000 + range::INT, 'x'))) FROM range(64)",
}


@pytest.fixture
def small(new_lake):
    """A lake with little memory, almost no space to spill, and several slots."""
    return new_lake.set(
        "queryd",
        memory_limit="1GB",
        temp_directory_limit="500MB",
        max_concurrent_queries=NEIGHBOURS + 2,
        threads=2,
    ).start()


def ask_until(over: threading.Event, client: Client, number: int) -> list[int]:
    """Runs normal queries and returns how each one ended."""
    statuses = []
    while not over.is_set():
        answer = client.sql(f"SELECT count(*), sum(n % {number + 2}) FROM range(100000) t(n)")
        statuses.append(answer.status)
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.text.startswith("query: ")
        else:
            right = sum(n % (number + 2) for n in range(100000))
            assert answer.rows() == [[100000, right]]
    return statuses


@pytest.mark.parametrize("bomb", BOMBS)
def test_memory_bomb_does_not_affect_normal_queries(small, bomb):
    lake = small
    front = lake.queryd.process.pid
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    over = threading.Event()
    with Memory(lake.queryd) as memory, ThreadPoolExecutor(NEIGHBOURS) as pool:
        neighbours = [pool.submit(ask_until, over, lake.query, i) for i in range(NEIGHBOURS)]
        begin = time.monotonic()
        try:
            answer = lake.query.sql(BOMBS[bomb], timeout_ms=6_000)
            took = time.monotonic() - begin
        finally:
            over.set()
        statuses = [status for client in neighbours for status in client.result()]
    print(
        f"{bomb}: {answer.status} after {took:.1f} s ({answer.text[:100].strip()}); {memory}; "
        f"{len(statuses)} queries beside it, {statuses.count(503)} of them 503; "
        f"{failures(lake.query):.0f} engines lost"
    )
    # The query succeeds, reports a lack of memory, or times out.
    assert answer.status in (200, 400, 503, 504), answer.text
    assert took < 25
    assert lake.queryd.process.pid == front
    assert memory.front_growth < FRONT_GROWTH_MAX, str(memory)
    assert memory.engine_peak < 1.1 * HARD_LIMIT, str(memory)
    assert statuses.count(200) > 0
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    wait_until_idle(lake.queryd)


def test_memory_bombs_at_once(small):
    """Each query gets a response, and all memory is freed."""
    lake = small
    with Memory(lake.queryd) as memory, ThreadPoolExecutor(len(BOMBS)) as pool:
        answers = list(
            pool.map(lambda bomb: lake.query.sql(bomb, timeout_ms=6_000), BOMBS.values())
        )
    print({name: a.status for name, a in zip(BOMBS, answers, strict=True)}, memory)
    assert all(answer.status in (200, 400, 503, 504) for answer in answers), [
        answer.text[:200] for answer in answers
    ]
    assert memory.front_growth < FRONT_GROWTH_MAX, str(memory)
    assert memory.engine_peak < 1.1 * HARD_LIMIT, str(memory)
    assert lake.query.sql("SELECT sum(n) FROM range(1000) t(n)").rows() == [[499500]]
    assert metric(lake.query, "tarn_queries_running") == 0
    wait_until_idle(lake.queryd)


def test_query_that_spills_succeeds(new_lake):
    """The result exceeds memory_limit, but fits into temp_directory."""
    new_lake.set("queryd", memory_limit="300MB", threads=2).start()
    with Memory(new_lake.queryd) as memory:
        answer = new_lake.query.sql(
            "SELECT count(*), sum(length(x)) FROM (SELECT hash(n) AS h, repeat('x', 100) || n AS x"
            " FROM range(4000000) t(n) ORDER BY h LIMIT 3999999)",
        )
    assert answer.rows()[0][0] == 3999999
    print("spilled:", memory)
    assert memory.engine_peak < 300_000_000 * 5 // 4 + 256_000_000


def test_spilled_data_is_limited(new_lake):
    """The same query as in the previous test, which has enough space there."""
    new_lake.set(
        "queryd",
        memory_limit="300MB",
        temp_directory_limit="50MB",
        threads=2,
        max_concurrent_queries=1,
    ).start()
    answer = new_lake.query.sql(
        "SELECT count(*), sum(length(x)) FROM (SELECT hash(n) AS h, repeat('x', 100) || n AS x"
        " FROM range(4000000) t(n) ORDER BY h LIMIT 3999999)"
    )
    answer.expect_error(400, "query: Out of Memory Error: ")
    assert new_lake.query.sql("SELECT 42").rows() == [[42]]


def test_ended_queries_free_their_memory(new_lake):
    new_lake.set(
        "queryd", memory_limit="200MB", temp_directory_limit="1MB", max_concurrent_queries=1
    ).start()
    # Each builds a list of 50 MB, which DuckDB would keep in the prepared statement.
    for number in range(20):
        answer = new_lake.query.sql(f"SELECT len(list(range)) + {number} FROM range(3000000)")
        assert answer.rows() == [[3000000 + number]], answer.text


def test_text_of_a_gigabyte_is_refused_and_others_continue(new_lake):
    """DuckDB does not count the memory of this scalar function."""
    new_lake.set("queryd", memory_limit="500MB", threads=2, max_concurrent_queries=4).start()
    for _ in range(3):
        answer = new_lake.query.sql("SELECT length(repeat('x', 2000000000))")
        answer.expect_error(400, "query: ")
    assert new_lake.query.sql("SELECT 42").rows() == [[42]]
    assert failures(new_lake.query) == 0


def test_hard_limit_applies_even_if_duckdbs_limit_is_larger(new_lake):
    """The operating system or queryd ends the process. The query gets an error, others continue."""
    new_lake.set(
        "queryd",
        memory_limit="2GB",
        memory_hard_limit="400MB",
        temp_directory_limit=0,
        threads=2,
        max_concurrent_queries=NEIGHBOURS + 2,
    ).start()
    over = threading.Event()
    with Memory(new_lake.queryd) as memory, ThreadPoolExecutor(2) as pool:
        neighbours = [pool.submit(ask_until, over, new_lake.query, i) for i in range(2)]
        try:
            answer = new_lake.query.sql(BOMBS["list"])
        finally:
            over.set()
        statuses = [status for client in neighbours for status in client.result()]
    lost = failures(new_lake.query)
    print(f"{answer.status} {answer.text[:150].strip()}; {memory}; {lost:.0f} engines lost")
    assert answer.status in (400, 503)
    assert statuses.count(200) > 0
    # The limit does not include stacks.
    assert memory.engine_peak < 700_000_000, str(memory)
    if lost:
        assert metric(new_lake.query, 'tarn_engine_failures_total{reason="memory"}') == lost
    assert new_lake.query.sql("SELECT 42").rows() == [[42]]


def test_new_engine_whose_memory_does_not_come_back_is_replaced(new_lake):
    """Clients that do not read hold all of it. Other queries run in the next engine."""
    new_lake.settings["http"] = {"write_timeout": "10m"}
    new_lake.set("queryd", memory_limit="100MB", temp_directory_limit=0, result_cache_bytes=0)
    new_lake.set("queryd", threads=2, max_concurrent_queries=60, slow_readers_max=60).start()
    needs_some = "SELECT count(*) FROM (SELECT DISTINCT range FROM range(400000))"

    def has_begun(query_id: str) -> bool:
        info = new_lake.query.get(f"/queries/{query_id}").json()
        return info["bytes"] > 0 or info["state"] == "failed"

    with contextlib.ExitStack() as stack:
        # A list that the query keeps as long as it has rows. At first they are large.
        for number in range(48):
            items = 2_000_000 >> (number // 8)
            text = f"""WITH kept AS MATERIALIZED (SELECT list(range) AS l FROM range({items}))
                SELECT n, len(l), repeat('y', 1000) FROM range(10000000) t(n), kept"""
            query_id = f"slow-{number}"
            stack.enter_context(new_lake.query.send_sql(text, query_id))
            wait_until(lambda query_id=query_id: has_begun(query_id), "the query starts or fails")

        def is_replaced() -> bool:
            answer = new_lake.query.sql(needs_some)
            assert answer.status == 200, answer.text
            lines = new_lake.queryd.lines("engine starting")
            return any("memory ran out" in line or "memory is exhausted" in line for line in lines)

        wait_until(is_replaced, lambda: f"it is replaced\n{new_lake.queryd.log_tail}", 60)
    assert failures(new_lake.query) == 0
    wait_until_idle(new_lake.queryd)


def test_engine_that_frees_memory_is_not_replaced_at_once(new_lake):
    new_lake.set("queryd", memory_limit="200MB", temp_directory_limit=0, threads=2).start()
    engine = engine_pid(new_lake.queryd)
    for number in range(3):
        answer = new_lake.query.sql(f"SELECT len(list(range)) + {number} FROM range(1000000000)")
        answer.expect_error(400, "query: Out of Memory Error: ")
        assert new_lake.query.sql("SELECT 42").rows() == [[42]]
    assert not new_lake.queryd.lines("memory is exhausted")
    assert alive(engine)
