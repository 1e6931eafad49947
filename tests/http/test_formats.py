"""POST /sql in JSON, NDJSON, CSV and Arrow: the choice of the format, its content, and compression.
The expected values come from DuckDB's Python module, which has none of our code."""

import base64
import csv
import gzip
import io
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from harness.client import Answer, Client
from harness.store import local_duckdb

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


@pytest.fixture(scope="module")
def client(shared_lake) -> Client:
    return shared_lake.query


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


# --- choice of the format


@each_format
def test_format_of_the_query_string(client, name):
    answer = ask(client, SMALL, name)
    assert answer.status == 200
    assert answer.content_type.split(";")[0] == CONTENT_TYPES[name]
    assert read(name, answer.body).names == ["n", "t"]


def test_csv_says_that_it_is_utf_8_and_has_a_header(client):
    parameters = ask(client, SMALL, "csv").content_type.replace(" ", "").split(";")[1:]
    assert sorted(parameters) == ["charset=utf-8", "header=present"]


@each_format
def test_format_of_the_accept_header(client, name):
    answer = client.sql(SMALL, {"Accept": CONTENT_TYPES[name]})
    assert answer.content_type.split(";")[0] == CONTENT_TYPES[name]
    read(name, answer.body)


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html", "json"),
        ("image/png, text/plain", "json"),
        ("application/json", "json"),
        ("TEXT/CSV", "csv"),
        ("text/csv;q=0.9, application/json;q=0.1", "csv"),
        ("application/json;q=0.1, text/csv;q=0.9", "csv"),
        ("text/csv;q=0.1,application/x-ndjson;q=0.5,application/json;q=0.2", "ndjson"),
        ("text/csv; charset=utf-8; q=0.2, application/vnd.apache.arrow.stream;q=0.3", "arrow"),
        ("application/json;q=0.5, text/csv", "csv"),
        ("text/html, application/vnd.apache.arrow.stream;q=0.01", "arrow"),
        ("text/csv, application/x-ndjson", "csv"),
        ("application/x-ndjson, text/csv", "ndjson"),
        ("text/csv;q=0", "json"),
        ("text/csv;q=0, application/x-ndjson;q=0.001", "ndjson"),
        (", ,;q=1,text/csv,", "csv"),
        ("text/csvx, xtext/csv", "json"),
    ],
)
def test_accept_is_weighed(client, accept, name):
    answer = client.sql(SMALL, {"Accept": accept})
    assert (answer.status, answer.content_type.split(";")[0]) == (200, CONTENT_TYPES[name])
    read(name, answer.body)


@pytest.mark.parametrize(
    "query",
    [
        "format=csv",
        "format=%63sv",
        "a=b&format=csv",
        "format=csv&format=json",
        "xformat=json&format=csv&y",
        "&&format=csv&&",
    ],
)
def test_query_string_wins_over_accept(client, query):
    answer = client.request(
        "POST", f"/sql?{query}", json.dumps({"sql": SMALL}), {"Accept": "application/x-ndjson"}
    )
    assert answer.content_type.split(";")[0] == CONTENT_TYPES["csv"]


@pytest.mark.parametrize("query", ["", "Format=csv", "pretty", "x=format=csv", "formats=csv"])
def test_other_parameters_are_ignored(client, query):
    answer = client.request("POST", f"/sql?{query}", json.dumps({"sql": SMALL}))
    assert answer.content_type.split(";")[0] == CONTENT_TYPES["json"]


@pytest.mark.parametrize("name", ["xml", "", "CSV", "json,csv", "%00", "csv%20", "parquet", "%zz"])
def test_unknown_format_is_an_error(client, name):
    ask(client, SMALL, name).expect_text_error(400, "format: must be json, ndjson, csv or arrow")


def test_format_without_a_value_is_an_error(client):
    answer = client.request("POST", "/sql?format", json.dumps({"sql": SMALL}))
    answer.expect_text_error(400, "format: must be json, ndjson, csv or arrow")


# --- small and large results


@each_format
def test_small_result_is_whole(client, name):
    answer = ask(client, SMALL, name)
    assert not is_chunked(answer)
    table = read(name, answer.body)
    assert table.names == ["n", "t"]
    numbers = [str(n) if name == "csv" else n for n in range(3)]
    assert table.rows == [[n, f"row {i}"] for i, n in enumerate(numbers)]


