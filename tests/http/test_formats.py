"""POST /sql in JSON, NDJSON, CSV and Arrow: the choice of the format, and its content. The
expected values come from DuckDB's Python module, which has none of our code."""

import json

import duckdb
import pyarrow as pa
import pytest
from harness.client import Client
from harness.formats import (
    CONTENT_TYPES,
    LARGE,
    LARGE_ROWS,
    SMALL,
    ask,
    each_format,
    is_chunked,
    read,
    read_arrow,
)
from harness.store import local_duckdb


@pytest.fixture(scope="module")
def client(shared_lake) -> Client:
    return shared_lake.query


# --- choice of the format


@each_format
def test_format_of_the_query_string(client, name):
    answer = ask(client, SMALL, name)
    assert answer.status == 200
    assert answer.content_type.split(";")[0] == CONTENT_TYPES[name]
    assert read(name, answer.body).names == ["n", "t"]


def test_csv_content_type_has_utf_8_and_a_header(client):
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
def test_accept_weights_are_respected(client, accept, name):
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
def test_small_result_has_a_content_length(client, name):
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


def test_repeated_names_in_ndjson_are_numbered(client):
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


def test_csv_texts_round_trip_through_pythons_reader(client):
    text = " UNION ALL ".join(
        f"SELECT {i} AS i, {csv_literal(t)} AS t, 1 AS e" for i, t in enumerate(CSV_TEXTS)
    )
    answer = ask(client, f"SELECT * FROM ({text}) ORDER BY i", "csv")
    rows = read("csv", answer.body).rows
    assert rows == [[str(i), text or "", "1"] for i, text in enumerate(CSV_TEXTS)]
    # This reader does not distinguish an empty text and NULL, but their bytes differ.
    assert b'\r\n1,"",1\r\n2,,1\r\n' in answer.body


def test_csv_round_trips_through_duckdb(client, scratch):
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


def test_csv_names_are_quoted_and_unchanged(client):
    answer = ask(client, 'SELECT 1 AS "a,b", 2 AS "say ""x""", 3 AS "l\n", 4 AS d, 5 AS d', "csv")
    assert read("csv", answer.body).names == ["a,b", 'say "x"', "l\n", "d", "d"]
    assert answer.body.startswith(b'"a,b","say ""x""","l\n",d,d\r\n')


def test_csv_null_in_the_only_column_is_an_empty_line(client):
    answer = ask(client, "SELECT * FROM (VALUES ('a'), (NULL), ('')) t(v)", "csv")
    assert answer.body == b'v\r\na\r\n\r\n""\r\n'


# --- Arrow


def test_arrow_fields_have_duckdbs_type_names(client):
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


def test_empty_arrow_result_has_the_complete_schema(client):
    where = "SELECT 1::BIGINT AS a, [DATE '2026-01-31'] AS b, 'x'::ENUM('x', 'y') AS c WHERE {}"
    full = read_arrow(ask(client, where.format("true"), "arrow").body)
    empty = read_arrow(ask(client, where.format("false"), "arrow").body)
    assert (full.num_rows, empty.num_rows) == (1, 0)
    assert empty.schema.equals(full.schema, check_metadata=True)


def test_arrow_keeps_duplicate_names(client):
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
