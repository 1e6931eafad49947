"""Results of POST /sql in each format, and their readers."""

import csv
import gzip
import io
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from harness.client import Answer, Client

FORMATS = ["json", "ndjson", "csv", "arrow"]
CONTENT_TYPES = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
}
each_format = pytest.mark.parametrize("name", FORMATS)
# Larger than queryd.result_buffer_bytes in all formats.
LARGE = "SELECT n, 'row ' || n AS t, repeat('x', 20) AS x FROM range(60000) t(n)"
LARGE_ROWS = [[n, f"row {n}", "x" * 20] for n in range(60000)]
SMALL = "SELECT n, 'row ' || n AS t FROM range(3) t(n)"
MIDDLE = "SELECT n, 'row ' || n AS t FROM range(1000) t(n)"


def ask(client: Client, text: str, name: str, headers=None, **options: Any) -> Answer:
    body = json.dumps({"sql": text, **options})
    return client.request("POST", f"/sql?format={name}", body, headers)


@dataclass
class Table:
    names: list[str]
    rows: list[list[Any]]


def read(name: str, body: bytes) -> Table:
    """A complete result in a format, read with a standard reader of that format."""
    if name == "json":
        result = json.loads(body, parse_float=Decimal)
        assert result["row_count"] == len(result["rows"])
        return Table([column["name"] for column in result["columns"]], result["rows"])
    if name == "ndjson":
        text = body.decode()
        assert text.endswith("\n") and "\r" not in text
        *rows, status = [json.loads(line, parse_float=Decimal) for line in text.splitlines()]
        assert status["status"] == "ok" and status["row_count"] == len(rows)
        names = list(rows[0]) if rows else []
        assert all(list(row) == names for row in rows)
        return Table(names, [list(row.values()) for row in rows])
    if name == "csv":
        assert body.endswith(b"\r\n")
        names, *rows = csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
        return Table(names, rows)
    table = read_arrow(body)
    columns = [column.to_pylist() for column in table.columns]
    return Table(table.column_names, [list(row) for row in zip(*columns, strict=True)])


def read_arrow(body: bytes) -> pa.Table:
    with pa.ipc.open_stream(body) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table


def is_chunked(answer: Answer) -> bool:
    chunked = answer.headers.get("Transfer-Encoding") == "chunked"
    assert chunked == ("Content-Length" not in answer.headers)
    if not chunked:
        assert answer.headers["Content-Length"] == str(len(answer.body))
    return chunked


def decoded(answer: Answer) -> bytes:
    encoding = answer.headers.get("Content-Encoding")
    if encoding == "gzip":
        return gzip.decompress(answer.body)
    if encoding == "zstd":
        with pa.input_stream(pa.BufferReader(answer.body), compression="zstd") as stream:
            return stream.read()
    assert encoding is None
    return answer.body
