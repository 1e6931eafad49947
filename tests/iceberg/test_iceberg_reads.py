"""PyIceberg and DuckDB read the tables of catalogd, and get the same values as queryd."""

import pytest
from harness.iceberg import (
    add,
    attach,
    load,
    pyiceberg,
    register,
    texts,
    with_duckdb,
    with_pyiceberg,
    with_queryd,
)
from harness.store import local_duckdb
from harness.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

# Values of each type that all engines read, as SQL. The second one is a null.
TYPES = {
    "boolean": ["true", "false"],
    "tinyint": ["(-128)::TINYINT", "127::TINYINT"],
    "smallint": ["(-32768)::SMALLINT", "32767::SMALLINT"],
    "integer": ["(-2147483648)::INTEGER", "2147483647"],
    "bigint": ["(-9223372036854775807)::BIGINT", "9223372036854775807"],
    "utinyint": ["255::UTINYINT", "0::UTINYINT"],
    "usmallint": ["65535::USMALLINT", "0::USMALLINT"],
    "float": ["1.5::FLOAT", "(-0.1)::FLOAT"],
    "double": ["1e300", "0.1::DOUBLE"],
    "decimal4": ["12.34::DECIMAL(4,2)", "(-99.99)::DECIMAL(4,2)"],
    "decimal18": ["1234567890123456.78::DECIMAL(18,2)", "-0.01::DECIMAL(18,2)"],
    "decimal38": [
        "12345678901234567890123456789012345.678::DECIMAL(38,3)",
        "-0.001::DECIMAL(38,3)",
    ],
    "date": ["DATE '1969-12-31'", "DATE '2262-04-12'"],
    "timestamp": ["TIMESTAMP '1969-12-31 23:59:59.999999'", "TIMESTAMP '2026-11-22 01:02:03'"],
    "timestamp_ms": [
        "TIMESTAMP_MS '1969-12-31 23:59:59.999'",
        "TIMESTAMP_MS '2026-11-22 01:02:03'",
    ],
    "timestamptz": [
        "TIMESTAMPTZ '1969-12-31 23:59:59.999999+00'",
        "TIMESTAMPTZ '2026-11-22 01:00:00+00'",
    ],
    "uuid": [
        "UUID '12345678-1234-5678-1234-567812345678'",
        "UUID '00000000-0000-0000-0000-000000000000'",
    ],
    "blob": [r"'\x00\xFF'::BLOB", "''::BLOB"],
    "varchar": ["'größe'", "''"],
    "enum": ["'b'::ENUM('a', 'b')", "'a'::ENUM('a', 'b')"],
    "json": ["""'{"a":1}'::JSON""", "'[]'::JSON"],
    "list": ["[1, NULL, 3]", "[]::INTEGER[]"],
    "nested_list": ["[[1], [], NULL]", "[]::INTEGER[][]"],
    "struct": ["{'a': 1, 'b': 'x'}", "{'a': NULL::INTEGER, 'b': ''}"],
    "list_of_struct": ["[{'a': 1, 'b': DATE '2026-01-01'}]", "[]::STRUCT(a INTEGER, b DATE)[]"],
    "map": ["MAP {'k': 1, 'l': 2}", "MAP {}::MAP(VARCHAR, INTEGER)"],
    "map_of_struct": ["MAP {'k': {'x': 1.5::DOUBLE}}", "MAP {}::MAP(VARCHAR, STRUCT(x DOUBLE))"],
}

# PyIceberg 0.12.0 returns these for nulls.
NULLS_OF_PYICEBERG = {"list_of_struct": "[]", "map_of_struct": "{}"}


def select_types() -> str:
    def row(number: int, value) -> str:
        return f"SELECT {number} AS id, " + ", ".join(
            f"{value(v)} AS {k}" for k, v in TYPES.items()
        )

    return (
        f"{row(1, lambda v: v[0])} UNION ALL {row(2, lambda v: v[1])} "
        f"UNION ALL {row(3, lambda v: 'NULL')}"
    )


def compare(lake, table: str, columns, order: str) -> None:
    """Compares the columns one by one, so that a failure names its column."""
    catalog, connection = pyiceberg(lake), attach(lake)
    for column in columns:
        selected = texts([column], order)
        expected = with_queryd(lake, table, selected)
        assert expected
        found = with_pyiceberg(catalog, table, selected)
        if null := NULLS_OF_PYICEBERG.get(column):
            assert sorted(found) == sorted([one or null, *rest] for one, *rest in expected), column
        else:
            assert found == expected, column
        assert with_duckdb(connection, table, selected) == expected, column


@pytest.fixture(scope="module")
def read_lake(shared_lake):
    return shared_lake