@each_format
def test_large_result_is_chunked(client, name):
    answer = ask(client, LARGE, name)
    assert is_chunked(answer)
    assert answer.headers["Trailer"] == "X-Truncated"
    assert len(answer.body) > 2 << 20
    table = read(name, answer.body)
    assert table.names == ["n", "t", "x"]
    if name == "csv":
        table.rows = [[int(n), *rest] for n, *rest in table.rows]
    assert table.rows == LARGE_ROWS


@each_format
def test_empty_result(client, name):
    answer = ask(client, "SELECT 1 AS a, 'x' AS b WHERE false", name)
    assert (answer.status, is_chunked(answer)) == (200, False)
    assert read(name, answer.body).rows == []
    if name == "ndjson":
        assert answer.body == b'{"status":"ok","row_count":0}\n'
    else:
        assert read(name, answer.body).names == ["a", "b"]


# --- NDJSON


def test_ndjson_lines(client):
    answer = ask(
        client, "SELECT 1 AS a, NULL::DATE AS d UNION ALL SELECT 2, '2026-01-31'", "ndjson"
    )
    assert answer.body == (
        b'{"a":1,"d":null}\n{"a":2,"d":"2026-01-31"}\n{"status":"ok","row_count":2}\n'
    )


def test_ndjson_names_that_come_again_are_numbered(client):
    text = 'SELECT 1 AS a, 2 AS a, 3 AS "A", 4 AS a_1, 5 AS "q""\\"'
    row = json.loads(ask(client, text, "ndjson").body.splitlines()[0], object_pairs_hook=list)
    names = [name for name, _ in row]
    assert [value for _, value in row] == [1, 2, 3, 4, 5]
    assert names == [column[0] for column in local_duckdb().execute(f"FROM ({text})").description]
    assert len({name.lower() for name in names}) == 5


def test_ndjson_text_with_line_breaks_is_one_line(client):
    answer = ask(client, "SELECT E'a\\nb\\r\\n\u2028' AS t", "ndjson")
    assert json.loads(answer.body.split(b"\n")[0]) == {"t": "a\nb\r\n\u2028"}
    assert answer.body.count(b"\n") == 2


