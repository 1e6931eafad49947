"""POST /sql with limits: row_limit, byte_limit and timeout_ms, of requests and of settings."""

import csv
import http.client
import io
import json
import re
import time
from typing import Any

import pyarrow as pa
import pytest
from harness.client import Answer, Client
from harness.lake import Lake
from harness.queries import ENDLESS
from harness.store import Folder
from harness.waiting import wait_until

FORMATS = ["json", "ndjson", "csv", "arrow"]
each_format = pytest.mark.parametrize("name", FORMATS)
# Larger than queryd.result_buffer_bytes in all formats.
LARGE = "SELECT n, repeat('x', 20) AS x FROM range(1000000) t(n)"
# The additional time of a response on a loaded machine.
SLACK_S = 5.0


@pytest.fixture(scope="module")
def client(shared_lake) -> Client:
    return shared_lake.query


def ask(client: Client, text: str, name: str = "json", headers=None, **options: Any) -> Answer:
    body = json.dumps({"sql": text, **options})
    return client.request("POST", f"/sql?format={name}", body, headers)


def count_rows(name: str, body: bytes) -> int:
    """Returns the rows, after checking the row count of the result."""
    if name == "json":
        result = json.loads(body)
        assert result["row_count"] == len(result["rows"])
        return result["row_count"]
    if name == "ndjson":
        *rows, status = map(json.loads, body.splitlines())
        assert (status["status"], status["row_count"]) == ("ok", len(rows))
        return len(rows)
    if name == "csv":
        return len(list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))) - 1
    with pa.ipc.open_stream(body) as reader:
        return reader.read_all().num_rows


def says_truncated(name: str, body: bytes) -> bool | None:
    """Returns the truncation in the body, or None if the format cannot have it."""
    if name == "json":
        result = json.loads(body)
    elif name == "ndjson":
        result = json.loads(body.splitlines()[-1])
    else:
        return None
    # The member exists only if it is true.
    assert result.get("truncated", True) is True
    return "truncated" in result


def assert_truncated(name: str, answer: Answer, truncated: bool = True) -> None:
    """Checks a complete result."""
    assert answer.status == 200, answer.text
    assert "Content-Length" in answer.headers
    assert answer.headers.get("X-Truncated") == ("true" if truncated else None)
    assert says_truncated(name, answer.body) in (None, truncated)


