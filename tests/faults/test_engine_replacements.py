"""Repeated replacements of an engine: the number of processes and their memory stay bounded."""

import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness.client import Answer, Client
from harness.engine import engine_pid, engine_pids, metric, resident_bytes
from harness.lake import Lake
from harness.tokens import Tokens
from harness.waiting import wait_until

MEMORY_LIMIT = 500_000_000
# queryd's default for the hard limit, and half of memory_limit.
ENGINES_LIMIT = MEMORY_LIMIT * 5 // 4 + 256_000_000 + MEMORY_LIMIT // 2
# DuckDB buffers about 350 MB of the result while the client reads nothing.
LARGE_SORT = "SELECT range, repeat('x', 100) AS x FROM range(3000000) ORDER BY hash(range)"
# The text of a negative TIME is not UTF-8, which lower() reports as an INTERNAL error. The engine
# is then replaced.
BREAKING = "SELECT lower(t::VARCHAR) FROM bad"


@pytest.fixture
def breakable(new_lake) -> Lake:
    return make_breakable(new_lake)


def make_breakable(new_lake: Lake, token: str | None = None) -> Lake:
    new_lake.set("queryd", memory_limit="500MB", threads=2, max_concurrent_queries=4).start()
    query, catalog = new_lake.query, new_lake.catalog
    if token is not None:
        query, catalog = query.with_token(token), catalog.with_token(token)
    times = pa.array([-7_000_051], pa.int64()).cast(pa.time64("us"), safe=False)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"t": times}), sink)
    key = new_lake.files.put("bad.parquet", sink.getvalue().to_pybytes())
    catalog.put_keys("bad", key)
    wait_until(lambda: query.sql("SELECT 1 FROM bad").status == 200, "the dataset is visible")
    return new_lake


def replace_engine(lake: Lake, number: int) -> None:
    former = engine_pid(lake.queryd)
    # A different text each time, because a repeated one would run alone.
    assert lake.query.sql(f"{BREAKING} -- {number}").status == 400
    wait_until(lambda: engine_pid(lake.queryd) != former, "another engine is ready")


def kill_engine(lake: Lake) -> None:
    former = engine_pid(lake.queryd)
    os.kill(former, signal.SIGKILL)
    wait_until(lambda: engine_pid(lake.queryd) != former, "another engine is ready")


def ask_until(over: threading.Event, client: Client, vary: bool) -> list[Answer]:
    """Sends queries that break engines. With `vary`, each has another text."""
    answers: list[Answer] = []
    while not over.is_set():
        answers.append(client.sql(f"{BREAKING} -- {len(answers)}" if vary else BREAKING))
    return answers


def starts_of(client: Client) -> float:
    return metric(client, "tarn_engine_starts_total")


def seconds_query(client: Client, seconds: float) -> str:
    """Returns a query that runs for about this time on this machine."""
    text = "SELECT sum(a.n * b.n % 7) FROM range({}) a(n), range(1000) b(n)"
    rows = 20_000
    begin = time.monotonic()
    client.sql(text.format(rows)).rows()
    return text.format(int(rows * seconds / (time.monotonic() - begin)))


@pytest.mark.parametrize("vary", [False, True], ids=["same text", "other texts"])
def test_long_queries_succeed_while_others_break_engines(new_lake, vary):
    """One query runs in a process that drains, the other in a process that is replaced then."""
    tokens = Tokens(new_lake)
    tokens.let_queryd_in()
    bad_token, good_token = tokens.create("bad"), tokens.create("good", "query", "catalog", "admin")
    make_breakable(new_lake, good_token)
    bad, good = new_lake.query.with_token(bad_token), new_lake.query.with_token(good_token)
    long_query = seconds_query(good, 6)
    over = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(good.sql, long_query)
        bads = [pool.submit(ask_until, over, bad, vary) for _ in range(2)]
        try:
            begin = time.monotonic()
            wait_until(lambda: starts_of(good) >= 2, "an engine is replaced")
            second = pool.submit(good.sql, f"{long_query} -- second")
            assert [first.result().status, second.result().status] == [200, 200]
            seconds = time.monotonic() - begin
            begin = time.monotonic()
            assert good.sql("SELECT 42").rows() == [[42]]
            short_seconds = time.monotonic() - begin
        finally:
            over.set()
        answers = [answer for one in bads for answer in one.result()]
    starts = starts_of(good)
    isolated = metric(good, "tarn_engine_isolated_starts_total")
    retries = metric(good, "tarn_query_retries_total")
    print(
        f"{seconds:.1f} s, then {short_seconds:.2f} s beside {len(answers)} others; "
        f"{starts:.0f} engines and {isolated:.0f} isolated ones; "
        f"{retries:.0f} retries"
    )
    assert {answer.status for answer in answers} <= {400, 503}
    # The second query is interrupted at most twice before it runs alone.
    assert retries <= 2
    # The first process, and one for each broken process, at most crashes_max of a token.
    assert starts <= (3 if not vary else 12)


def test_draining_engines_do_not_accumulate(breakable):
    lake = breakable
    readers: list[socket.socket] = []
    counts, totals = [], []
    try:
        for number in range(4):
            readers.append(lake.query.send_sql(LARGE_SORT, f"slow-{number}"))
            assert readers[-1].recv(1, socket.MSG_PEEK), "the stream has started"
            replace_engine(lake, number)
            assert lake.query.sql("SELECT 42").rows() == [[42]]
            pids = engine_pids(lake.queryd)
            counts.append(len(pids))
            totals.append(sum(map(resident_bytes, pids)))
    finally:
        for reader in readers:
            reader.close()
    print(f"processes {counts}, MB {[total // 1_000_000 for total in totals]}")
    # The current process, one that drains, and one that was just ended.
    assert max(counts) <= 3
    assert max(totals) < ENGINES_LIMIT
    # The next process to drain, or the limit of the total memory, ended an earlier one.
    assert lake.queryd.lines("an engine that was replaced is ended") or lake.queryd.lines(
        "all engines together exceed their memory limit"
    )


def test_engine_starts_are_rate_limited(new_lake):
    new_lake.set("queryd", engine_starts_burst=2, engine_start_interval="1h").start()
    # The second start of the burst, and the start of an engine for one query.
    kill_engine(new_lake)
    kill_engine(new_lake)
    assert new_lake.query.sql("SELECT 42").rows() == [[42]]
    os.kill(engine_pid(new_lake.queryd), signal.SIGKILL)
    new_lake.queryd.wait_for_line("WARN", "too many engine processes started lately")
    assert metric(new_lake.query, "tarn_engine_delayed_starts_total") == 1
    assert new_lake.query.sql("SELECT 42", timeout_ms=300).status == 504
    assert engine_pids(new_lake.queryd) == []