def test_ndjson_error_after_rows_is_the_last_line(shared_lake):
    text = (
        "SELECT CASE WHEN n = 2999999 THEN error('very late') ELSE n END AS n "
        "FROM range(3000000) t(n)"
    )
    body = json.dumps({"sql": text})
    with shared_lake.query.connect() as connection:
        head = (
            "POST /sql?format=ndjson HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall((head + body).encode())
        with connection.makefile("rb") as file:
            received = file.read()
    assert received.startswith(b"HTTP/1.1 200 ")
    # The last chunk has the status, and the final chunk of the body is missing.
    assert received.endswith(b"\n\r\n")
    last = received.splitlines()[-2]
    status = json.loads(last)
    assert status["status"] == "error" and "very late" in status["error"]


# --- CSV

CSV_TEXTS = [
    "plain",
    "",
    None,
    "comma, comma",
    'quote " quote',
    '"',
    '""',
    "line\nline",
    "line\r\nline",
    "\r",
    " spaces ",
    "tab\ttab",
    "ünï 🦆",
    'a,b\n"c"\r\n,',
    "NULL",
    "\\N",
    "'",
    "=1+1",
    "\x01\x7f",
    ";",
]


def csv_literal(text: str | None) -> str:
    return "NULL::VARCHAR" if text is None else "'" + text.replace("'", "''") + "'"


def test_csv_texts_come_back_through_pythons_reader(client):
    text = " UNION ALL ".join(
        f"SELECT {i} AS i, {csv_literal(t)} AS t, 1 AS e" for i, t in enumerate(CSV_TEXTS)
    )
    answer = ask(client, f"SELECT * FROM ({text}) ORDER BY i", "csv")
    rows = read("csv", answer.body).rows
    assert rows == [[str(i), text or "", "1"] for i, text in enumerate(CSV_TEXTS)]
    # This reader does not distinguish an empty text and NULL, but their bytes differ.
    assert b'\r\n1,"",1\r\n2,,1\r\n' in answer.body


def test_csv_comes_back_through_duckdb(client, scratch):
    text = " UNION ALL ".join(
        f"SELECT {i} AS i, {csv_literal(t)} AS t" for i, t in enumerate(CSV_TEXTS)
    )
    file = scratch / "back.csv"
    file.write_bytes(ask(client, f"SELECT * FROM ({text}) ORDER BY i", "csv").body)
    back = local_duckdb().execute(
        f"SELECT t FROM read_csv('{file}', header = true, all_varchar = true, quote = '\"', "
        "escape = '\"', delim = ',', auto_detect = false, "
        "columns = {'i': 'VARCHAR', 't': 'VARCHAR'}, new_line = '\\r\\n', "
        "allow_quoted_nulls = false)"
    )
    assert [row[0] for row in back.fetchall()] == CSV_TEXTS


def test_csv_names_are_quoted_and_stay_as_they_are(client):
    answer = ask(client, 'SELECT 1 AS "a,b", 2 AS "say ""x""", 3 AS "l\n", 4 AS d, 5 AS d', "csv")
    assert read("csv", answer.body).names == ["a,b", 'say "x"', "l\n", "d", "d"]
    assert answer.body.startswith(b'"a,b","say ""x""","l\n",d,d\r\n')


def test_csv_null_in_the_only_column_is_an_empty_line(client):
    answer = ask(client, "SELECT * FROM (VALUES ('a'), (NULL), ('')) t(v)", "csv")
    assert answer.body == b'v\r\na\r\n\r\n""\r\n'


# --- Arrow


def test_arrow_fields_carry_duckdbs_name_of_the_type(client):
    text = "SELECT 1::HUGEINT AS a, 1.50::DECIMAL(9,2) AS b, ['x'] AS c, {'k': 1} AS d, 'y' AS e"
    schema = read_arrow(ask(client, text, "arrow").body).schema
    types = {field.name: field.metadata[b"tarn.type"].decode() for field in schema}
    assert types == {
        "a": "HUGEINT",
        "b": "DECIMAL(9,2)",
        "c": "VARCHAR[]",
        "d": "STRUCT(k INTEGER)",
        "e": "VARCHAR",
    }
    assert [str(field.type) for field in schema][:2] == ["string", "decimal128(9, 2)"]


def test_arrow_empty_result_has_the_whole_schema(client):
    where = "SELECT 1::BIGINT AS a, [DATE '2026-01-31'] AS b, 'x'::ENUM('x', 'y') AS c WHERE {}"
    full = read_arrow(ask(client, where.format("true"), "arrow").body)
    empty = read_arrow(ask(client, where.format("false"), "arrow").body)
    assert (full.num_rows, empty.num_rows) == (1, 0)
    assert empty.schema.equals(full.schema, check_metadata=True)


def test_arrow_names_that_come_twice_stay(client):
    table = read_arrow(ask(client, "SELECT 1 AS a, 2 AS a", "arrow").body)
    assert table.column_names == ["a", "a"]
    assert [column.to_pylist() for column in table.columns] == [[1], [2]]


def test_arrow_batches_are_small(client):
    with pa.ipc.open_stream(ask(client, LARGE, "arrow").body) as reader:
        sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == 60000
    assert max(sizes) <= 2048


def test_duckdb_reads_the_same_values_from_arrow(client):
    text = (
        "SELECT n, n::VARCHAR AS t, [n, NULL] AS l, {'a': n} AS s, "
        "DATE '2026-01-01' + n::INT AS d, "
        "n / 8 AS f, (n * 1.5)::DECIMAL(18,2) AS c, CASE WHEN n % 3 = 0 THEN n END AS h "
        "FROM range(10000) t(n)"
    )
    table = read_arrow(ask(client, text, "arrow").body)
    with duckdb.connect() as connection:
        connection.register("received", table)
        left = connection.execute(f"FROM received EXCEPT ALL ({text})").fetchall()
        count = connection.execute("SELECT count(*) FROM received").fetchone()
    assert (left, count) == ([], (10000,))


# --- all types in all formats, compared with DuckDB's Python module


def same(value: Any) -> Any:
    return value


def interval(text: str) -> timedelta:
    """Python's timedelta has no months. DuckDB's module uses 30 days."""
    days = 0
    micros = Decimal(0)
    day_part, _, time_part = text.removeprefix("P").partition("T")
    units = {"Y": 360, "M": 30, "D": 1}
    seconds = {"H": 3600, "M": 60, "S": 1}
    for part, scale, is_time in ((day_part, units, False), (time_part, seconds, True)):
        number = ""
        for char in part:
            if char not in scale:
                number += char
                continue
            if is_time:
                micros += Decimal(number) * scale[char] * 1_000_000
            else:
                days += int(number) * scale[char]
            number = ""
    return timedelta(days=days, microseconds=int(micros))


def boolean(text: str) -> bool:
    return {"true": True, "false": False}[text]


def number(kind: type) -> Callable[[Any], Any]:
    return lambda value: kind(str(value))


def in_utc(text: str) -> datetime:
    """A TIMESTAMPTZ, which DuckDB's module returns only with pytz."""
    moment = datetime.fromisoformat(text)
    assert moment.utcoffset() == timedelta(0)
    return moment.replace(tzinfo=None)


def pairs(value: list) -> dict:
    return dict(tuple(pair) for pair in value)


@dataclass(frozen=True)
class Case:
    """A value, and the conversion from each format to the value of DuckDB's module."""

    sql: str
    text: Callable[[str], Any]  # From CSV, and from text in Arrow.
    json: Callable[[Any], Any] = same
    arrow: Callable[[Any], Any] = same
    local: str = ""  # Another expression for DuckDB's module.


def scalar(sql: str, text: Callable[[str], Any], **readers: Any) -> Case:
    """JSON has the text in quotes."""
    return Case(sql, text, **({"json": text} | readers))


def nested(sql: str, from_json: Callable[[Any], Any] = same, **readers: Any) -> Case:
    """CSV has JSON in a field."""
    return Case(sql, lambda t: from_json(json.loads(t, parse_float=Decimal)), from_json, **readers)


TYPES = [
    Case("true", boolean),
    Case("false", boolean),
    *(Case(f"{low}::{name}", int) for name, low in [("TINYINT", "(-128)"), ("SMALLINT", "(-3)")]),
    Case("2147483647", int),
    Case("9223372036854775807", int),
    Case("'-9223372036854775808'::BIGINT", int),
    Case("255::UTINYINT", int),
    Case("65535::USMALLINT", int),
    Case("4294967295::UINTEGER", int),
    Case("18446744073709551615::UBIGINT", int),
    Case(f"'{2**127 - 1}'::HUGEINT", int, arrow=int),
    Case(f"'{-(2**127)}'::HUGEINT", int, arrow=int),
    Case(f"'{2**128 - 1}'::UHUGEINT", int, arrow=int),
    Case("0.1::DOUBLE", float, number(float)),
    Case("'1.7976931348623157e308'::DOUBLE", float, number(float)),
    Case("'-inf'::DOUBLE", float, number(float)),
    Case("0.1::FLOAT::DOUBLE", float, number(float)),
    Case("1.10::DECIMAL(4,2)", Decimal),
    Case("'-12345678901234567.89'::DECIMAL(19,2)", Decimal),
    Case(f"'-{'9' * 38}'::DECIMAL(38,0)", Decimal, number(Decimal)),
    Case(f"'0.{'0' * 37}1'::DECIMAL(38,38)", Decimal),
    Case("'it''s \"q\", ü 🦆'", same),
    Case("''", same),
    Case("'b'::ENUM('a', 'b')", same),
    Case("'{\"a\": [1, 2]}'::JSON", same),
    Case("'0101101'::BIT", same),
    scalar("'6b9c2f8e-1f2b-4c3d-9e4f-0a1b2c3d4e5f'::UUID", uuid.UUID, arrow=uuid.UUID),
    scalar("'\\x00\\xFFa'::BLOB", base64.b64decode, arrow=same),
    scalar("DATE '2026-01-31'", date.fromisoformat, arrow=same),
    scalar("DATE '0001-01-01'", date.fromisoformat, arrow=same),
    scalar("TIME '03:04:05.5'", time.fromisoformat, arrow=same),
    scalar("'03:04:05.000001-05:30'::TIMETZ", time.fromisoformat, arrow=time.fromisoformat),
    scalar("TIMESTAMP '2026-01-31 03:04:05.25'", datetime.fromisoformat, arrow=same),
    scalar("TIMESTAMP '1677-01-31 03:04:05.000001'", datetime.fromisoformat, arrow=same),
    scalar("TIMESTAMP_S '2026-01-31 03:04:05'", datetime.fromisoformat, arrow=same),
    scalar("TIMESTAMP_MS '2026-01-31 03:04:05.678'", datetime.fromisoformat, arrow=same),
    scalar(
        "TIMESTAMPTZ '2026-01-31 03:04:05+02'",
        in_utc,
        arrow=lambda moment: in_utc(moment.isoformat()),
        local="TIMESTAMP '2026-01-31 01:04:05'",
    ),
    scalar("INTERVAL '1 year 2 months -3 days 04:05:06.5'", interval, arrow=interval),
    scalar("INTERVAL '-1 microsecond'", interval, arrow=interval),
    nested("[1, NULL, 3]"),
    nested("[]::INTEGER[]"),
    nested("[[1.50], [], NULL]"),
    nested("[1, 2, 3]::INTEGER[3]", tuple, arrow=tuple),
    nested("{'a': 1, 'b': ['x', NULL], 'n': NULL::DATE}"),
    nested("[{'d': DATE '2026-01-31'}]", lambda v: [{"d": date.fromisoformat(v[0]["d"])}]),
    nested("MAP {'k': 1, 'q\"': NULL}", arrow=pairs),
    nested("MAP {1: 'a', 2: NULL}", pairs, arrow=pairs),
    nested("'x'::UNION(num INTEGER, str VARCHAR)", arrow=json.loads),
    nested("2::UNION(num INTEGER, str VARCHAR)", arrow=json.loads),
    nested(f"[{2**64}::HUGEINT, NULL]", arrow=json.loads),
]


def reader_of(case: Case, name: str) -> Callable[[Any], Any]:
    if name == "csv":
        return case.text
    return case.arrow if name == "arrow" else case.json


def read_as_python(name: str, body: bytes, cases: list[Case]) -> list[tuple]:
    readers = [reader_of(case, name) for case in cases]
    return [
        tuple(
            # CSV has an empty field for NULL, which Python's reader does not distinguish from "".
            (None if name == "csv" and value == "" and reader is not same else reader(value))
            if value is not None
            else None
            for reader, value in zip(readers, row, strict=True)
        )
        for row in read(name, body).rows
    ]


@each_format
@pytest.mark.parametrize("case", TYPES, ids=[case.sql[:40] for case in TYPES])
def test_type(client, name, case):
    text = "SELECT 1 AS n, {0} AS v UNION ALL SELECT 2, {0} ORDER BY n"
    expected = local_duckdb().execute(text.format(case.local or case.sql)).fetchall()
    answer = ask(client, text.format(case.sql), name)
    assert answer.status == 200, answer.text
    rows = read_as_python(name, answer.body, [Case("n", int), case])
    assert rows == expected
    assert [type(row[1]) for row in rows] == [type(row[1]) for row in expected]


@each_format
@pytest.mark.parametrize("case", TYPES, ids=[case.sql[:40] for case in TYPES])
def test_type_between_nulls(client, name, case):
    """Values in a vector with NULLs, not constants. NULL differs from the empty text."""
    text = (
        "SELECT n, v FROM range(3000) t(n) LEFT JOIN (SELECT 1 AS r, {} AS v) ON n % 3 = r "
        "ORDER BY n"
    )
    expected = local_duckdb().execute(text.format(case.local or case.sql)).fetchall()
    answer = ask(client, text.format(case.sql), name)
    assert answer.status == 200, answer.text
    if name != "csv":
        assert read_as_python(name, answer.body, [Case("n", int), case]) == expected
        return
    # Compares bytes, because Python's reader does not distinguish NULL and an empty text.
    nulls = [line for line in answer.body.split(b"\r\n")[1:-1] if line.endswith(b",")]
    assert nulls == [b"%d," % n for n in range(3000) if n % 3 != 1]
    rows = [(int(n), case.text(v)) for n, v in read("csv", answer.body).rows if int(n) % 3 == 1]
    assert rows == expected[1::3]


@each_format
def test_all_types_side_by_side_in_a_large_result(client, name):
    (expected,) = (
        local_duckdb()
        .execute("SELECT " + ", ".join(case.local or case.sql for case in TYPES))
        .fetchall()
    )
    columns = ", ".join(f"{case.sql} AS c{i}" for i, case in enumerate(TYPES))
    answer = ask(client, f"SELECT {columns} FROM range(5000)", name)
    assert is_chunked(answer)
    rows = read_as_python(name, answer.body, TYPES)
    assert len(rows) == 5000
    assert all(row == expected for row in rows)


@each_format
def test_type_without_an_encoding_is_an_error_in_each_format(client, name):
    answer = ask(client, "SELECT 1 AS a, get_type(1) AS t", name)
    answer.expect_text_error(
        400, "query: column 2 has a type that has no encoding, cast it to VARCHAR"
    )


@pytest.mark.parametrize("name", ["json", "ndjson"])
def test_big_numbers_are_quoted_in_both_kinds_of_json(client, name):
    text = "SELECT 9007199254740993 AS a, 1 AS b, [9007199254740993] AS c"
    rows = read(name, ask(client, text, name, big_numbers="string").body).rows
    assert rows == [["9007199254740993", 1, ["9007199254740993"]]]


def test_big_numbers_in_csv_are_quoted_within_json_alone(client):
    text = "SELECT 9007199254740993 AS a, [9007199254740993] AS c"
    answer = ask(client, text, "csv", big_numbers="string")
    assert answer.body == b'a,c\r\n9007199254740993,"[""9007199254740993""]"\r\n'


# --- compression


def decoded(answer: Answer) -> bytes:
    encoding = answer.headers.get("Content-Encoding")
    if encoding == "gzip":
        return gzip.decompress(answer.body)
    if encoding == "zstd":
        with pa.input_stream(pa.BufferReader(answer.body), compression="zstd") as stream:
            return stream.read()
    assert encoding is None
    return answer.body


MIDDLE = "SELECT n, 'row ' || n AS t FROM range(1000) t(n)"


@each_format
@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("text", [MIDDLE, LARGE], ids=["whole", "chunked"])
def test_compressed_body_is_that_of_the_plain_one(client, name, encoding, text):
    if text == LARGE:
        # Without long repetitions, so that it is large when compressed too.
        text = "SELECT n, md5(n::VARCHAR) AS t FROM range(80000) t(n)"
    plain = ask(client, text, name)
    answer = ask(client, text, name, {"Accept-Encoding": encoding})
    assert answer.headers["Content-Encoding"] == encoding
    assert answer.content_type == plain.content_type
    assert is_chunked(answer) == is_chunked(plain) == ("md5" in text)
    assert len(answer.body) < len(plain.body)
    assert decoded(answer) == plain.body


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0.5, gzip;q=0.5", "zstd"),
        ("gzip;q=0, zstd", "zstd"),
        ("zstd;q=0, gzip", "gzip"),
        ("zstd;q=0, gzip;q=0.0", None),
        ("gzip;q=0", None),
        ("identity", None),
        ("br, deflate", None),
        ("", None),
    ],
)
def test_accept_encoding_is_weighed(client, accept, encoding):
    answer = client.sql(MIDDLE, {"Accept-Encoding": accept})
    assert answer.headers.get("Content-Encoding") == encoding
    assert json.loads(decoded(answer))["row_count"] == 1000