def live(lake, *names: str) -> None:
    """Waits until queryd has the datasets."""
    for name in names:
        wait_until(
            lambda name=name: lake.query.sql(f'SELECT 1 FROM "{name}" LIMIT 1').status == 200,
            f"{name} can be queried",
        )


def test_clients_read_each_type(read_lake):
    add(read_lake, "types", select_types())
    live(read_lake, "types")
    compare(read_lake, "types", TYPES, "id")


def test_clients_read_a_benchmark_table(read_lake):
    local_duckdb().execute(
        """CREATE OR REPLACE TEMP TABLE lineitem AS SELECT
           (range // 4)::BIGINT AS l_orderkey, (range % 200)::INTEGER AS l_partkey,
           (range % 50 + 1)::DECIMAL(15,2) AS l_quantity,
           (range * 7919 % 1000000 / 100)::DECIMAL(15,2) AS l_extendedprice,
           DATE '1992-01-01' + (range % 2500)::INTEGER AS l_shipdate,
           ['A', 'N', 'R'][range % 3 + 1] AS l_returnflag, 'comment ' || range AS l_comment
           FROM range(60000)"""
    )
    add(
        read_lake,
        "lineitem",
        *(f"FROM lineitem WHERE l_orderkey % 3 = {part}" for part in range(3)),
    )
    live(read_lake, "lineitem")
    columns = (
        "count(*) AS n, sum(l_quantity)::VARCHAR, sum(l_extendedprice)::VARCHAR, "
        "min(l_shipdate)::VARCHAR, max(l_comment), count(DISTINCT l_returnflag)"
    )
    expected = with_queryd(read_lake, "lineitem", columns)
    assert expected[0][0] == 60000
    assert with_pyiceberg(pyiceberg(read_lake), "lineitem", columns) == expected
    assert with_duckdb(attach(read_lake), "lineitem", columns) == expected


def test_filters_use_bounds_and_return_the_same_rows(read_lake):
    add(
        read_lake, "ranges", *(f"SELECT range AS id FROM range({i}00, {i + 1}00)" for i in range(4))
    )
    table = pyiceberg(read_lake).load_table(("lake", "ranges"))
    scan = table.scan(row_filter="id >= 150 and id < 160")
    assert len(list(scan.plan_files())) == 1
    assert sorted(scan.to_arrow()["id"].to_pylist()) == list(range(150, 160))
    found = attach(read_lake).execute("SELECT id FROM ice.lake.ranges WHERE id = 333").fetchall()
    assert found == [(333,)]


def test_hive_keys_are_partitions(read_lake):
    files = read_lake.files
    keys = [
        files.put_rows(f"hive/day=2026-01-0{day}/region={region}/a.parquet", f"SELECT {n} AS n")
        for n, (day, region) in enumerate([(1, "eu"), (1, "us"), (2, "eu")])
    ]
    register(read_lake, "hive", *keys)
    live(read_lake, "hive")
    compare(read_lake, "hive", ["n", "day", "region"], "n")
    filtered = pyiceberg(read_lake).load_table(("lake", "hive")).scan("region = 'us'")
    assert len(list(filtered.plan_files())) == 1


def test_objects_with_different_columns_are_one_table(read_lake):
    add(
        read_lake,
        "drift",
        "SELECT 1 AS id, 10::INTEGER AS n, 'a' AS only_first",
        "SELECT 20000000000::BIGINT AS n, 2 AS id, {'x': 1} AS only_second",
        "SELECT 3 AS id",
    )
    live(read_lake, "drift")
    compare(read_lake, "drift", ["n", "only_first", "only_second"], "id")


def test_columns_that_clients_misread_are_hidden_with_a_reason(read_lake):
    add(read_lake, "odd", "SELECT 1 AS id, 4294967290::UINTEGER AS u, 2 AS z")
    live(read_lake, "odd")
    metadata = load(read_lake.catalog, "odd").json()["metadata"]
    assert "unsigned integers" in metadata["properties"]["tarn.hidden-column.u"]
    compare(read_lake, "odd", ["id", "z"], "id")


def test_partitions_of_numbers(read_lake):
    keys = [
        read_lake.files.put_rows(f"numbers/shard={shard}/a.parquet", f"SELECT {shard + 1} AS n")
        for shard in range(3)
    ]
    register(read_lake, "numbers", *keys)
    live(read_lake, "numbers")
    selected = texts(["shard"], "n")
    expected = [["0", 1], ["1", 2], ["2", 3]]
    assert with_queryd(read_lake, "numbers", selected) == expected
    assert with_duckdb(attach(read_lake), "numbers", selected) == expected
    assert with_pyiceberg(pyiceberg(read_lake), "numbers", selected) == expected
