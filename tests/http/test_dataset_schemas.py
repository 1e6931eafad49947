"""Objects of a dataset with different columns: one schema for all values, or an error."""

import itertools
from datetime import date, time
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness.client import quoted
from harness.store import local_duckdb
from harness.waiting import wait_until

NUMBERS = itertools.count(1)


class Dataset:
    """Objects in the bucket, and the dataset of them."""

    def __init__(self, lake) -> None:
        self.lake = lake
        self.name = f"d{next(NUMBERS)}"
        self.keys: list[str] = []

    def add_rows(self, select: str) -> "Dataset":
        self.keys.append(self.lake.files.put_rows(f"{self.name}/{len(self.keys)}.parquet", select))
        return self

    def add_table(self, table: pa.Table) -> "Dataset":
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        data = sink.getvalue().to_pybytes()
        self.keys.append(self.lake.files.put(f"{self.name}/{len(self.keys)}.parquet", data))
        return self

    def register(self) -> "Dataset":
        self.lake.catalog.put_keys(self.name, *self.keys)
        return self

    def show(self) -> "Dataset":
        self.register()
        wait_until(
            lambda: self.sql("SELECT count(*) FROM d").status == 200,
            lambda: f"{self.name} is visible\n{self.lake.queryd.log_tail}",
        )
        return self

    def sql(self, text: str):
        return self.lake.query.sql(text.replace("FROM d", f"FROM {quoted(self.name)}"))

    def rows(self, text: str) -> list:
        return self.sql(text).rows()

    def type_of(self, column: str) -> str:
        return self.rows(f"SELECT DISTINCT typeof({column}) FROM d")[0][0]

    def error(self) -> str:
        self.register()
        found: list[str] = []

        def has_failed() -> bool:
            failed = self.lake.query.get("/catalog/status").json()["failed"]
            found[:] = [each["error"] for each in failed if each["name"] == self.name]
            return bool(found)

        wait_until(has_failed, lambda: f"{self.name} fails\n{self.lake.queryd.log_tail}")
        return found[0]


@pytest.fixture
def dataset(shared_lake) -> Dataset:
    return Dataset(shared_lake)


WIDENINGS = [
    # The values of two objects, the type of the dataset, and values to compare with.
    (["1::INTEGER", "-7::INTEGER"], ["3000000000::BIGINT", "5::BIGINT"], "BIGINT"),
    (["4000000000::UINTEGER", "5::UINTEGER"], ["-7::INTEGER", "6::INTEGER"], "BIGINT"),
    (["200::UTINYINT"], ["-7::TINYINT"], "SMALLINT"),
    (["18446744073709551615::UBIGINT"], ["(-9223372036854775808)::BIGINT"], "HUGEINT"),
    (["0.1::FLOAT", "'nan'::FLOAT"], ["0.1::DOUBLE", "5.5::DOUBLE"], "DOUBLE"),
    (["13::DECIMAL(5,0)"], ["12.75::DECIMAL(9,2)", "13::DECIMAL(9,2)"], "DECIMAL(9,2)"),
    (["1234567890::DECIMAL(10,0)"], ["12.75::DECIMAL(4,2)"], "DECIMAL(12,2)"),
    (
        ["DATE '2026-01-31'", "DATE '1960-02-03'"],
        ["TIMESTAMP '2026-01-31 10:30:00'", "TIMESTAMP '2026-01-31'"],
        "TIMESTAMP",
    ),
]


@pytest.mark.parametrize("order", [1, -1], ids=["narrow-first", "wide-first"])
@pytest.mark.parametrize(("narrow", "wide", "kind"), WIDENINGS, ids=[w[2] for w in WIDENINGS])
def test_widened_columns_behave_like_one_table(dataset, narrow, wide, kind, order):
    """Comparisons, bounds and joins use the values in the type of the dataset."""
    for number, values in enumerate([narrow, wide][::order]):
        dataset.add_rows(
            " UNION ALL ".join(
                f"SELECT {value} AS v, {10 * number + i} AS k" for i, value in enumerate(values)
            )
        )
    dataset.show()
    assert dataset.type_of("v") == kind
    reference = duckdb.connect()
    reference.execute(
        "CREATE TABLE d AS "
        + " UNION ALL ".join(
            f"SELECT ({value})::{kind} AS v, {10 * number + i}::INTEGER AS k"
            for number, values in enumerate([narrow, wide][::order])
            for i, value in enumerate(values)
        )
    )
    conditions = [
        f"v {operator} ({value})::{kind}"
        for value in narrow + wide
        for operator in ("=", "<>", "<", ">=", "IS DISTINCT FROM")
    ]
    queries = [f"SELECT k FROM d WHERE {condition} ORDER BY k" for condition in conditions]
    queries += [
        "SELECT count(*), count(v), min(k) FROM d",
        "SELECT k FROM d ORDER BY v, k LIMIT 2",
        "SELECT k FROM d ORDER BY v DESC, k LIMIT 2",
        "SELECT k FROM d WHERE v = (SELECT max(v) FROM d) ORDER BY k",
        "SELECT k FROM d WHERE v = (SELECT min(v) FROM d) ORDER BY k",
        f"SELECT k FROM d WHERE v IN (({narrow[0]})::{kind}, ({wide[0]})::{kind}) ORDER BY k",
        "SELECT l.k, r.k FROM d AS l JOIN (SELECT * FROM d WHERE k < 10) AS r ON l.v = r.v "
        "ORDER BY ALL",
    ]
    for query in queries:
        expected = [list(row) for row in reference.execute(query).fetchall()]
        query = query.replace("FROM d AS l", f"FROM {quoted(dataset.name)} AS l")
        assert dataset.rows(query) == expected, query