def ask_for_chunks(
    client: Client, name: str, headers=None, **fields: Any
) -> tuple[dict, bytes, dict]:
    """Returns header, body and trailer of a chunked response, read byte by byte (RFC 9112)."""
    body = json.dumps(fields).encode()
    request = (
        f"POST /sql?format={name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    )
    for field, value in (headers or {}).items():
        request += f"{field}: {value}\r\n"
    with client.connect() as connection, connection.makefile("rb") as file:
        connection.sendall(request.encode() + b"\r\n" + body)
        assert file.readline().startswith(b"HTTP/1.1 200 ")
        header = read_fields(file)
        assert header["transfer-encoding"] == "chunked"
        received = b""
        while size := int(file.readline(), 16):
            received += file.read(size)
            assert file.read(2) == b"\r\n"
        return header, received, read_fields(file)


def read_fields(file) -> dict[str, str]:
    fields = {}
    while (line := file.readline()) != b"\r\n":
        name, _, value = line.decode().partition(":")
        fields[name.lower()] = value.strip()
    return fields


# --- row_limit


@each_format
@pytest.mark.parametrize("limit", [1, 2, 9])
def test_row_limit_truncates_the_result(client, name, limit):
    answer = ask(client, "SELECT n FROM range(10) t(n) ORDER BY n", name, row_limit=limit)
    assert_truncated(name, answer)
    assert count_rows(name, answer.body) == limit


@each_format
def test_truncated_result_is_recognised_over_http_1_0(client, name):
    """HTTP/1.0 has no trailers, so truncation that is not in the body resets the connection."""
    body = json.dumps({"sql": LARGE, "row_limit": 500_000})
    head = f"POST /sql?format={name} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"

    def read_all() -> bytes:
        with client.connect() as connection:
            connection.sendall(f"{head}{body}".encode())
            return b"".join(iter(lambda: connection.recv(1 << 20), b""))

    if name in ("json", "ndjson"):
        assert says_truncated(name, read_all().partition(b"\r\n\r\n")[2])
    else:
        with pytest.raises(ConnectionResetError):
            read_all()


@each_format
@pytest.mark.parametrize(
    ("rows", "limit"),
    [(10, 10), (10, 11), (0, 1), (1, 1), (2048, 2048), (4096, 4096), (9, 2**64 - 1)],
)
def test_result_within_its_row_limit_is_not_truncated(client, name, rows, limit):
    answer = ask(client, f"SELECT n FROM range({rows}) t(n)", name, row_limit=limit)
    assert_truncated(name, answer, truncated=False)
    assert count_rows(name, answer.body) == rows


@each_format
@pytest.mark.parametrize("limit", [2047, 2048, 2049, 4095])
def test_row_limit_at_the_edges_of_duckdbs_chunks(client, name, limit):
    answer = ask(client, "SELECT n FROM range(4096) t(n)", name, row_limit=limit)
    assert_truncated(name, answer)
    assert count_rows(name, answer.body) == limit


def test_rows_of_a_limit_are_the_first_ones(client):
    answer = ask(client, "SELECT n FROM range(10000) t(n) ORDER BY n DESC", row_limit=3)
    assert answer.json()["rows"] == [[9999], [9998], [9997]]
    assert list(answer.json()) == ["columns", "rows", "row_count", "truncated"]


def test_result_without_a_limit_is_not_truncated(client):
    answer = ask(client, "SELECT n FROM range(10) t(n)")
    assert_truncated("json", answer, truncated=False)


def test_row_limit_ends_an_endless_query(client):
    """Rows beyond the limit are not computed."""
    begin = time.monotonic()
    answer = ask(client, "SELECT n FROM range(1000000000000) t(n)", row_limit=5)
    assert answer.json()["row_count"] == 5
    assert time.monotonic() - begin < SLACK_S


@each_format
def test_row_limit_of_a_large_result_is_in_the_trailer(client, name):
    header, body, trailer = ask_for_chunks(client, name, sql=LARGE, row_limit=200000)
    assert header["trailer"] == "X-Truncated"
    assert "x-truncated" not in header
    assert trailer == {"x-truncated": "true"}
    assert count_rows(name, body) == 200000
    assert says_truncated(name, body) in (None, True)


@each_format
def test_large_complete_result_has_an_empty_trailer(client, name):
    text = LARGE.replace("1000000", "200000")
    header, body, trailer = ask_for_chunks(client, name, sql=text, row_limit=200000)
    assert header["trailer"] == "X-Truncated"
    assert trailer == {}
    assert count_rows(name, body) == 200000
    assert says_truncated(name, body) in (None, False)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_trailer_of_a_compressed_result(client, encoding):
    text = "SELECT md5(n::VARCHAR) AS x FROM range(1000000) t(n)"
    header, _, trailer = ask_for_chunks(
        client, "csv", {"Accept-Encoding": encoding}, sql=text, row_limit=200000
    )
    assert header["content-encoding"] == encoding
    assert trailer == {"x-truncated": "true"}


def test_connection_stays_usable_after_a_truncated_result(client):
    """The query is stopped, and its connection and plan stay usable."""
    for _ in range(5):
        assert ask(client, LARGE, row_limit=7).json()["row_count"] == 7
    connection = http.client.HTTPConnection(client.address, timeout=60)
    for limit in (200000, 3, 200000):
        connection.request("POST", "/sql", json.dumps({"sql": LARGE, "row_limit": limit}))
        assert json.loads(connection.getresponse().read())["row_count"] == limit
    connection.close()


# --- byte_limit

ROWS = "SELECT n, repeat('x', 100) AS x FROM range(1000) t(n)"


# The text after the last field of a row.
ROW_ENDS = {"json": b'x"]', "ndjson": b'x"}\n', "csv": b"x\r\n"}


@pytest.mark.parametrize("name", list(ROW_ENDS))
@pytest.mark.parametrize("limit", [1000, 1001, 1002, 1057, 5000, 100000])
def test_byte_limit_truncates_after_the_last_row_that_fits(client, name, limit):
    whole = ask(client, ROWS, name).body
    end = ROW_ENDS[name]
    ends = [match.end() for match in re.finditer(re.escape(end), whole)]
    ends = ends[-1000:]  # Without the header of CSV, which ends like a row.
    answer = ask(client, ROWS, name, byte_limit=limit)
    assert_truncated(name, answer)
    rows = count_rows(name, answer.body)
    assert rows == sum(1 for at in ends if at <= limit)
    assert answer.body[: ends[rows - 1]] == whole[: ends[rows - 1]]
    # The end of the result is not limited.
    assert len(answer.body) <= limit + 60


def test_byte_limit_of_arrow_takes_effect_after_a_batch(client):
    whole = ask(client, LARGE.replace("1000000", "100000"), "arrow").body
    answer = ask(client, LARGE.replace("1000000", "100000"), "arrow", byte_limit=300000)
    assert_truncated("arrow", answer)
    rows = count_rows("arrow", answer.body)
    assert 0 < rows < 100000
    assert 300000 <= len(answer.body) < 300000 + 200000 < len(whole)


@each_format
def test_result_within_its_byte_limit_is_not_truncated(client, name):
    whole = ask(client, ROWS, name).body
    answer = ask(client, ROWS, name, byte_limit=len(whole))
    assert_truncated(name, answer, truncated=False)
    assert answer.body == whole


@each_format
def test_byte_limit_of_a_large_result_is_in_the_trailer(client, name):
    _, body, trailer = ask_for_chunks(client, name, sql=LARGE, byte_limit=5_000_000)
    assert trailer == {"x-truncated": "true"}
    assert 4_900_000 < len(body) < 5_300_000
    assert 0 < count_rows(name, body) < 1000000


@pytest.mark.parametrize("name", ["json", "ndjson", "csv"])
def test_byte_limit_smaller_than_any_row(client, name):
    answer = ask(client, "SELECT repeat('x', 1000) AS x", name, byte_limit=1)
    assert_truncated(name, answer)
    assert count_rows(name, answer.body) == 0


def test_byte_limit_counts_before_compression(client):
    text = "SELECT repeat('x', 1000) AS x FROM range(100)"
    plain = ask(client, text, "csv", byte_limit=20000)
    packed = ask(client, text, "csv", {"Accept-Encoding": "gzip"}, byte_limit=20000)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < 2000
    assert_truncated("csv", packed)
    assert 15000 < len(plain.body) <= 20000


def test_lower_of_two_limits_applies(client):
    by_rows = ask(client, ROWS, row_limit=3, byte_limit=100000).json()
    assert (by_rows["row_count"], by_rows["truncated"]) == (3, True)
    by_bytes = ask(client, ROWS, row_limit=999, byte_limit=1000).json()
    assert (by_bytes["row_count"] < 10, by_bytes["truncated"]) == (True, True)


# --- timeout_ms


@each_format
@pytest.mark.parametrize("accept", [None, "application/problem+json"])
def test_timeout_is_a_504(client, name, accept):
    begin = time.monotonic()
    headers = {"Accept": accept} if accept else None
    answer = ask(client, ENDLESS, name, headers, timeout_ms=300)
    assert 0.3 <= time.monotonic() - begin < 0.3 + SLACK_S
    assert answer.status == 504
    message = "query: timed out after 300 ms"
    if accept is None:
        answer.expect_text_error(504, message)
    else:
        assert answer.json() == {
            "type": "about:blank",
            "title": "Gateway Timeout",
            "status": 504,
            "detail": message,
        }


def test_query_within_its_timeout_succeeds(client):
    assert ask(client, "SELECT 1", timeout_ms=60000).rows() == [[1]]
    assert ask(client, "SELECT 1", timeout_ms=2**64 - 1).rows() == [[1]]


def test_timeout_of_one_query_does_not_affect_the_next(client):
    for _ in range(3):
        ask(client, ENDLESS, timeout_ms=100).expect_text_error(504, "query: timed out after 100 ms")
        assert ask(client, "SELECT count(*) FROM range(1000000)").rows() == [[1000000]]


@each_format
def test_timeout_after_rows_were_sent_aborts_the_response(shared_lake, name):
    """The first rows arrive at once, but the rows after them never end."""
    client = shared_lake.query
    slow = "SELECT n, repeat('x', 20) AS x FROM range(1000000000000) t(n) WHERE n < 200000"
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ask(client, slow, name, {"X-Query-Id": f"cut-{name}"}, timeout_ms=1500)
    shared_lake.queryd.wait_for_line(
        "response cut short", f"query_id=cut-{name}", "timed out after 1500 ms"
    )


def test_time_in_the_queue_counts(new_lake):
    new_lake.set("queryd", max_concurrent_queries=1, catalogd_url="http://127.0.0.1:9")
    new_lake.start_queryd()
    client = new_lake.query
    with client.connect() as first:
        body = json.dumps({"sql": ENDLESS}).encode()
        head = b"POST /sql HTTP/1.1\r\nHost: localhost\r\nX-Query-Id: first\r\n"
        head += b"Content-Length: %d\r\n\r\n"
        first.sendall(head % len(body) + body)
        wait_until(
            lambda: (
                client.get("/queries/first").status == 200
                and client.get("/queries/first").json()["state"] == "running"
            ),
            "the first query runs",
        )
        ask(client, "SELECT 1", timeout_ms=200).expect_text_error(
            504, "query: timed out after 200 ms"
        )
        assert client.request("DELETE", "/queries/first").status == 204
    assert ask(client, "SELECT 1").rows() == [[1]]


# --- settings


@pytest.fixture(scope="module")
def bounded(store, recorder, session_folder):
    """Settings that limit the limits of requests."""
    folder = session_folder / "bounded"
    folder.mkdir()
    lake = Lake(folder, Folder(store, "bounded"), recorder)
    lake.set(
        "queryd",
        row_limit=100,
        byte_limit=20000,
        query_timeout="2s",
        catalogd_url="http://127.0.0.1:9",
    )
    lake.start_queryd()
    yield lake.query
    lake.close()


@each_format
@pytest.mark.parametrize(
    ("asked", "rows"), [({}, 100), ({"row_limit": 1000}, 100), ({"row_limit": 7}, 7)]
)
def test_setting_caps_the_row_limit_of_requests(bounded, name, asked, rows):
    answer = ask(bounded, "SELECT n FROM range(1000) t(n)", name, **asked)
    assert_truncated(name, answer)
    assert count_rows(name, answer.body) == rows


@pytest.mark.parametrize(
    ("asked", "low", "high"),
    [({}, 18000, 20060), ({"byte_limit": 10**9}, 18000, 20060), ({"byte_limit": 5000}, 3900, 5060)],
)
@pytest.mark.parametrize("name", ["json", "ndjson", "csv"])
def test_setting_caps_the_byte_limit_of_requests(bounded, name, asked, low, high):
    answer = ask(bounded, "SELECT repeat('x', 1000) AS x FROM range(1000)", name, **asked)
    assert_truncated(name, answer)
    assert low < len(answer.body) < high


@pytest.mark.parametrize("asked", [{}, {"timeout_ms": 3600000}, {"timeout_ms": 2**63}])
def test_setting_caps_the_timeout_of_requests(bounded, asked):
    begin = time.monotonic()
    ask(bounded, ENDLESS, **asked).expect_text_error(504, "query: timed out after 2000 ms")
    assert time.monotonic() - begin >= 2.0


def test_request_can_ask_for_less_time_than_the_setting(bounded):
    ask(bounded, ENDLESS, timeout_ms=50).expect_text_error(504, "query: timed out after 50 ms")


# --- invalid values


@pytest.mark.parametrize("field", ["row_limit", "byte_limit", "timeout_ms"])
@pytest.mark.parametrize(
    "raw",
    ["0", "-1", "1.5", "1.0", "1e3", '"5"', "null", "true", "[1]", "{}", str(2**64), "1" * 60],
)
def test_invalid_limit_is_an_error(client, field, raw):
    answer = client.request("POST", "/sql", f'{{"sql":"SELECT 1","{field}":{raw}}}')
    answer.expect_text_error(400, f"decode body: {field} must be a whole number of at least 1")


@pytest.mark.parametrize("field", ["rowlimit", "row_limits", "limit", "timeout", "Row_limit"])
def test_unknown_limit_is_an_error(client, field):
    answer = client.request("POST", "/sql", json.dumps({"sql": "SELECT 1", field: 1}))
    answer.expect_text_error(400, f'decode body: unknown field "{field}"')


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("row_limit", -1, "queryd.row_limit"),
        ("byte_limit", -1, "queryd.byte_limit"),
        ("query_timeout", "0s", "queryd.query_timeout"),
        ("row_limit", "many", "queryd.row_limit"),
    ],
)
def test_invalid_setting_is_reported_at_the_start(new_lake, key, value, part):
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9", **{key: value})
    exited = new_lake.run_to_exit()
    assert exited.status == 1
    assert part in exited.stderr
