"""The workarounds of docs/engine-faults.md: Tarn gives the right result or refuses the query. Each
case also runs in DuckDB itself, in this process. If that gives the right result, a newer DuckDB
has fixed the fault, and the workaround can be removed."""

import math
import re
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness.store import parquet
from harness.waiting import wait_until


@dataclass
class Fault:
    """`tables` has SELECTs, or tables of pyarrow, by name."""

    name: str
    tables: dict
    sql: str
    right: list = field(default_factory=list)


def arrow(**columns) -> pa.Table:
    return pa.table(columns)


SALES = """SELECT * FROM (VALUES ('A','7',1.5), ('A','x',2.5), ('A','12',3.5), ('B','y',4.5),
           ('B','3',5.5)) t(shop, code, amount)"""
FLOATS = arrow(v=[1.0, 20.5, 30.0, math.nan, 2.0, 20.5, 7.0, math.nan], i=list(range(8)))
ONLY_20 = arrow(v=[20.5] * 6 + [math.nan] * 2, i=list(range(8)))
WITHOUT_NAN = arrow(v=[1.0, 20.5, 30.0], i=[1, 2, 3])
BYTES = "SELECT ('\\xFF'::BLOB) || (range % 3)::VARCHAR::BLOB AS b FROM range(9000)"
ZEROS = (
    "SELECT CASE WHEN range % 100 = 0 THEN '-0'::DOUBLE ELSE range % 100 END AS v FROM range(9000)"
)
OF_THREE = "SELECT * FROM (VALUES (1,1),(2,2),(3,NULL)) t(i, j)"

CURED = [
    Fault(
        "top-n-of-expression",
        {"sales": SALES},
        "SELECT shop, code, row_number() OVER (PARTITION BY shop ORDER BY try_cast(code AS INT) "
        "DESC NULLS LAST) AS rn FROM sales QUALIFY rn <= 3 ORDER BY shop, rn",
        [["A", "12", 1], ["A", "7", 2], ["A", "x", 3], ["B", "3", 1], ["B", "y", 2]],
    ),
    Fault(
        "top-n-of-no-rows",
        {"sales": SALES},
        "SELECT shop FROM sales WHERE shop = 'C' "
        "QUALIFY row_number() OVER (ORDER BY amount DESC) = 1",
        [],
    ),
    Fault(
        "exists-not-equal",
        {
            "ids": "SELECT * FROM (VALUES (1),(2)) t(id)",
            "nn": "SELECT * FROM (VALUES (1,5)) t(k, wh)",
            "ev": "SELECT * FROM (VALUES (1,7),(2,7)) t(id, wh)",
        },
        "SELECT ids.id, EXISTS (SELECT 1 FROM ev WHERE ev.id = ids.id AND nn.wh <> ev.wh) "
        "FROM ids LEFT JOIN nn ON ids.id = nn.k ORDER BY ids.id",
        [[1, True], [2, False]],
    ),
    Fault(
        "left-join-unnest",
        {
            "d": "SELECT * FROM (VALUES (1),(1),(2),(3)) t(k)",
            "p": "SELECT * FROM (VALUES (1),(1),(2),(3),(4),(NULL),(2),(3)) t(idb)",
        },
        "SELECT count(*) FROM p LEFT JOIN (SELECT k, unnest([1,2,3]) AS e FROM "
        "(SELECT DISTINCT k FROM d) AS s) AS t ON t.k = p.idb",
        [[20]],
    ),
    Fault("nan-greater", {"t": FLOATS}, "SELECT count(*) FROM t WHERE v > 25", [[3]]),
    Fault("nan-not-equal", {"t": ONLY_20}, "SELECT count(*) FROM t WHERE v <> 20.5", [[2]]),
    Fault("nan-equal", {"t": ONLY_20}, "SELECT count(*) FROM t WHERE v = 20.5", [[6]]),
    Fault("nan-max", {"t": FLOATS}, "SELECT max(v)::VARCHAR FROM t", [["nan"]]),
    Fault("nan-in", {"t": FLOATS}, "SELECT count(*) FROM t WHERE v IN ('nan', 3)", [[2]]),
    Fault(
        "nan-join",
        {"t": FLOATS, "u": "SELECT 'nan'::DOUBLE AS x"},
        "SELECT count(*) FROM t JOIN u ON t.v = u.x",
        [[2]],
    ),
    Fault("blob-bloom", {"t": BYTES}, "SELECT count(*) FROM t WHERE b = '\\xFF1'::BLOB", [[3000]]),
    Fault("zero-bloom", {"t": ZEROS}, "SELECT count(*) FROM t WHERE v = 0", [[90]]),
]