def test_columns_and_fields_of_later_objects_are_included(dataset):
    dataset.add_rows("SELECT 1 AS id, {'a': 1} AS s")
    dataset.add_rows("SELECT {'b': DATE '2026-01-31', 'A': 2} AS s, 'x' AS name, 2 AS ID")
    dataset.add_rows("SELECT 3 AS id")
    dataset.show()
    answer = dataset.sql("SELECT * FROM d ORDER BY id").json()
    assert [(c["name"], c["type"]) for c in answer["columns"]] == [
        ("id", "INTEGER"),
        ("s", "STRUCT(a INTEGER, b DATE)"),
        ("name", "VARCHAR"),
    ]
    assert answer["rows"] == [
        [1, {"a": 1, "b": None}, None],
        [2, {"a": 2, "b": "2026-01-31"}, "x"],
        [3, None, None],
    ]
    assert dataset.rows("SELECT id FROM d WHERE name IS NULL ORDER BY id") == [[1], [3]]
    assert dataset.rows("SELECT id FROM d WHERE s.b = DATE '2026-01-31'") == [[2]]


def test_order_of_columns_does_not_matter(dataset):
    dataset.add_rows("SELECT 1 AS a, 'x' AS b").add_rows("SELECT 'y' AS b, 2 AS a").show()
    assert dataset.rows("SELECT a, b FROM d ORDER BY a") == [[1, "x"], [2, "y"]]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.date32(), pa.list_(pa.int32()), pa.struct([("x", pa.date32())])]
)
def test_untyped_nulls_take_any_type(dataset, kind):
    """pyarrow writes columns of nulls, and the elements of empty lists, without a type."""
    values = pa.nulls(1, kind)
    dataset.add_table(pa.table({"v": pa.nulls(2), "l": pa.array([[], None]), "k": [1, 2]}))
    dataset.add_table(pa.table({"v": values, "l": pa.array([[None]], pa.list_(kind)), "k": [3]}))
    dataset.show()
    assert dataset.rows("SELECT k, v, l FROM d ORDER BY k") == [
        [1, None, []],
        [2, None, None],
        [3, None, [None]],
    ]
    assert dataset.rows("SELECT count(*) FROM d WHERE v IS NULL") == [[3]]


def test_untyped_parts_of_structs_and_maps(dataset):
    """The other parts of the value stay unchanged."""
    empty = pa.array([{"a": None, "n": 1}, None], pa.struct([("a", pa.null()), ("n", pa.int32())]))
    full = pa.array([{"a": {"x": "y"}, "n": 2}])
    map_empty = pa.array([[("k", None)], None], pa.map_(pa.string(), pa.null()))
    map_full = pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string()))
    dataset.add_table(pa.table({"s": empty, "m": map_empty, "k": [1, 2]}))
    dataset.add_table(pa.table({"s": full, "m": map_full, "k": [3]})).show()
    assert dataset.rows("SELECT s, m['k'], m IS NULL FROM d ORDER BY k") == [
        [{"a": None, "n": 1}, None, False],
        [None, None, True],
        [{"a": {"x": "y"}, "n": 2}, "v", False],
    ]


def test_untyped_parts_of_structs_that_lack_fields(dataset):
    few = pa.array([{"a": None, "B": 1}], pa.struct([("a", pa.null()), ("B", pa.int32())]))
    many = pa.array([{"b": 2, "a": [3], "c": "x"}])
    dataset.add_table(pa.table({"s": few, "k": [1]}))
    dataset.add_table(pa.table({"s": many, "k": [2]})).show()
    assert dataset.rows("SELECT s.a, s.b, s.c FROM d ORDER BY k") == [
        [None, 1, None],
        [[3], 2, "x"],
    ]


