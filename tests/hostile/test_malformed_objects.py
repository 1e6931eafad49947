"""Malicious Parquet objects: an error names them, and no process ends."""

from decimal import Decimal

import pyarrow
import pyarrow.parquet
import pytest
from harness import thrift
from harness.engine import engine_pid, failures, metric, probe_pids
from harness.store import parquet
from harness.waiting import wait_until

DEEP = thrift.nested_file(100_000)
TOO_DEEP = (
    "its schema is nested more than 64 levels deep, which is the limit (queryd.schema_depth_max)"
)


def failed(client) -> dict[str, str]:
    return {each["name"]: each["error"] for each in client.get("/catalog/status").json()["failed"]}


def wait_for_failure(client, name: str, daemon) -> str:
    wait_until(lambda: name in failed(client), lambda: f"{name} fails\n{daemon.log_tail}")
    return failed(client)[name]


def probe_failures(client) -> float:
    name = "tarn_probe_failures_total"
    return sum(metric(client, f'{name}{{reason="{reason}"}}') for reason in ("crash", "memory"))


def test_deeply_nested_schema_fails_only_its_dataset(lake):
    lake.add("good", "SELECT 1 AS id")
    lake.wait_for_rows("good", [[1]])
    before = engine_pid(lake.queryd), probe_pids(lake.queryd)
    key = lake.files.put("deep.parquet", DEEP)
    lake.catalog.put_keys("deep", key)
    assert wait_for_failure(lake.query, "deep", lake.queryd) == f'object "{key}": {TOO_DEEP}'
    text = lake.query.sql("FROM deep").expect_error(400, 'query: dataset "deep": ')
    assert text.strip().endswith(TOO_DEEP)
    # The dataset is retried, and other datasets become visible meanwhile.
    lake.add("next", "SELECT 2 AS id", key="next.parquet")
    lake.wait_for_rows("next", [[2]])
    wait_until(
        lambda: lake.query.get("/catalog/status").json()["failed"][0]["tries"] > 2,
        "the dataset is retried",
    )
    lake.wait_for_rows("good", [[1]])
    assert (engine_pid(lake.queryd), probe_pids(lake.queryd)) == before
    assert failures(lake.query) == probe_failures(lake.query) == 0


def test_decimals_of_more_than_38_digits_fail_only_their_dataset(lake):
    table = pyarrow.table({"d": pyarrow.array([Decimal(1)], pyarrow.decimal256(40, 2))})
    file = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, file)
    key = lake.files.put("wide.parquet", file.getvalue().to_pybytes())
    lake.catalog.put_keys("wide", key)
    error = wait_for_failure(lake.query, "wide", lake.queryd)
    assert error.startswith(f'object "{key}": its column "d" is a DECIMAL of 40 digits')


def test_deeply_nested_file_of_tarn_up(up, scratch):
    folder = scratch / "lake"
    folder.mkdir()
    (folder / "deep.parquet").write_bytes(DEEP)
    (folder / "good.parquet").write_bytes(parquet("SELECT 1 AS id"))
    running = up(folder)
    running.wait_for_rows("FROM good", [[1]])
    error = wait_for_failure(running.client, "deep", running.daemon)
    assert error == f'object "deep.parquet": {TOO_DEEP}'
    wait_until(
        lambda: running.client.get("/catalog/status").json()["failed"][0]["tries"] > 2,
        "the dataset is retried",
    )
    assert not running.daemon.lines("engine ended") + running.daemon.lines("probe process ended")


@pytest.mark.parametrize("depth", [1, 62])
def test_schema_within_the_limit_is_read(lake, depth):
    lake.catalog.put_keys("nested", lake.files.put("nested.parquet", thrift.nested_file(depth)))
    lake.wait_for_rows("nested", [])
    assert lake.query.sql("DESCRIBE nested").rows()[0][1].count("STRUCT") == depth


def test_footer_limits_are_settings(new_lake):
    lake = new_lake.set("queryd", schema_depth_max=8, footer_bytes_max=1_000_000).start()
    lake.catalog.put_keys("deep", lake.files.put("deep.parquet", thrift.nested_file(8)))
    assert "more than 8 levels" in wait_for_failure(lake.query, "deep", lake.queryd)
    good = parquet("SELECT 1 AS id")
    # A field that no reader knows.
    footer = thrift.Decoder(thrift.footer_of(good)).struct()
    footer.append(thrift.Field(1000, thrift.BINARY, bytes(1_000_000)))
    long = thrift.with_footer(good, thrift.encode_struct(footer))
    lake.catalog.put_keys("long", lake.files.put("long.parquet", long))
    error = wait_for_failure(lake.query, "long", lake.queryd)
    assert "at most 1000000 are supported (queryd.footer_bytes_max)" in error


def test_lists_of_empty_row_groups_are_refused(lake):
    """A decoder allocates memory for all of them before it reads the first one."""
    row_groups = b"\x19\xfc" + thrift.varint(50_000_000) + bytes(50_000_000)
    head = bytes([0x2C]) + thrift.schema_element("root", 1) + thrift.schema_element("n")
    footer = b"\x15\x02\x19" + head + b"\x16\x00" + row_groups
    data = b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    key = lake.files.put("claims.parquet", data)
    lake.catalog.put_keys("claims", key)
    error = wait_for_failure(lake.query, "claims", lake.queryd)
    assert error.startswith(f'object "{key}": its footer is damaged (')
    assert failures(lake.query) == probe_failures(lake.query) == 0


def test_footer_that_needs_too_much_memory_names_the_object_and_the_limit(new_lake):
    """Five million entries of metadata, each of which takes 64 bytes or more once decoded."""
    lake = new_lake.set("queryd", probe_memory_limit=50_000_000).start()
    footer = thrift.Decoder(thrift.footer_of(parquet("SELECT 1 AS other"))).struct()
    footer = [field for field in footer if field.id != 5]
    entry = [thrift.Field(1, thrift.BINARY, b"key"), thrift.Field(2, thrift.BINARY, b"v")]
    footer.append(thrift.Field(5, thrift.LIST, (thrift.STRUCT, [entry])))
    footer.sort(key=lambda field: field.id)
    encoded = thrift.encode_struct(footer)
    one = thrift.encode_struct(entry)
    head = bytes([0x10 | thrift.STRUCT]) + one
    assert encoded.count(head) == 1
    count = 5_000_000
    many = bytes([0xF0 | thrift.STRUCT]) + thrift.varint(count) + one * count
    data = thrift.with_footer(parquet("SELECT 1 AS other"), encoded.replace(head, many))
    assert 45_000_000 < len(data) < 64_000_000
    key = lake.files.put("hungry.parquet", data)
    lake.catalog.put_keys("hungry", key)
    lake.add("good", "SELECT 2 AS id", key="good.parquet")
    error = wait_for_failure(lake.query, "hungry", lake.queryd)
    assert error.startswith(f'object "{key}": its footer needs more memory than the process'), error
    assert "(queryd.probe_memory_limit" in error
    lake.wait_for_rows("good", [[2]])
    assert failures(lake.query) == 0
