"""Objects with values and sizes that no writer should create, but some do."""

import pyarrow as pa
import pyarrow.parquet as pq
from harness.waiting import wait_until


def parquet_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def test_time_outside_of_a_day_is_shown_as_a_duration(lake):
    """Parquet can store any number as a time. DuckDB shows some of them like 00:00:0/."""
    micros = [-(2**63), -3_600_000_000, -7_000_051, 0, 90_000_000_000, 36_000_000_000_000]
    times = pa.array(micros, pa.int64()).cast(pa.time64("us"), safe=False)
    table = pa.table({"t": times, "k": list(range(len(micros)))})
    lake.catalog.put_keys("odd", lake.files.put("odd.parquet", parquet_of(table)))
    texts = [
        "-2562047788:00:54.775808",
        "-01:00:00",
        "-00:00:07.000051",
        "00:00:00",
        "25:00:00",
        "10000:00:00",
    ]
    lake.wait_for_rows("odd", [[text, k] for k, text in enumerate(texts)])
    csv = lake.query.sql("SELECT t FROM odd ORDER BY k", {"Accept": "text/csv"}).text.split()
    assert csv == ["t", *texts]


def test_negative_zero_keeps_its_sign(shared_lake):
    sql = "SELECT '-0'::DOUBLE, '-0'::FLOAT, [-0.0::DOUBLE]"
    assert "[[-0.0,-0.0,[-0.0]]]" in shared_lake.query.sql(sql).text


def test_too_many_columns_are_refused_at_once(lake):
    table = pa.table({f"c{i}": [1] for i in range(10_001)})
    key = lake.files.put("wide.parquet", parquet_of(table))
    lake.catalog.put_keys("wide", key)
    error = f'object "{key}": it has 10001 columns, and at most 10000 are supported'
    wait_until(
        lambda: (
            [each["error"] for each in lake.query.get("/catalog/status").json()["failed"]]
            == [error]
        ),
        lambda: lake.queryd.log_tail,
    )
    assert error in lake.query.sql("FROM wide").expect_error(400, 'query: dataset "wide": ')


def test_tarn_up_names_and_logs_each_bad_file_once(up, scratch):
    folder = scratch / "lake"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.parquet").write_bytes(b"not a Parquet file")
    (folder / "good.parquet").write_bytes(parquet_of(pa.table({"id": [1]})))
    running = up(folder)
    running.wait_for_rows("FROM good", [[1]])
    warning = running.daemon.wait_for_line("WARN", "refresh failed")
    assert all(f'object \\"{name}.parquet\\"' in warning for name in ("a", "b", "c"))
    # queryd checks again each second, but logs only new errors.
    tries = running.client.get("/catalog/status").json()["failed"][0]["tries"]
    wait_until(
        lambda: running.client.get("/catalog/status").json()["failed"][0]["tries"] > tries + 1,
        "the dataset was checked again",
    )
    lines = running.daemon.lines("refresh failed")
    assert len(lines) == 1, "\n".join(lines)
    (folder / "d.parquet").write_bytes(b"not a Parquet file")
    running.daemon.wait_for_line("WARN", "refresh failed", "d.parquet")