UNTYPED_AS = {
    "bool": pa.array([True]),
    "uint64": pa.array([2**64 - 1], pa.uint64()),
    "float": pa.array([0.5], pa.float32()),
    "decimal": pa.array([Decimal("1.50")]),
    "date": pa.array([date(2026, 1, 31)]),
    "time": pa.array([time(1, 2, 3)]),
    "timestamp": pa.array([0], pa.timestamp("us")),
    "timestamptz": pa.array([0], pa.timestamp("us", "UTC")),
    "blob": pa.array([b"\xff"]),
    "struct": pa.array([{"x": [1]}]),
    "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())),
}


@pytest.mark.parametrize("kind", UNTYPED_AS)
def test_untyped_parts_take_any_type(dataset, kind):
    full = pa.array([[UNTYPED_AS[kind][0].as_py()]], pa.list_(UNTYPED_AS[kind].type))
    dataset.add_table(pa.table({"v": pa.array([[None, None], [], None]), "k": [1, 2, 3]}))
    dataset.add_table(pa.table({"v": full, "k": [4]})).show()
    rows = dataset.rows("SELECT len(v), v[1] IS NULL FROM d ORDER BY k")
    assert rows == [[2, True], [0, True], [None, True], [1, False]]


def test_column_without_a_name_cannot_be_matched(dataset):
    """DuckDB names the column by its position."""
    dataset.add_table(pa.table({"": [1], "k": pa.array([2], pa.int32())}))
    dataset.add_table(pa.table({"": [3], "k": pa.array([4], pa.int64())}))
    assert dataset.error() == (
        f'object "{dataset.keys[1]}" has a column or a field without a name, which cannot be '
        "matched with those of the other objects"
    )


def test_column_without_a_name_in_equal_objects(dataset):
    dataset.add_table(pa.table({"": [1], "k": [2]})).add_table(pa.table({"": [3], "k": [4]})).show()
    assert dataset.rows("SELECT * FROM d ORDER BY k") == [[1, 2], [3, 4]]


CONFLICTS = [
    ("1::INTEGER", "12.75::DOUBLE", "INTEGER", "DOUBLE"),
    ("true", "7::INTEGER", "BOOLEAN", "INTEGER"),
    ("7::INTEGER", "'007'", "INTEGER", "VARCHAR"),
    (
        "TIMESTAMP '2026-01-31'",
        "TIMESTAMPTZ '2026-01-31 00:00:00+00'",
        "TIMESTAMP",
        "TIMESTAMP WITH TIME ZONE",
    ),
    ("'x'", "'x'::BLOB", "VARCHAR", "BLOB"),
    ("1::DECIMAL(38,0)", "0.5::DECIMAL(2,1)", "DECIMAL(38,0)", "DECIMAL(2,1)"),
]


@pytest.mark.parametrize(("first", "second", "one", "other"), CONFLICTS)
def test_conflict_names_the_column_types_and_objects(dataset, first, second, one, other):
    dataset.add_rows(f"SELECT {first} AS v, 1 AS k").add_rows(f"SELECT {second} AS V, 2 AS k")
    assert dataset.error() == (
        f'column "v" is {one} in "{dataset.keys[0]}" and {other} in "{dataset.keys[1]}": '
        "no type holds both"
    )


def test_conflict_in_a_nested_field_names_the_field(dataset):
    dataset.add_rows("SELECT [{'a': {'b': 1}}] AS v")
    dataset.add_rows("SELECT [{'a': {'b': 'x'}}] AS v")
    assert dataset.error().startswith('column "v.a.b" is INTEGER in ')


def test_conflict_keeps_the_former_view(dataset):
    dataset.add_rows("SELECT 1 AS v").show()
    dataset.add_rows("SELECT 'x' AS v")
    assert "no type holds both" in dataset.error()
    assert dataset.rows("SELECT * FROM d") == [[1]]


def test_tarn_up_has_the_same_rules_for_schemas(up, scratch):
    folder = scratch / "lake"
    (folder / "d").mkdir(parents=True)
    (folder / "bad").mkdir()
    for path, value in [
        ("d/1", "1::INTEGER"),
        ("d/2", "3000000000"),
        ("bad/1", "1"),
        ("bad/2", "'x'"),
    ]:
        local_duckdb().execute(f"COPY (SELECT {value} AS v) TO '{folder / path}.parquet'")
    running = up(folder)
    running.wait_for_rows("SELECT v FROM d ORDER BY v", [[1], [3000000000]])
    failed = running.client.get("/catalog/status").json()["failed"]
    assert [each["error"] for each in failed] == [
        'column "v" is INTEGER in "bad/1.parquet" and VARCHAR in "bad/2.parquet": '
        "no type holds both"
    ]
