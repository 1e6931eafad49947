"""Contract of queryd, "POST /sql": the table, case by case."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

CAP = 64 * 1024
TOO_LARGE = "sql body too large"
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def sql(shared_lake):
    """A client of queryd."""
    return shared_lake.query


def body_of(size: int) -> bytes:
    """Returns a valid request of exactly this many bytes."""
    empty = b'{"sql":"SELECT 42 /**/"}'
    body = empty.replace(b"/**/", b"/*" + b"x" * (size - len(empty)) + b"*/")
    assert len(body) == size
    return body


def chunked(*chunks: bytes, end: bool = True) -> list[bytes]:
    head = b"POST /sql HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [head, *(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)]
    return [*parts, b"0\r\n\r\n"] if end else parts


# --- body over 64 KiB: 413 `sql body too large`


def test_body_of_exactly_64_kib_is_accepted(sql):
    assert sql.request("POST", "/sql", body_of(CAP)).rows() == [[42]]


def test_body_of_64_kib_and_a_byte_is_too_large(sql):
    sql.request("POST", "/sql", body_of(CAP + 1)).expect_text_error(413, TOO_LARGE)


def test_body_of_megabytes_is_too_large(sql):
    head = b"POST /sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000000\r\n\r\n"
    sql.raw(head, *[b" " * 65536] * 122).expect_text_error(413, TOO_LARGE)


def test_too_large_is_reported_before_the_body_arrives(sql):
    """Content-Length alone is enough. The 10 GB are never sent."""
    head = b"POST /sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n"
    sql.raw(head).expect_text_error(413, TOO_LARGE)


def test_chunked_body_within_the_limit_is_accepted(sql):
    body = body_of(CAP)
    answer = sql.raw(*chunked(body[:10], body[10:40000], body[40000:]))
    assert answer.rows() == [[42]]


def test_chunked_body_above_the_limit_is_too_large(sql):
    body = body_of(CAP + 1)
    sql.raw(*chunked(body[:40000], body[40000:])).expect_text_error(413, TOO_LARGE)


def test_limit_of_the_body_applies_while_reading(sql):
    """An endless body without Content-Length gets a response when it exceeds the limit."""
    parts = chunked(*[b" " * 4096] * 20, end=False)
    sql.raw(*parts).expect_text_error(413, TOO_LARGE)


def test_one_chunk_that_announces_gigabytes_is_too_large(sql):
    head = b"POST /sql HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    sql.raw(head, b"ffffffff\r\n", b" " * 70000).expect_text_error(413, TOO_LARGE)


def test_limit_of_the_body_is_a_setting(new_lake):
    new_lake.set("queryd", sql_body_bytes_max=1024, catalogd_url="http://127.0.0.1:9")
    new_lake.start_queryd()
    assert new_lake.query.request("POST", "/sql", body_of(1024)).rows() == [[42]]
    answer = new_lake.query.request("POST", "/sql", body_of(1025))
    answer.expect_text_error(413, TOO_LARGE)


# --- not JSON, wrong shape: 400 `decode body: …`

NOT_JSON = [
    b"",
    b"SELECT 1",
    b"sql=SELECT+1",
    b"{",
    b'{"sql":"SELECT 1"',
    b'{"sql":"SELECT 1}',
    b"{'sql':'SELECT 1'}",
    b'{"sql":"SELECT 1",}',
    b'{"sql":"SELECT 1"} trailing',
    b'{"sql":"SELECT 1"}{"sql":"SELECT 2"}',
    b'{"sql":"SELECT \xff\xfe"}',
    b'{"sql":"SELECT \x01"}',
    b'{"sql":"\\ud800"}',
    b'{"sql":"\\x41"}',
    b"\xef\xbb\xbf" * 2,
    b"\x00" * 10,
    b"[" * 60000,
    b'{"sql":' * 8000,
    b'{"a":' * 10000 + b"1" + b"}" * 10000,
]
WRONG_SHAPE = [
    b"[]",
    b'["SELECT 1"]',
    b'"SELECT 1"',
    b"1",
    b"true",
    b'{"sql":1}',
    b'{"sql":true}',
    b'{"sql":["SELECT 1"]}',
    b'{"sql":{"text":"SELECT 1"}}',
    b'{"sql":"SELECT 1","sqll":"x"}',
    b'{"sql":"SELECT 1","big_numbers":1}',
    b'{"sql":"SELECT 1","big_numbers":"perhaps"}',
    b'{"Sql":"SELECT 1"}',
]


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:30]))
def test_body_is_not_json(sql, body):
    sql.request("POST", "/sql", body).expect_error(400, "decode body: ")


@pytest.mark.parametrize("body", WRONG_SHAPE, ids=lambda body: repr(body[:40]))
def test_body_has_the_wrong_shape(sql, body):
    sql.request("POST", "/sql", body).expect_error(400, "decode body: ")


def test_unknown_field_is_named(sql):
    answer = sql.request("POST", "/sql", b'{"sql":"SELECT 1","limitt":5}')
    assert "limitt" in answer.expect_error(400, "decode body: ")


@pytest.mark.parametrize("body", [b"null", b'{"sql":null}'])
def test_null_in_the_body_is_an_error(sql, body):
    answer = sql.request("POST", "/sql", body)
    assert answer.status == 400
    assert answer.text.startswith("decode body: ") or answer.text == "sql is empty\n"


def test_unicode_in_the_body_as_text_or_escapes(sql):
    assert sql.request("POST", "/sql", '{"sql":"SELECT \'ü🦆\'"}').rows() == [["ü🦆"]]
    escaped = b'{"sql":"SELECT \'\\u00fc\\ud83e\\udd86\\n\'"}'
    assert sql.request("POST", "/sql", escaped).rows() == [["ü🦆\n"]]


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/a+json"]
)
def test_json_content_types_are_accepted(sql, content_type):
    headers = {"Content-Type": content_type}
    assert sql.request("POST", "/sql", b'{"sql":"SELECT 1"}', headers).rows() == [[1]]


def test_body_without_a_content_type_is_json(sql):
    request = b"POST /sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\n\r\n"
    assert sql.raw(request + b'{"sql":"SELECT 1"}').rows() == [[1]]


# --- empty or blank `sql`: 400 `sql is empty`


@pytest.mark.parametrize("text", ["", " ", "   ", "\n", "\t", "\r\n", " \t\r\n \f\v"])
def test_sql_is_empty(sql, text):
    sql.sql(text).expect_text_error(400, "sql is empty")


def test_sql_is_absent(sql):
    sql.request("POST", "/sql", b"{}").expect_text_error(400, "sql is empty")


# --- DuckDB refuses or fails the query: 400 `query: …`


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT", "SELECT clause"),
        ("SELECT 1 FROM nowhere", "nowhere"),
        ("SELECT nothing", "nothing"),
        ("SELECT no_such_function(1)", "this function"),
        ("SELECT upper()", "upper()"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
        ("SELECT error('spoken to')", "spoken to"),
        ("SELECT 9223372036854775807 + 1::BIGINT", "Overflow"),
        ("SELECT CASE WHEN n = 50000 THEN error('late') ELSE n END FROM range(60000) t(n)", "late"),
        ("SELECT 1; nonsense", ""),
        ("SELECT '\u0000'", ""),
        (";", ""),
        ("-- only a comment", ""),
        ("/* only a comment */", ""),
        ("SELECT ?", ""),
        ("SELECT $1", ""),
        ("(" * 3000 + "1" + ")" * 3000, ""),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_duckdb_refuses_or_fails_the_query(sql, text, part):
    message = sql.sql(text).expect_error(400, "query: ")
    assert part in message
    assert len(message) < 20_000


def test_failed_query_does_not_affect_later_ones(sql):
    for _ in range(20):
        sql.sql("SELECT error('x')").expect_error(400, "query: ")
        assert sql.sql("SELECT 1").rows() == [[1]]


# --- success: 200


def test_response_has_columns_rows_and_row_count(sql):
    answer = sql.sql("SELECT 1::BIGINT AS id, 'x' AS name UNION ALL SELECT 2, NULL ORDER BY id")
    assert answer.status == 200
    assert answer.content_type.startswith("application/json")
    assert answer.json() == {
        "columns": [{"name": "id", "type": "BIGINT"}, {"name": "name", "type": "VARCHAR"}],
        "rows": [[1, "x"], [2, None]],
        "row_count": 2,
    }


def test_rows_is_an_empty_list_and_never_null(sql):
    answer = sql.sql("SELECT 1::BIGINT AS id WHERE false")
    assert b'"rows":[]' in answer.body.replace(b" ", b"")
    assert answer.json() == {
        "columns": [{"name": "id", "type": "BIGINT"}],
        "rows": [],
        "row_count": 0,
    }


def test_varchar_is_text(sql):
    text = 'plain "quoted" back\\slash / new\nline tab\t ünïcødé 🦆 \x01 \x7f </script> \u2028'
    literal = text.replace("'", "''")
    assert sql.sql(f"SELECT '{literal}'").rows() == [[text]]


def test_all_columns_of_the_same_name_are_returned(sql):
    answer = sql.sql('SELECT 1 AS a, 2 AS a, 3 AS "A"').json()
    assert [column["name"] for column in answer["columns"]] == ["a", "a", "A"]
    assert answer["rows"] == [[1, 2, 3]]


def test_row_order_is_that_of_the_query(sql):
    answer = sql.sql("SELECT n FROM range(20000) t(n) ORDER BY n DESC").json()
    assert answer["rows"] == [[n] for n in range(19999, -1, -1)]
    assert answer["row_count"] == 20000


def test_large_response_is_complete(sql):
    answer = sql.sql("SELECT n, repeat('x', 50) AS x, n / 4 AS q FROM range(200000) t(n)").json()
    assert answer["row_count"] == len(answer["rows"]) == 200000
    assert sum(row[0] for row in answer["rows"]) == 19999900000
    assert all(row[1] == "x" * 50 for row in answer["rows"])
    assert sum(row[2] for row in answer["rows"]) == Decimal("4999975000")


def test_large_cell_is_complete(sql):
    assert sql.sql("SELECT repeat('ab', 5000000)").rows() == [["ab" * 5000000]]


def test_a_thousand_columns(sql):
    answer = sql.sql("SELECT " + ", ".join(f"{n} AS c{n}" for n in range(1000))).json()
    assert answer["rows"] == [list(range(1000))]


def test_concurrent_queries_get_their_own_responses(sql):
    def ask(number: int) -> list:
        return sql.sql(f"SELECT {number}, count(*) FROM range(100000)").rows()

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(64))) == [[[n, 100000]] for n in range(64)]


def test_several_requests_on_one_connection(sql):
    request = (
        b'POST /sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\n\r\n{"sql":"SELECT 1"}'
    )
    with sql.connect() as connection:
        for _ in range(3):
            connection.sendall(request)
            received = b""
            while not received.endswith(b"}"):
                data = connection.recv(4096)
                assert data, "the connection stays open"
                received += data
            assert received.startswith(b"HTTP/1.1 200 ")


def test_late_error_never_looks_like_a_complete_response(shared_lake):
    """Millions of rows were sent before the error: the response must be incomplete, and in
    the log."""
    text = (
        "SELECT CASE WHEN n = 2999999 THEN error('very late') ELSE n END FROM range(3000000) t(n)"
    )
    try:
        answer = shared_lake.query.sql(text)
    except (http.client.IncompleteRead, ConnectionResetError):
        shared_lake.queryd.wait_for_line("query_id=", "very late")
    else:
        answer.expect_error(400, "query: ")


# --- Accept: application/json gets the same as RFC 9457


@pytest.mark.parametrize("accept", ["application/json", "application/problem+json"])
@pytest.mark.parametrize(
    ("status", "title", "body"),
    [
        (413, "Payload Too Large|Content Too Large", body_of(CAP + 1)),
        (400, "Bad Request", b"not json"),
        (400, "Bad Request", b'{"sql":" "}'),
        (400, "Bad Request", b'{"sql":"SELECT 1 FROM \\"no\\\\where\\n\\""}'),
        (400, "Bad Request", b'{"sql":"DROP TABLE x"}'),
    ],
    ids=["too-large", "decode", "empty", "query", "not-allowed"],
)
def test_problem_document(sql, accept, status, title, body):
    plain = sql.request("POST", "/sql", body)
    answer = sql.request("POST", "/sql", body, {"Accept": accept})
    assert (plain.status, answer.status) == (status, status)
    assert answer.content_type.split(";")[0] == "application/problem+json"
    problem = json.loads(answer.body)
    assert problem["type"] == "about:blank"
    assert problem["title"] in title.split("|")
    assert problem["status"] == status
    assert problem["detail"] + "\n" == plain.text


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "text/html", ""])
def test_error_is_text_unless_json_is_accepted(sql, accept):
    answer = sql.request("POST", "/sql", b"not json", {"Accept": accept})
    answer.expect_error(400, "decode body: ")


def test_success_is_json_for_all_accept_headers(sql):
    for accept in ("application/json", "*/*", "text/plain"):
        answer = sql.sql("SELECT 1", {"Accept": accept})
        assert answer.status == 200
        assert answer.content_type.split(";")[0] == "application/json"
