"""The result cache: its hits, its exceptions, and the headers that control it."""

import os
import signal

import pytest
from harness.client import Answer, Client
from harness.engine import engine_pid, metric
from harness.lake import Lake
from harness.tokens import Tokens
from harness.waiting import wait_until

SUM = "SELECT sum(n)::BIGINT AS total FROM t"


@pytest.fixture
def cached(lake: Lake) -> Lake:
    """A lake with the datasets t and u, with one row each."""
    lake.add("t", "SELECT 1 AS n", key="t.parquet")
    lake.add("u", "SELECT 2 AS n", key="u.parquet")
    lake.wait_for_rows("t", [[1]])
    lake.wait_for_rows("u", [[2]])
    return lake


def status(answer: Answer) -> str:
    assert answer.status in (200, 304), answer.text
    return answer.headers["Cache-Status"]


def is_hit(answer: Answer) -> bool:
    return status(answer) == "tarn; hit"


def expect_reruns(client: Client, text: str) -> None:
    """Asserts that repetitions of the query are not answered from the cache."""
    for _ in range(2):
        assert not is_hit(client.sql(text))


def test_repetition_is_a_hit_with_the_same_response(cached):
    first = cached.query.sql(SUM)
    assert status(first) == "tarn; fwd=uri-miss; stored"
    hits = metric(cached.query, "tarn_result_cache_hits_total")
    second = cached.query.sql(SUM, {"X-Query-Id": "second"})
    assert is_hit(second)
    assert second.body == first.body
    for header in ("ETag", "Content-Type", "Vary", "X-Catalog-Revision", "Cache-Control"):
        assert second.headers[header] == first.headers[header], header
    assert metric(cached.query, "tarn_result_cache_hits_total") == hits + 1
    record = cached.query.get("/queries/second").json()
    assert record["cached"] is True
    assert record["state"] == "succeeded"
    assert record["rows"] == 1
    assert record["bytes"] == len(second.body)


def test_hit_does_not_need_the_engine(cached):
    first = cached.query.sql(SUM)
    engine = engine_pid(cached.queryd)
    os.kill(engine, signal.SIGSTOP)
    try:
        assert cached.query.sql(SUM).body == first.body
    finally:
        os.kill(engine, signal.SIGCONT)


def test_new_version_of_a_dataset_invalidates_its_results(cached):
    assert cached.query.sql(SUM).rows() == [[1]]
    assert cached.query.sql("SELECT n FROM u").rows() == [[2]]
    cached.add("t", "SELECT 40 AS n", key="t2.parquet")
    wait_until(lambda: cached.query.sql(SUM).rows() == [[40]], "t has the new rows")
    assert is_hit(cached.query.sql(SUM))
    after = cached.query.sql("SELECT n FROM u")
    assert is_hit(after), "u has not changed"
    revision = cached.catalog.revision()
    wait_until(
        lambda: int(cached.query.sql("SELECT n FROM u").headers["X-Catalog-Revision"]) == revision,
        "the answer has the revision that queries see",
    )


def test_deleted_dataset_is_not_answered_from_the_cache(cached):
    assert cached.query.sql(SUM).status == 200
    cached.catalog.delete("t")
    cached.wait_until_gone("t")
    assert cached.query.sql(SUM).status == 400
    cached.catalog.put_keys("t", cached.files.key("u.parquet"))
    wait_until(lambda: cached.query.sql(SUM).status == 200, "t can be queried again")
    assert cached.query.sql(SUM).rows() == [[2]]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT random() FROM t",
        "SELECT now(), n FROM t",
        "SELECT current_date FROM t",
        "SELECT n FROM t WHERE current_timestamp > TIMESTAMP '2000-01-01'",
        "SELECT age(TIMESTAMP '2000-01-01') FROM t",
        "SELECT uuid()",
        "FROM t USING SAMPLE 50%",
        "FROM query('SELECT random()')",
        "SHOW TABLES",
        "EXPLAIN ANALYZE FROM t",
        "SELECT table_name FROM information_schema.tables",
    ],
)
def test_volatile_queries_are_not_cached(cached, text):
    expect_reruns(cached.query, text)
    assert "ETag" not in cached.query.sql(text).headers


def test_errors_are_not_cached(cached):
    for _ in range(2):
        assert cached.query.sql("SELECT error(n::VARCHAR) FROM t").status == 400
        assert cached.query.sql("SELECT 'x'::INTEGER").status == 400
    assert metric(cached.query, "tarn_result_cache_hits_total") == 0


