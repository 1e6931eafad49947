"""TPC-H at scale factor 0.1 on S3: all 22 queries over POST /sql give the extension's results."""

import csv
import io
from decimal import Decimal

import duckdb
import pytest
from harness import programs
from harness.client import quoted
from harness.waiting import wait_until

SCALE_FACTOR = 0.1
# The number of objects of a table; one for the others.
OBJECTS = {"lineitem": 4, "orders": 2, "partsupp": 3}
TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> duckdb.DuckDBPyConnection:
    """DuckDB in this process with the tables, the queries and the expected results."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"LOAD '{programs.extension('tpch')}'")
    connection.execute(f"CALL dbgen(sf={SCALE_FACTOR})")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def tpch(shared_lake, generated, tmp_path_factory):
    """A client of a queryd with all tables."""
    folder = tmp_path_factory.mktemp("tpch")
    for table in TABLES:
        count = OBJECTS.get(table, 1)
        keys = []
        for part in range(count):
            path = folder / f"{table}-{part}.parquet"
            rows = f"SELECT * FROM {quoted(table)} WHERE rowid % {count} = {part}"
            generated.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")
            keys.append(shared_lake.files.put(f"tpch/{path.name}", path.read_bytes()))
        shared_lake.catalog.put_keys(table, *keys)
    for table in TABLES:
        wait_until(
            lambda table=table: shared_lake.query.sql(f"FROM {table} LIMIT 0").status == 200,
            f"the view {table}",
        )
    return shared_lake.query


def convert(text: str, type_name: str):
    """Converts a field of the expected result to the type of the cell. An empty field is NULL."""
    if text == "":
        return None
    if type_name == "DOUBLE":
        return float(text)
    if type_name.startswith("DECIMAL"):
        return Decimal(text)
    if type_name in ("BIGINT", "INTEGER", "HUGEINT"):
        return int(text)
    assert type_name in ("VARCHAR", "DATE"), type_name
    return text


def same(cell, expected, type_name: str) -> bool:
    if type_name == "DOUBLE" and expected is not None:
        # The last digits of a sum of doubles depend on the order of the rows.
        return float(cell) == pytest.approx(expected, rel=1e-12)
    if type_name.startswith("DECIMAL") and cell is not None:
        return Decimal(cell) == expected
    return type(cell) is type(expected) and cell == expected


@pytest.mark.parametrize("table", TABLES)
def test_table_is_whole(tpch, generated, table):
    sql = f"SELECT count(*), sum(hash(COLUMNS(*))) FROM {table}"
    assert tpch.sql(sql).rows() == [list(map(int, generated.execute(sql).fetchone()))]


@pytest.mark.parametrize("number", range(1, 23), ids=lambda n: f"q{n:02}")
def test_query(tpch, generated, number):
    (sql,) = generated.execute(
        "SELECT query FROM tpch_queries() WHERE query_nr = ?", [number]
    ).fetchone()
    (answer,) = generated.execute(
        "SELECT answer FROM tpch_answers() WHERE query_nr = ? AND scale_factor = ?",
        [number, SCALE_FACTOR],
    ).fetchone()
    _, *lines = csv.reader(io.StringIO(answer), delimiter="|", quoting=csv.QUOTE_NONE)

    result = tpch.sql(sql)
    assert result.status == 200, result.text
    body = result.json()
    # In one case (q18), the header of the expected result differs from DuckDB's.
    names = [column[0] for column in generated.execute(sql).description]
    assert [column["name"] for column in body["columns"]] == names
    types = [column["type"] for column in body["columns"]]
    assert body["row_count"] == len(body["rows"]) == len(lines)
    for row, fields in zip(body["rows"], lines, strict=True):
        expected = [convert(text, name) for text, name in zip(fields, types, strict=True)]
        pairs = zip(row, expected, types, strict=True)
        assert all(same(*pair) for pair in pairs), f"{row} != {expected}"