REFUSED = [
    Fault(
        "tuple-not-in",
        {"a": "SELECT * FROM (VALUES (2,2),(3,NULL),(NULL,9)) t(i, j)", "c": OF_THREE},
        "SELECT i FROM a WHERE (i, j) NOT IN (SELECT i, j FROM c WHERE i = 1) ORDER BY i",
        [[2], [3], [None]],
    ),
    Fault(
        "percentile-0-desc",
        {"t": "SELECT range + 1 AS v FROM range(11)"},
        "SELECT percentile_cont(0.0) WITHIN GROUP (ORDER BY v DESC) FROM t",
        [[11.0]],
    ),
    Fault(
        "reservoir-quantile",
        {"t": "SELECT (range + 1.55)::DECIMAL(9,2) AS d FROM range(11)"},
        "SELECT reservoir_quantile(d, 0.5)::VARCHAR FROM t",
        [["6.55"]],
    ),
    Fault(
        "first-value-moving",
        {"t": "SELECT range AS i FROM range(4)"},
        "SELECT first_value(i) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
        [[0], [0], [1], [2]],
    ),
    Fault(
        "partition-twice",
        {"t": "SELECT * FROM (VALUES (1,1,10),(1,2,20)) t(a, b, v)"},
        "SELECT sum(v) OVER (PARTITION BY a, a), sum(v) OVER (PARTITION BY a, b) FROM t "
        "ORDER BY ALL",
        [[30, 10], [30, 20]],
    ),
    Fault(
        "rank-prefix",
        {"t": "SELECT * FROM (VALUES (1,1),(1,2),(2,3)) t(k, id)"},
        "SELECT rank(ORDER BY k) OVER (ORDER BY k, id) FROM t ORDER BY 1",
        [[1], [1], [3]],
    ),
    Fault(
        "anti-join-range",
        {
            "l": "SELECT * FROM (VALUES (1,10),(2,20)) t(id, val)",
            "s": "SELECT range AS i, range % 3 AS tag, 100 AS category FROM range(30)",
        },
        "SELECT * FROM l ANTI JOIN (SELECT * FROM s WHERE tag % 7 = 3) AS e "
        "ON l.val <= e.category ORDER BY 1",
        [[1, 10], [2, 20]],
    ),
    Fault(
        "distinct-or",
        {"t": "SELECT NULL::INTEGER AS a FROM range(2048)"},
        "SELECT count(*) FROM t WHERE a IS DISTINCT FROM 5 OR a > 100000",
        [[2048]],
    ),
]


def bytes_of(table) -> bytes:
    if isinstance(table, str):
        return parquet(table)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=4)
    return sink.getvalue().to_pybytes()


def plain_answer(fault: Fault, folder) -> list:
    """Returns DuckDB's own result."""
    connection = duckdb.connect(config={"threads": 2})
    for name, table in fault.tables.items():
        path = folder / f"{name}.parquet"
        path.write_bytes(bytes_of(table))
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
    return [list(row) for row in connection.execute(fault.sql).fetchall()]


def put(lake, fault: Fault) -> str:
    """Registers the tables under unique names. Returns the query with these names."""
    sql = fault.sql
    for name, table in fault.tables.items():
        own = f"{name}_{fault.name.replace('-', '_')}"
        lake.catalog.put_keys(own, lake.files.put(f"{own}.parquet", bytes_of(table)))
        sql = re.sub(rf"\b(FROM|JOIN) {name}\b", rf"\1 {own} AS {name}", sql)
    return sql


@pytest.mark.parametrize("fault", CURED, ids=[fault.name for fault in CURED])
def test_cured_fault_is_answered_rightly(shared_lake, scratch, fault):
    assert plain_answer(fault, scratch) != fault.right, "mended: the cure can go"
    sql = put(shared_lake, fault)
    wait_until(lambda: shared_lake.query.sql(sql).status == 200, "it is visible")
    assert shared_lake.query.sql(sql).rows() == fault.right


@pytest.mark.parametrize("fault", REFUSED, ids=[fault.name for fault in REFUSED])
def test_fault_without_a_cure_is_refused(shared_lake, scratch, fault):
    assert plain_answer(fault, scratch) != fault.right, "mended: the refusal can go"
    shared_lake.query.sql(fault.sql).expect_error(
        400, "query: refused, because DuckDB 1.5.5 answers it wrongly: "
    )


def test_maximum_of_floats_without_nan(shared_lake):
    """The workaround for NaN must not make DuckDB return NaN if there is none."""
    key = shared_lake.files.put("without_nan.parquet", bytes_of(WITHOUT_NAN))
    shared_lake.catalog.put_keys("without_nan", key)
    shared_lake.wait_for_rows("without_nan", [[1.0, 1], [20.5, 2], [30.0, 3]])
    sql = "SELECT max(v), min(v), count(*) FROM without_nan"
    assert shared_lake.query.sql(sql).rows() == [[30.0, 1.0, 3]]


def test_nan_in_datasets_of_several_objects_and_types(shared_lake):
    lake = shared_lake
    keys = [
        lake.files.put("several/1.parquet", bytes_of(FLOATS)),
        lake.files.put("several/2.parquet", bytes_of(WITHOUT_NAN)),
        lake.files.put(
            "several/3.parquet", bytes_of(arrow(v=pa.array([0.5], pa.float32()), i=[9]))
        ),
    ]
    lake.catalog.put_keys("several", *keys)
    sql = "SELECT count(*) FILTER (v > 25), count(*) FROM several WHERE v > 25 OR v <> 20.5"

    wait_until(lambda: lake.query.sql(sql).status == 200, "it is visible")
    assert lake.query.sql(sql).rows() == [[4, 9]]
    assert lake.query.sql("SELECT count(*) FROM several WHERE v > 25").rows() == [[4]]
    assert lake.query.sql("SELECT max(v)::VARCHAR FROM several").rows() == [["nan"]]
