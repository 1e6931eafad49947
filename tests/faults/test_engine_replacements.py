"""An engine that is replaced again and again: processes and their memory stay bounded."""

import os
import signal
import socket

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness.engine import engine_pid, engine_pids, metric, resident_bytes
from harness.lake import Lake
from harness.waiting import wait_until

MEMORY_LIMIT = 500_000_000
# queryd's default: the hard limit, and half of memory_limit.
ENGINES_LIMIT = MEMORY_LIMIT * 5 // 4 + 256_000_000 + MEMORY_LIMIT // 2
# DuckDB holds some 350 MB of it while its reader takes nothing.
LARGE_SORT = "SELECT range, repeat('x', 100) AS x FROM range(3000000) ORDER BY hash(range)"
# The text of a negative TIME is not UTF-8, which lower() finds out: an INTERNAL error, after which
# the engine is replaced.
BREAKING = "SELECT lower(t::VARCHAR) FROM bad"


@pytest.fixture
def breakable(new_lake) -> Lake:
    new_lake.set("queryd", memory_limit="500MB", threads=2, max_concurrent_queries=4).start()
    times = pa.array([-7_000_051], pa.int64()).cast(pa.time64("us"), safe=False)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"t": times}), sink)
    key = new_lake.files.put("bad.parquet", sink.getvalue().to_pybytes())
    new_lake.catalog.put_keys("bad", key)
    wait_until(lambda: new_lake.query.sql("SELECT 1 FROM bad").status == 200, "it is visible")
    return new_lake


def replace_engine(lake: Lake) -> None:
    former = engine_pid(lake.queryd)
    assert lake.query.sql(BREAKING).status == 400
    wait_until(lambda: engine_pid(lake.queryd) != former, "another engine is ready")


def kill_engine(lake: Lake) -> None:
    former = engine_pid(lake.queryd)
    os.kill(former, signal.SIGKILL)
    wait_until(lambda: engine_pid(lake.queryd) != former, "another engine is ready")


def test_engines_that_drain_do_not_add_up(breakable):
    lake = breakable
    readers: list[socket.socket] = []
    counts, totals = [], []
    try:
        for number in range(4):
            readers.append(lake.query.send_sql(LARGE_SORT, f"slow-{number}"))
            assert readers[-1].recv(1, socket.MSG_PEEK), "the stream has begun"
            replace_engine(lake)
            assert lake.query.sql("SELECT 42").rows() == [[42]]
            pids = engine_pids(lake.queryd)
            counts.append(len(pids))
            totals.append(sum(map(resident_bytes, pids)))
    finally:
        for reader in readers:
            reader.close()
    print(f"processes {counts}, MB {[total // 1_000_000 for total in totals]}")
    # The current one, one that drains, and one that was ended just now.
    assert max(counts) <= 3
    assert max(totals) < ENGINES_LIMIT
    # The next one that drained ended it, or the memory of all did, whichever came first.
    assert lake.queryd.lines("an engine that was replaced is ended") or lake.queryd.lines(
        "all engines together take more memory than they may"
    )


def test_starts_of_engines_are_paced(new_lake):
    new_lake.set("queryd", engine_starts_burst=2, engine_start_interval="1h").start()
    # The second start of the burst, and one of the engine's own.
    kill_engine(new_lake)
    kill_engine(new_lake)
    assert new_lake.query.sql("SELECT 42").rows() == [[42]]
    os.kill(engine_pid(new_lake.queryd), signal.SIGKILL)
    new_lake.queryd.wait_for_line("WARN", "too many engine processes started lately")
    assert metric(new_lake.query, "tarn_engine_delayed_starts_total") == 1
    assert new_lake.query.sql("SELECT 42", timeout_ms=300).status == 504
    assert engine_pids(new_lake.queryd) == []
