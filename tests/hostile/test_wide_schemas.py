"""Datasets with many objects or many columns take bounded memory in queryd, and fail alone."""

import json
import os
import signal

from harness.engine import engine_pid, failures, metric, resident_bytes
from harness.tokens import Tokens
from harness.waiting import wait_until


def wide(columns: int, name_bytes: int) -> str:
    """A SELECT with long names."""
    return "SELECT " + ", ".join(
        f'{number} AS "c{number:05}{"x" * (name_bytes - 6)}"' for number in range(columns)
    )


def errors(client) -> dict[str, str]:
    return {each["name"]: each["error"] for each in client.get("/catalog/status").json()["failed"]}


def test_dataset_with_too_many_bytes_of_columns_fails_alone(new_lake):
    lake = new_lake.set("queryd", schema_bytes_max=100_000).start()
    lake.add("narrow", wide(1000, 80), key="narrow.parquet")
    lake.add("wide", wide(1000, 110), key="wide.parquet")
    wait_until(lambda: "wide" in errors(lake.query), "the dataset is refused")
    error = errors(lake.query)["wide"]
    assert "the names and types of its columns take 1" in error
    assert "at most 100000 are allowed (queryd.schema_bytes_max)" in error
    lake.query.sql("FROM wide").expect_error(400, 'query: dataset "wide": it is registered, but')
    wait_until(
        lambda: lake.query.sql("SELECT count(*) FROM narrow").status == 200,
        "the other dataset can be queried",
    )
    assert 80_000 < metric(lake.query, "tarn_schema_bytes") < 100_000
    columns = lake.query.get("/catalog/datasets?columns=true").json()["datasets"][0]["columns"]
    assert len(columns) == 1000 and columns[7] == {"name": "c00007" + "x" * 74, "type": "INTEGER"}

    lake.add("wide", "SELECT 1 AS id", key="mended.parquet")
    lake.wait_for_rows("wide", [[1]])


def test_columns_of_one_token_leave_memory_for_others(new_lake):
    """90 KB each, 1 MB in all: the token with many datasets gets half."""
    lake = new_lake.set("queryd", schemas_bytes_max=1_000_000)
    tokens = Tokens(lake)
    tokens.let_queryd_in()
    red, blue, reader = (
        tokens.create("red", "catalog"),
        tokens.create("blue", "catalog"),
        tokens.create("reader"),
    )
    lake.start()
    key = lake.files.put_rows("wide.parquet", wide(1000, 80))
    client = lake.query.with_token(reader)
    for number in range(12):
        lake.catalog.with_token(red).put_keys(f"red{number}", key)
    wait_until(
        lambda: len(errors(client)) == 7, lambda: f"five datasets are read\n{lake.queryd.log_tail}"
    )
    assert all('token "red" may take 500000' in error for error in errors(client).values())
    lake.catalog.with_token(blue).put_keys("blue", key)
    wait_until(lambda: client.sql("SELECT count(*) FROM blue").status == 200, "blue has memory")
    # The retry of another dataset uses the memory that is free again.
    live = next(f"red{n}" for n in range(12) if f"red{n}" not in errors(client))
    assert lake.catalog.with_token(red).delete(live).status == 204
    wait_until(lambda: len(errors(client)) == 6, "another dataset is read", limit_s=60)


def test_engine_with_little_memory_starts_with_all_columns_and_lists_them(new_lake):
    """The names have 132 MB. The engine accepts a tenth of its hard limit, which is 631 MB."""
    lake = new_lake.set("queryd", memory_limit="300MB", threads=2).start()
    key = lake.files.put_rows("wide.parquet", wide(5000, 660))
    for number in range(40):
        lake.catalog.put_keys(f"d{number}", key)

    def is_full() -> bool:
        refused = [e for e in errors(lake.query).values() if "queryd.schemas_bytes_max" in e]
        return bool(refused) and metric(lake.query, "tarn_schema_bytes") > 50_000_000

    wait_until(is_full, lambda: f"no further one fits\n{lake.queryd.log_tail}", limit_s=120)
    os.kill(engine_pid(lake.queryd), signal.SIGKILL)
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    columns = "SELECT count(*) FROM duckdb_columns() WHERE NOT internal"
    assert 15 * 5000 <= lake.query.sql(columns).rows()[0][0] <= 20 * 5000
    assert failures(lake.query) == 1


