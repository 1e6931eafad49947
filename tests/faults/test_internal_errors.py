"""Objects that cause an INTERNAL error of DuckDB, after which its database refuses everything. The
query that caused it gets the error, and other queries are not affected."""

import concurrent.futures
import http.client
import json
import socket

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness.engine import engine_pid
from harness.lake import Lake
from harness.waiting import wait_until

# The text of a negative TIME is not UTF-8, which lower() reports.
CULPRIT = "SELECT lower(t::VARCHAR) FROM bad"
REASON = (
    "query: INTERNAL Error: invalid code point detected in Utf8Proc::UTF8ToCodepoint, "
    "likely due to invalid UTF-8\n"
)


@pytest.fixture
def culprit(lake):
    return make_culprit(lake)


def make_culprit(lake: Lake) -> Lake:
    times = pa.array([-7_000_051], pa.int64()).cast(pa.time64("us"), safe=False)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"t": times}), sink)
    lake.catalog.put_keys("bad", lake.files.put("bad.parquet", sink.getvalue().to_pybytes()))
    lake.add("good", "SELECT range AS n FROM range(1000)")
    wait_until(lambda: lake.query.sql("SELECT 1 FROM bad").status == 200, "the dataset is visible")
    return lake


def test_response_has_the_reason_without_a_stack_trace(culprit):
    """The second time the query runs alone, and then it is refused."""
    for _ in range(2):
        answer = culprit.query.sql(CULPRIT)
        assert (answer.status, answer.text) == (400, REASON)
    assert len(culprit.queryd.lines("a query runs in an isolated engine process")) == 1
    refused = culprit.query.sql(CULPRIT)
    refused.expect_error(400, "query: this query ended or broke two engine processes")
    assert culprit.query.sql("SELECT count(*) FROM good").rows() == [[1000]]
    assert culprit.queryd.lines("how=") == [], "no engine has crashed"


def test_without_tokens_other_queries_do_not_run_alone(new_lake):
    new_lake.set("queryd", crashes_max=2, engine_start_interval="1ms").start()
    lake = make_culprit(new_lake)
    for number in range(4):
        assert lake.query.sql(f"{CULPRIT} -- {number}").text == REASON
    assert lake.query.sql("SELECT count(*) FROM good").rows() == [[1000]]
    assert lake.queryd.lines("a query runs in an isolated engine process") == []


def test_queries_of_others_and_open_streams_continue(culprit):
    rows = 3_000_000
    with culprit.query.send_sql(f"FROM range({rows})", "stream") as stream:
        first = stream.recv(1, socket.MSG_PEEK)
        assert first, "the stream has started"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            culprits = [pool.submit(culprit.query.sql, CULPRIT) for _ in range(4)]
            others = [
                pool.submit(culprit.query.sql, "SELECT count(*) FROM good") for _ in range(60)
            ]
            assert {future.result().text for future in culprits} == {REASON}
            assert all(future.result().rows() == [[1000]] for future in others)
        response = http.client.HTTPResponse(stream)
        response.begin()
        answer = json.loads(response.read())
    assert (answer["row_count"], answer["rows"][-1]) == (rows, [rows - 1])


def test_user_errors_do_not_replace_the_engine(lake):
    """DuckDB reports the second error as INTERNAL, but keeps working."""
    engine = engine_pid(lake.queryd)
    for _ in range(10):
        assert lake.query.sql("SELECT 1e999 > 1").rows() == [[True]]
        answer = lake.query.sql("FROM repeat_row(1, num_rows := -1)")
        error = answer.expect_error(400, "query: INTERNAL Error: Information loss")
        assert "Stack Trace" not in error
        assert "0x" not in error
        assert "libduckdb" not in error
        for text in (
            "FATAL Error: database has been invalidated",
            "HTTP Error: ETag on reading file",
            "INTERNAL Error: x",
            "Out of Memory Error: x",
        ):
            answer = lake.query.sql(f"SELECT error('{text}')")
            answer.expect_error(400, f"query: Invalid Input Error: {text}")
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    assert engine_pid(lake.queryd) == engine
    assert len(lake.queryd.lines("engine starting")) == 1
    assert all('engine="goes on"' in line for line in lake.queryd.lines("DuckDB failed"))


def test_failed_allocation_in_duckdb_is_an_error(lake):
    for sql in (
        "SELECT reservoir_quantile(range, 0.5, 2000000000) FROM range(10)",
        "SELECT list_aggregate([1, 2], 'reservoir_quantile', 0.5, 2000000000)",
        "SELECT array_aggr([1, 2], 'RESERVOIR_QUANTILE', 0.5, 2000000000)",
    ):
        lake.query.sql(sql).expect_error(400, "query: refused, because DuckDB")
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    assert lake.queryd.lines("how=") == [], "no engine has crashed"
