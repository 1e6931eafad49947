"""Hive-style keys (name=value/): the parts of a key that are columns, their types and values."""

import json

import pytest
from harness.client import quoted
from harness.store import local_duckdb
from harness.tool import Tool, ok
from harness.waiting import wait_until


def columns_of(answer) -> list[list[str]]:
    return [[column["name"], column["type"]] for column in answer.json()["columns"]]


def add(lake, name: str, **objects: str) -> None:
    """Registers a dataset of objects, each with a key below the folder of the lake and a SELECT."""
    keys = [lake.files.put_rows(key, select) for key, select in objects.items()]
    lake.catalog.put_keys(name, *keys)


def wait_for(lake, name: str) -> None:
    wait_until(
        lambda: lake.select_all(name).status == 200,
        lambda: f"{name} is visible\n{lake.queryd.log_tail}",
    )


def notes(lake) -> list[dict]:
    return lake.query.get("/catalog/status").json()["notes"]


def test_values_become_columns_of_documented_types(lake):
    add(
        lake,
        "events",
        **{
            "events/day=2026-01-31/hour=7/code=007/a.parquet": "SELECT 1 AS id",
            "events/day=2026-02-01/hour=-8/code=8/b.parquet": "SELECT 2 AS id",
        },
    )
    wait_for(lake, "events")
    answer = lake.select_all("events")
    assert columns_of(answer) == [
        ["id", "INTEGER"],
        ["day", "DATE"],
        ["hour", "BIGINT"],
        ["code", "VARCHAR"],
    ]
    assert answer.rows() == [[1, "2026-01-31", 7, "007"], [2, "2026-02-01", -8, "8"]]


def test_encoded_values_and_null(lake):
    add(
        lake,
        "events",
        **{
            "events/place=S%C3%A3o%20Paulo%2F1/a": "SELECT 1 AS id",
            "events/place=__HIVE_DEFAULT_PARTITION__/b": "SELECT 2 AS id",
            "events/place=%FF%zz/c": "SELECT 3 AS id",
            "events/place=it's/d": "SELECT 4 AS id",
            "events/place=/e": "SELECT 5 AS id",
            "events/place=%41%zz/f": "SELECT 6 AS id",
        },
    )
    wait_for(lake, "events")
    assert lake.select_all("events").rows() == [
        [1, "São Paulo/1"],
        [2, None],
        [3, "%FF%zz"],
        [4, "it's"],
        [5, ""],
        [6, "%41%zz"],
    ]


@pytest.mark.parametrize(
    ("kind", "one", "two"), [("VARCHAR", "'x'", "'y'"), ("INTEGER", "1", "2"), ("DOUBLE", "1", "2")]
)
def test_column_called_filename_beside_partitions(lake, kind, one, two):
    """DuckDB uses a column of this name for the path of the object."""
    add(
        lake,
        "t",
        **{
            "t/p=1/1.parquet": f"SELECT {one}::{kind} AS filename, 1 AS a",
            "t/p=2/2.parquet": f"SELECT {two}::{kind} AS filename, 2 AS a",
            "t/p=__HIVE_DEFAULT_PARTITION__/3.parquet": "SELECT 3 AS a",
        },
    )
    wait_for(lake, "t")
    assert columns_of(lake.select_all("t")) == [
        ["filename", kind],
        ["a", "INTEGER"],
        ["p", "BIGINT"],
    ]
    for condition, rows in [
        (f"filename = {one}", [[1, 1]]),
        (f"filename <> {one}", [[2, 2]]),
        (f"filename IN ({one}, {two}) AND p = 2", [[2, 2]]),
        ("filename IS NULL", [[3, None]]),
        ("p IS NULL", [[3, None]]),
        ("filename::VARCHAR LIKE '%parquet'", []),
    ]:
        sql = f"SELECT a, p FROM t WHERE {condition} ORDER BY a"
        assert lake.query.sql(sql).rows() == rows, condition


def test_only_the_folders_below_the_dataset_are_partitions(lake):
    add(lake, "sales", **{"amount=0/sales/a.parquet": "SELECT 5 AS amount"})
    add(lake, "amount=0", **{"amount=0/a.parquet": "SELECT 7 AS amount"})
    wait_for(lake, "sales")
    wait_for(lake, "amount=0")
    assert lake.select_all("sales").rows() == [[5]]
    assert lake.select_all("amount=0").rows() == [[7]]
    assert notes(lake) == []


def test_dataset_name_with_an_equals_sign_keeps_its_values(lake):
    (lake.folder / "sales.csv").write_text("amount,shop\n12,A\n")
    ok(Tool(lake)("put", "sales.csv", "--as", "amount=0"))
    assert lake.select_all("amount=0").rows() == [[12, "A"]]


def test_column_of_the_objects_has_precedence_with_a_note(lake):
    add(
        lake,
        "events",
        **{"events/day=2026-01-31/a.parquet": "SELECT TIMESTAMP '2026-01-31 10:30:00' AS Day"},
    )
    wait_for(lake, "events")
    answer = lake.select_all("events")
    assert columns_of(answer) == [["Day", "TIMESTAMP"]]
    assert answer.rows() == [["2026-01-31T10:30:00"]]
    note = 'partition "day" is not shown: the objects have a column of this name'
    assert notes(lake) == [{"name": "events", "note": note}]
    line = lake.queryd.wait_for_line("is not shown: the objects have a column of this name")
    assert "events" in line and "day" in line