def test_many_wide_footers_at_once_do_not_exhaust_the_probe_process(new_lake):
    """Each footer takes about 110 MB to decode. With as many at once as there are threads for it,
    the process ended again and again, and none of the datasets became available."""
    lake = new_lake.set("queryd", memory_limit="600MB", schemas_bytes_max=230_000_000).start()
    keys = [
        lake.files.put_rows(f"wide{number}.parquet", wide(5000, 660 + number))
        for number in range(4)
    ]
    for number in range(60):
        lake.catalog.put_keys(f"d{number}", keys[number % len(keys)])
    lake.add("narrow", "SELECT 42 AS id")
    lake.wait_for_rows("narrow", [[42]])
    beginning = len(lake.query.get("/catalog/status?limit=100").json()["being_read"])
    assert beginning > 40, "the wide datasets have not been read yet"

    wait_until(
        lambda: metric(lake.query, "tarn_schema_bytes") > 60 * 3_300_000,
        lambda: f"all are read\n{lake.queryd.log_tail}",
        limit_s=120,
    )
    assert errors(lake.query) == {}
    assert lake.queryd.lines("process ended") == []


def test_objects_with_too_many_different_columns_fail_alone(new_lake):
    """Each object has 660 KB of names of its own. The process may have 10 MB of them."""
    lake = new_lake.set("queryd", probe_memory_limit="20MB").start()
    keys = [
        lake.files.put_rows(f"{number}.parquet", wide(1000, 660).replace('"c', f'"n{number}c'))
        for number in range(30)
    ]
    lake.catalog.put_keys("wide", *keys)
    lake.add("narrow", "SELECT 42 AS id")
    lake.wait_for_rows("narrow", [[42]])
    wait_until(lambda: "wide" in errors(lake.query), "the dataset is refused")
    assert (
        "need more than half of queryd.probe_memory_limit (20000000 bytes)"
        in (errors(lake.query)["wide"])
    )
    lake.catalog.put_keys("wide", keys[0])
    wait_until(
        lambda: lake.query.sql("SELECT count(*) FROM wide").status == 200, "it is read", limit_s=60
    )
    assert lake.queryd.lines("process ended") == []


def test_objects_of_a_manifest_take_memory_near_its_text(new_lake):
    """100,000 objects once took 8 times as much. The objects do not exist."""
    lake = new_lake.start()
    objects = [
        {
            "key": f"{'x' * 30}/year=2026/month=01/part-{number:08}.parquet",
            "size": 123_456,
            "etag": f"{number:032x}",
        }
        for number in range(100_000)
    ]
    body = json.dumps({"objects": objects}, separators=(",", ":"))
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    front = lake.queryd.process.pid
    before = resident_bytes(front)
    assert lake.catalog.put("large", body).status == 201
    wait_until(lambda: "large" in errors(lake.query), "the dataset has failed", limit_s=60)
    wait_until(
        lambda: resident_bytes(front) - before < 2 * len(body),
        lambda: f"{(resident_bytes(front) - before) / 1e6:.0f} MB for {len(body) / 1e6:.0f} MB",
    )
    assert lake.query.get("/catalog/status?dataset=large").json()["failed_count"] == 1


def test_status_lists_the_first_of_many_datasets(new_lake):
    lake = new_lake.start()
    for number in range(30):
        lake.catalog.put_keys(f"d{number:02}", "nowhere.parquet")
    wait_until(
        lambda: lake.query.get("/catalog/status").json()["failed_count"] == 30,
        "all datasets have failed",
    )
    status = lake.query.get("/catalog/status?limit=10").json()
    assert [each["name"] for each in status["failed"]] == [f"d{number:02}" for number in range(10)]
    assert status["failed_count"] == 30 and status["truncated"] is True
    one = lake.query.get("/catalog/status?limit=10&dataset=d20").json()
    assert [each["name"] for each in one["failed"]] == ["d20"] and "truncated" not in one
    lake.query.get("/catalog/status?limit=0").expect_error(400, "limit: must be a whole number")
