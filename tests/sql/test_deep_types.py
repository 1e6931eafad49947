"""Types as deep as queryd.schema_depth_max allows, in objects with different schemas."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness.waiting import wait_until

# The default of queryd.schema_depth_max is 64. A list or a map has two levels, a struct one. 16
# nested lists or maps are allowed.
DEEP = {"struct": 60, "list": 16, "map": 16, "mixed": 24}


DEEPER = {"list": 17, "map": 17, "mixed": 26}


def wrap(kind: str, level: int, inner: pa.DataType, value: Any) -> tuple[pa.DataType, Any]:
    if kind == "mixed":
        kind = ("struct", "list", "map")[level % 3]
    if kind == "struct":
        return pa.struct([("f", inner)]), {"f": value}
    if kind == "list":
        return pa.list_(inner), [value]
    return pa.map_(pa.string(), inner), [("k", value)]


def deep_table(kind: str, depth: int, leaf: pa.DataType, value: Any) -> bytes:
    type_ = leaf
    for level in range(depth):
        type_, value = wrap(kind, level, type_, value)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"v": pa.array([value], type_)}), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize(
    ("narrow", "wide"),
    [((pa.int32(), 1), (pa.int64(), 2**40)), ((pa.null(), None), (pa.date32(), 0))],
    ids=["widened", "untyped"],
)
def test_deep_types_of_different_objects_become_one(lake, kind, narrow, wide):
    keys = [
        lake.files.put(f"{number}.parquet", deep_table(kind, DEEP[kind], leaf, value))
        for number, (leaf, value) in enumerate([narrow, wide])
    ]
    lake.catalog.put_keys("deep", *keys)
    wait_until(
        lambda: lake.query.sql("SELECT count(*) FROM deep").status == 200,
        lambda: f"it is visible\n{lake.queryd.log_tail}",
    )
    answer = lake.query.sql("SELECT v::VARCHAR AS v FROM deep")
    assert answer.status == 200, answer.text
    assert len(answer.rows()) == 2


@pytest.mark.parametrize("kind", DEEPER)
def test_lists_that_duckdb_reads_too_slowly_are_refused(lake, kind):
    key = lake.files.put("deep.parquet", deep_table(kind, DEEPER[kind], pa.int32(), 1))
    lake.catalog.put_keys("deep", key)
    line = lake.queryd.wait_for_line("lists or maps that are nested more than 16 deep")
    assert "deep" in line
    lake.query.sql("FROM deep").expect_error(400, "query: ")