def test_different_partitions_give_no_partition_columns_and_a_note(lake):
    add(lake, "t", **{"t/a=1/x": "SELECT 1 AS id", "t/b=1/x": "SELECT 2 AS id"})
    wait_for(lake, "t")
    assert lake.select_all("t").rows() == [[1], [2]]
    first, second = lake.files.key("t/a=1/x"), lake.files.key("t/b=1/x")
    assert notes(lake) == [
        {
            "name": "t",
            "note": f'no partitions: keys have different partitions: "{first}" has a, '
            f'"{second}" has b',
        }
    ]


def test_every_listing_of_columns_agrees_before_and_after_the_first_query(lake):
    add(
        lake,
        "events",
        **{
            "events/day=2026-01-31/a.parquet": "SELECT 1::INTEGER AS v",
            "events/day=2026-02-01/b.parquet": "SELECT 3000000000 AS v, {'A b': 1} AS s",
        },
    )
    wanted = [["v", "BIGINT"], ["s", 'STRUCT("A b" INTEGER)'], ["day", "DATE"]]
    lake.wait_for_refresh("created=1 updated=0 dropped=0 skipped=0")

    def listings() -> list:
        schema = lake.query.sql(
            "SELECT column_name, data_type FROM information_schema.columns "
            "ORDER BY ordinal_position"
        ).rows()
        described = [row[:2] for row in lake.query.sql("DESCRIBE events").rows()]
        shown = lake.query.sql("SHOW ALL TABLES").json()
        row = dict(zip([c["name"] for c in shown["columns"]], shown["rows"][0], strict=True))
        all_tables = [
            list(pair) for pair in zip(row["column_names"], row["column_types"], strict=True)
        ]
        datasets = lake.query.get("/catalog/datasets?columns=true").json()["datasets"]
        listed = [[column["name"], column["type"]] for column in datasets[0]["columns"]]
        return [schema, described, all_tables, listed]

    assert listings() == [wanted] * 4
    assert columns_of(lake.select_all("events")) == wanted
    assert listings() == [wanted] * 4
    tool = ok(Tool(lake)("show", "events"))
    assert all(name in tool and kind in tool for name, kind in wanted)


def test_columns_are_listed_only_on_request(lake):
    add(lake, "t", t="SELECT 1 AS id")
    wait_for(lake, "t")
    assert "columns" not in lake.query.get("/catalog/datasets").json()["datasets"][0]
    lake.query.get("/catalog/datasets?columns=1").expect_text_error(
        400, "columns: must be true or false"
    )


@pytest.mark.parametrize("own_filename", [False, True], ids=["plain", "column-named-filename"])
def test_filters_on_partitions_skip_objects(new_lake, make_proxy, own_filename):
    proxy = make_proxy(new_lake.files.store.address)
    new_lake.set("s3", endpoint=proxy.url)
    # Counts only the requests of queries.
    lake = new_lake.set("queryd", overwrite_checks_max=0).start()
    extra = ", 'mine' AS filename" if own_filename else ""
    add(
        lake,
        "events",
        **{
            f"events/day=2026-01-{day:02}/a.parquet": f"SELECT {day} AS id{extra}"
            for day in range(1, 21)
        },
    )
    lake.wait_for_refresh("created=1 updated=0 dropped=0 skipped=0")
    # The creation of the view opens the first object.
    assert lake.query.sql("SELECT 1 FROM events LIMIT 0").rows() == []

    def requests() -> list[int]:
        return [proxy.count(f"2026-01-{day:02}/a.parquet".encode()) for day in range(1, 21)]

    def days_read(sql: str, rows: list) -> list[int]:
        before = requests()
        assert lake.query.sql(sql).rows() == rows
        return [day + 1 for day in range(20) if requests()[day] > before[day]]

    read = days_read("SELECT sum(id) FROM events WHERE day = DATE '2026-01-07'", [[7]])
    sql = "SELECT sum(id) FROM events WHERE day BETWEEN '2026-01-10' AND '2026-01-12'"
    read_next = days_read(sql, [[33]])
    if own_filename:
        # To create the view reads small objects, because each has a part of the view.
        assert set(read) <= {7} and set(read_next) <= {10, 11, 12}
    else:
        assert (read, read_next) == ([7], [10, 11, 12])


def test_folder_of_tarn_up(up, scratch):
    folder = scratch / "a [x] ä=1"
    (folder / "events" / "day=2026-01-31").mkdir(parents=True)
    path = folder / "events" / "day=2026-01-31" / "a.parquet"
    local_duckdb().execute(f"COPY (SELECT 1 AS id) TO '{path}'")
    running = up(folder)
    running.wait_for_rows("SELECT * FROM events", [[1, "2026-01-31"]])
    status = running.client.get("/catalog/status")
    assert json.loads(status.text)["notes"] == []
    assert running.client.sql(f"SELECT day FROM {quoted('events')}").rows() == [["2026-01-31"]]