def test_options_that_change_the_response_are_part_of_the_key(cached):
    text = "SELECT n, ?::VARCHAR AS x FROM t, range(2000)"
    client = cached.query

    def ask(param="a", headers=None, **options) -> Answer:
        return client.sql(text, headers, params=[param], **options)

    variants = [
        ask,
        lambda: ask("b"),
        lambda: ask(headers={"Accept": "text/csv"}),
        lambda: ask(headers={"Accept": "application/x-ndjson"}),
        lambda: ask(headers={"Accept-Encoding": "gzip"}),
        lambda: ask(row_limit=1),
        lambda: ask(byte_limit=1000),
        lambda: ask(big_numbers="string"),
    ]
    first = [variant() for variant in variants]
    assert [status(answer) for answer in first] == ["tarn; fwd=uri-miss; stored"] * len(variants)
    second = [variant() for variant in variants]
    assert all(is_hit(answer) for answer in second)
    for before, after in zip(first, second, strict=True):
        assert before.body == after.body
        for header in ("Content-Encoding", "X-Truncated", "Content-Type", "ETag"):
            assert before.headers.get(header) == after.headers.get(header)
    assert ask(timeout_ms=1234).body == first[0].body
    assert is_hit(ask(timeout_ms=4321)), "a time limit does not change the result"


def test_etag_and_304(cached):
    first = cached.query.sql(SUM)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    for known in (tag, f'"x", {tag}', "*", f"W/{tag}"):
        answer = cached.query.sql(SUM, {"If-None-Match": known})
        assert answer.status == 304
        assert answer.body == b""
        assert answer.headers["ETag"] == tag
    fresh = cached.query.sql(SUM, {"If-None-Match": tag, "Cache-Control": "no-cache"})
    assert fresh.status == 304, "it ran and gave the same result"
    assert cached.query.sql(SUM, {"If-None-Match": '"other"'}).status == 200
    assert cached.query.sql(SUM, {"If-None-Match": "no tag"}).status == 400
    cached.add("t", "SELECT 5 AS n", key="t5.parquet")
    wait_until(
        lambda: cached.query.sql(SUM, {"If-None-Match": tag}).status == 200, "a changed result"
    )


def test_etag_is_the_same_after_a_restart(cached):
    tag = cached.query.sql(SUM).headers["ETag"]
    cached.queryd.stop()
    cached.start_queryd()
    cached.wait_for_rows("t", [[1]])
    answer = cached.query.sql(SUM, {"If-None-Match": tag})
    assert answer.status == 304
    assert not is_hit(answer)


def test_cache_control_bypasses_the_cache(cached):
    cached.query.sql(SUM)
    for asked in ("no-cache", "max-age=0"):
        answer = cached.query.sql(SUM, {"Cache-Control": asked})
        assert status(answer) == "tarn; fwd=request; stored"
    other = "SELECT n + 1 FROM t"
    for _ in range(2):
        assert status(cached.query.sql(other, {"Cache-Control": "no-store"})) == "tarn; fwd=request"
    assert not is_hit(cached.query.sql(other)), "it was not cached"


def test_streamed_results_are_not_cached(cached):
    expect_reruns(cached.query, "SELECT repeat('x', 1000) AS x FROM t, range(3000)")


def test_memory_of_the_cache_is_limited(new_lake):
    lake = new_lake.set("queryd", result_cache_bytes=200_000).start()
    for i in range(50):
        assert lake.query.sql(f"SELECT {i}, repeat('x', 20000)").status == 200
    held = metric(lake.query, "tarn_result_cache_bytes")
    assert 100_000 < held <= 200_000
    assert metric(lake.query, "tarn_result_cache_evicted_total") > 30
    assert is_hit(lake.query.sql("SELECT 49, repeat('x', 20000)"))
    expect_reruns(lake.query, "SELECT repeat('x', 100000)")


def test_cache_can_be_disabled(new_lake):
    lake = new_lake.set("queryd", result_cache_bytes=0).start()
    expect_reruns(lake.query, "SELECT 1")
    tag = lake.query.sql("SELECT 1").headers["ETag"]
    assert lake.query.sql("SELECT 1", {"If-None-Match": tag}).status == 304


def test_tokens_with_different_datasets_do_not_share_results(new_lake):
    tokens = Tokens(new_lake)
    tokens.let_queryd_in()
    loader = tokens.create("loader", "catalog")
    both, other, wide = (
        tokens.create("both", "query", datasets=("t", "u")),
        tokens.create("other", "query", datasets=("u",)),
        tokens.create("all", "query"),
    )
    lake = new_lake.start()
    lake.catalog.token = loader
    lake.add("t", "SELECT 1 AS n", key="t.parquet")
    both, other, wide = (lake.query.with_token(token) for token in (both, other, wide))
    wait_until(lambda: wide.sql(SUM).status == 200, "t can be queried")
    wait_until(lambda: both.sql(SUM).status == 200, "t can be queried")
    assert is_hit(both.sql(SUM))
    assert is_hit(wide.sql(SUM))
    for _ in range(2):
        assert other.sql(SUM).status == 400
    same = tokens.create("same", "query", datasets=("u", "t"))
    wait_until(
        lambda: lake.query.with_token(same).sql("SELECT 1").status == 200, "the token is accepted"
    )
    assert is_hit(lake.query.with_token(same).sql(SUM)), (
        "tokens with the same datasets share results"
    )
