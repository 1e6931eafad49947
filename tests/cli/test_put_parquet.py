"""tarn put of Parquet: it accepts the files that queryd can read, and no others."""

from decimal import Decimal

import pyarrow
import pyarrow.parquet
import pytest
from harness.put_files import write
from harness.store import parquet
from harness.tool import ok, refused


def nested(levels: int) -> pyarrow.Table:
    value: object = 7
    kind = pyarrow.int64()
    for _ in range(levels):
        value, kind = [value], pyarrow.list_(kind)
    return pyarrow.table({"v": pyarrow.array([value], kind)})


def write_table(lake, table: pyarrow.Table, **options):
    path = lake.folder / "a.parquet"
    pyarrow.parquet.write_table(table, path, **options)
    return path


def put(lake, run, path, *options):
    return run("put", "--config", lake.write_config(), path, "--as", "t", *options)


@pytest.mark.parametrize("options", [[], ["--no-check"]])
@pytest.mark.parametrize(
    "table, said",
    [
        (nested(17), "nested more than 16 deep"),
        (pyarrow.table({f"c{n}": [n] for n in range(10_001)}), "10001 columns"),
        (
            pyarrow.table({"d": pyarrow.array([Decimal(1)], pyarrow.decimal256(40, 2))}),
            'its column "d" is a DECIMAL of 40 digits, and at most 38 are supported',
        ),
    ],
)
def test_footer_has_the_limits_of_queryd(lake, run, table, said, options):
    done = put(lake, run, write_table(lake, table), *options)
    refused(done, "a.parquet", said)
    assert lake.catalog.get("/catalog/datasets/t").status == 404


def test_footer_has_the_settings_of_queryd(lake, run):
    path = write_table(lake, nested(5))
    lake.set("queryd", schema_depth_max=10)
    refused(put(lake, run, path), "a.parquet", "queryd.schema_depth_max")
    values = write(lake.folder, "a.json", '{"v":[[[[[7]]]]]}')
    refused(put(lake, run, values), "queryd.schema_depth_max")
    long = pyarrow.table({f"{'c' * 100}{n}": [n] for n in range(9000)})
    lake.set("queryd", schema_depth_max=64, footer_bytes_max=1_000_000)
    refused(put(lake, run, write_table(lake, long)), "a.parquet", "queryd.footer_bytes_max")


def test_largest_footer_is_accepted_and_read(lake, run):
    ok(put(lake, run, write_table(lake, nested(16))))
    assert lake.query.sql("SELECT typeof(v) FROM t").rows() == [["BIGINT" + "[]" * 16]]


def test_damaged_footer(lake, run):
    content = bytearray(parquet("SELECT range AS n FROM range(10)"))
    length = int.from_bytes(content[-8:-4], "little")
    content[-8 - length : -8] = b"\xff" * length
    refused(put(lake, run, write(lake.folder, "a.parquet", bytes(content))), "a.parquet", "footer")
    content[-8:-4] = (1_000_000).to_bytes(4, "little")
    refused(put(lake, run, write(lake.folder, "a.parquet", bytes(content))), "longer than the")


def test_file_that_is_not_parquet(lake, run):
    done = put(lake, run, write(lake.folder, "a.parquet", "PAR1 of something else"))
    refused(done, '"', "a.parquet", "cannot be read")
    assert "Error:" not in done.stderr


@pytest.mark.parametrize("group", [0, 4])
@pytest.mark.parametrize("column", [0, 1])
def test_every_page_is_read(lake, run, group, column):
    """The damage is in one column chunk, and no statistics reveal it."""
    table = pyarrow.table({"n": range(50_000), "text": [f"text {n}" for n in range(50_000)]})
    path = write_table(lake, table, row_group_size=10_000, compression="zstd")
    chunk = pyarrow.parquet.ParquetFile(path).metadata.row_group(group).column(column)
    start = chunk.data_page_offset + chunk.total_compressed_size // 2
    content = bytearray(path.read_bytes())
    content[start : start + 40] = b"\xff" * 40
    write(lake.folder, "a.parquet", bytes(content))
    refused(put(lake, run, path), "a.parquet", "cannot be read", "--no-check")
    ok(put(lake, run, path, "--no-check"))