@each_format
def test_small_result_is_not_compressed(client, name):
    answer = ask(client, SMALL, name, {"Accept-Encoding": "gzip, zstd"})
    assert len(answer.body) < 1024
    assert "Content-Encoding" not in answer.headers
    read(name, answer.body)


@pytest.mark.parametrize(("size", "encoding"), [(1023, None), (1024, "gzip")])
def test_compression_begins_at_a_kibibyte(client, size, encoding):
    text = "SELECT repeat('x', {}) AS t"
    frame = len(client.sql(text.format(0)).body)
    answer = client.sql(text.format(size - frame), {"Accept-Encoding": "gzip"})
    assert answer.headers.get("Content-Encoding") == encoding
    assert len(decoded(answer)) == size


@each_format
@pytest.mark.parametrize("accept", ["gzip", "identity"])
@pytest.mark.parametrize("text", [SMALL, MIDDLE, LARGE], ids=["small", "middle", "large"])
def test_vary_has_the_headers_of_the_request(client, name, accept, text):
    answer = ask(client, text, name, {"Accept-Encoding": accept})
    varies = {field.strip().lower() for field in answer.headers["Vary"].split(",")}
    assert varies == {"accept", "accept-encoding"}


# --- errors


@each_format
@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("SELEC 1", "query: "),
        ("SELECT error('spoken')", "query: "),
        ("DROP TABLE x", "query: not allowed: DROP"),
        (" ", "sql is empty"),
        # Rows exist already, but are still buffered.
        (
            "SELECT CASE WHEN n = 9999 THEN error('late') ELSE n END FROM range(10000) t(n)",
            "query: ",
        ),
    ],
    ids=["syntax", "fails", "refused", "empty", "late"],
)
def test_error_is_text_in_all_formats(client, name, text, start):
    headers = {"Accept-Encoding": "gzip, zstd"}
    answer = ask(client, text, name, headers)
    answer.expect_error(400, start)
    assert "Content-Encoding" not in answer.headers
    by_accept = client.sql(text, {"Accept": CONTENT_TYPES[name] + ", application/problem+json"})
    assert by_accept.status == 400
    assert by_accept.content_type == "application/problem+json"
    assert by_accept.json()["detail"] + "\n" == answer.text
