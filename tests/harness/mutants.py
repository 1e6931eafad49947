"""Parquet files with mutations in their footers and pages, like damaged or malicious files."""

import io
import random
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from harness import thrift
from harness.store import parquet

# Boundary values for counts, sizes, offsets and enumerations.
_NUMBERS = [
    *range(-2, 17),
    *(1 << n for n in (7, 8, 15, 16, 20, 24, 30, 31, 32, 40, 62)),
    *((1 << n) - 1 for n in (15, 16, 31, 32, 63)),
    -(1 << 31),
    -(1 << 63),
]
_TEXTS = [b"", b"a", b"\xff\xfe", b"x\0y", b"geo", b'"; DROP', b"n" * 300, "é".encode() * 20]


def seeds() -> list[bytes]:
    """Returns files of two writers with all encodings, compressions and kinds of types."""
    rows = (
        "range::INTEGER AS i, (range % 3)::VARCHAR AS s, range::DECIMAL(18, 3) AS d, range / 7 AS f"
    )
    nested = (
        "{'a': [range, NULL], 'b': MAP {'k': DATE '2026-01-01' + range::INTEGER}} AS s, "
        "[[range], NULL] AS l, range::VARCHAR::BLOB AS b, '1 day'::INTERVAL AS v, "
        "TIMESTAMPTZ '2026-01-01 00:00:00Z' AS t, (range % 2 = 0) AS flag, NULL::INTEGER AS n"
    )
    table = pa.table(
        {
            "list": pa.array([[1, None], None, []] * 50, pa.list_(pa.int8())),
            "map": pa.array([[("k", 1.5)], None, []] * 50, pa.map_(pa.string(), pa.float32())),
            "text": pa.array(["one", None, "three" * 9] * 50),
            "time": pa.array([1, None, 3] * 50, pa.timestamp("ns", "UTC")),
            "number": pa.array(range(150), pa.int64()),
            "real": pa.array([x / 3 for x in range(150)]),
            "fixed": pa.array([b"abc", b"def", b"ghi"] * 50, pa.binary(3)),
            "flag": pa.array([True, False, None] * 50),
        }
    )
    flat = table.select(["text", "number", "real", "flag"])
    encodings = {
        "text": "DELTA_BYTE_ARRAY",
        "number": "DELTA_BINARY_PACKED",
        "real": "BYTE_STREAM_SPLIT",
        "flag": "RLE",
    }
    return [
        parquet(f"SELECT {rows} FROM range(300)"),
        parquet(f"SELECT {nested} FROM range(50)"),
        parquet(f"SELECT {rows} FROM range(5000)"),
        _arrow(table, compression="zstd"),
        _arrow(table, compression="gzip", data_page_version="2.0", row_group_size=40),
        _arrow(table, compression="none", data_page_size=200, write_page_index=True),
        _arrow(flat, use_dictionary=False, column_encoding=encodings, data_page_version="2.0"),
        _arrow(flat, compression="lz4", write_page_checksum=True),
    ]


def _arrow(table: pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def mutants(seed: int, files: list[bytes] | None = None) -> Iterator[bytes]:
    """Yields files without end. The same seed gives the same files."""
    files = files or seeds()
    rng = random.Random(seed)
    while True:
        data = rng.choice(files)
        kind = rng.random()
        if kind < 0.5:
            yield _with_other_footer(rng, data)
        elif kind < 0.65:
            footer = _with_other_bytes(rng, thrift.footer_of(data))
            yield thrift.with_footer(data, footer)
        else:
            footer = thrift.footer_of(data)
            pages = data[4 : -thrift.TRAILER_BYTES - len(footer)]
            pages = _with_other_bytes(rng, pages, _page_offsets(footer))
            yield thrift.with_footer(data[:4] + pages + data[4 + len(pages) :], footer)


def _page_offsets(footer: bytes) -> list[int]:
    """Returns the positions of the first pages of all column chunks, after the magic."""
    offsets = []
    for field in thrift.Decoder(footer).struct():
        if field.id != 4:
            continue
        for group in field.value[1]:
            columns = next(part.value[1] for part in group if part.id == 1)
            for chunk in columns:
                metadata = next(part.value for part in chunk if part.id == 3)
                offsets += [part.value - 4 for part in metadata if part.id in (9, 11)]
    return offsets


def _with_other_bytes(rng: random.Random, data: bytes, at: list[int] | None = None) -> bytes:
    """Replaces a few bytes, mostly near these positions. Keeps the length."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        position = rng.randrange(len(changed))
        if at and rng.random() < 0.7:
            position = min(rng.choice(at) + rng.randrange(40), len(changed) - 1)
        changed[position] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    return bytes(changed)


def _with_other_footer(rng: random.Random, data: bytes) -> bytes:
    footer = thrift.Decoder(thrift.footer_of(data)).struct()
    for _ in range(rng.randint(1, 4)):
        _mutate(rng, rng.choice(_structs(footer)))
    return thrift.with_footer(data, thrift.encode_struct(footer))


def _structs(fields: list[thrift.Field]) -> list[list[thrift.Field]]:
    """Returns a struct and all nested structs, without empty ones."""
    found = [fields] if fields else []
    for field in fields:
        if field.type == thrift.STRUCT:
            found += _structs(field.value)
        elif field.type in (thrift.LIST, thrift.SET) and field.value[0] == thrift.STRUCT:
            for each in field.value[1]:
                found += _structs(each)
    return found


def _mutate(rng: random.Random, fields: list[thrift.Field]) -> None:
    """Changes one field of a struct."""
    field = rng.choice(fields)
    action = rng.random()
    if action < 0.1:
        fields.remove(field)
    elif action < 0.15:
        fields.append(thrift.Field(field.id, field.type, field.value))
    elif action < 0.2:
        field.id = rng.choice([0, 1, 2, 3, 4, 5, 9, 10, 11, 1000])
    elif field.type in (thrift.I16, thrift.I32, thrift.I64):
        field.value = rng.choice([*_NUMBERS, field.value + 1, field.value - 1, field.value * 2])
    elif field.type in (thrift.TRUE, thrift.FALSE):
        field.type = thrift.TRUE + thrift.FALSE - field.type
    elif field.type == thrift.BINARY:
        cut = rng.randrange(len(field.value) + 1)
        field.value = rng.choice([*_TEXTS, field.value[:cut], field.value + rng.randbytes(8)])
    elif field.type in (thrift.LIST, thrift.SET):
        _mutate_list(rng, field)


def _mutate_list(rng: random.Random, field: thrift.Field) -> None:
    kind, values = field.value
    values = list(values)
    action = rng.randrange(4)
    if action == 0 or not values:
        values = []
    elif action == 1:
        values.pop(rng.randrange(len(values)))
    elif action == 2:
        values.insert(rng.randrange(len(values) + 1), rng.choice(values))
    else:
        values = values * rng.choice([2, 3, 100])
    field.value = (kind, values)
