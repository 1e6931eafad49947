"""The robustness of the HTTP server: limits of size and time, many requests, invalid input."""

import contextlib
import http.client
import itertools
import json
import random
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from harness.client import Answer, Client
from harness.lake import Lake
from harness.queries import ENDLESS
from harness.raw_http import answers, read_to_end
from harness.store import Folder
from harness.waiting import wait_until

HEADER_BYTES_MAX = 4096
CONNECTIONS_MAX = 16
# The additional time of a limit on a loaded machine.
SLACK_S = 5.0
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /sql HTTP/1.1\r\nHost: localhost\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def post(text: str, *fields: bytes) -> bytes:
    body = json.dumps({"sql": text}).encode()
    head = [b"POST /sql HTTP/1.1", b"Host: localhost", *fields, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@pytest.fixture(scope="module")
def lake(store, recorder, session_folder) -> Iterator[Lake]:
    """A server with short times and small limits."""
    folder = session_folder / "lasts"
    folder.mkdir()
    lake = Lake(folder, Folder(store, "lasts"), recorder)
    lake.settings["http"] = {
        "header_timeout": "300ms",
        "idle_timeout": "600ms",
        "body_timeout": "300ms",
        "header_bytes_max": HEADER_BYTES_MAX,
        "connections_max": CONNECTIONS_MAX,
        "connections_per_address_max": CONNECTIONS_MAX,
    }
    lake.set("queryd", catalogd_url="http://127.0.0.1:9").start_queryd()
    yield lake
    lake.close()


@pytest.fixture(scope="module")
def client(lake) -> Client:
    return lake.query


@pytest.fixture(scope="module")
def usual(shared_lake) -> Client:
    """A server with the default limits."""
    return shared_lake.query


@pytest.fixture(autouse=True)
def server_stays_healthy(lake) -> Iterator[None]:
    """After each test, the server responds to a client and has no other connections."""
    yield
    wait_until(lambda: open_connections(lake.query) <= 1, "all connections are closed")
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    assert lake.queryd.running


def open_connections(client: Client) -> int:
    """Returns the number of connections, including the one of this request."""
    try:
        text = client.get("/metrics").text
    except (OSError, http.client.HTTPException):
        return CONNECTIONS_MAX
    found = re.search("^tarn_http_connections ([0-9]+)$", text, re.MULTILINE)
    return int(found.group(1)) if found else CONNECTIONS_MAX


def expect_refusal(answer: Answer, status: int, message: str) -> None:
    answer.expect_text_error(status, message)
    assert answer.headers["Connection"] == "close"


# --- limits of size


@pytest.mark.parametrize("part", ["path", "value", "name", "count"])
def test_header_too_large(client, part):
    size = HEADER_BYTES_MAX
    path, name, value, count = "/healthz", "X-A", "b", 1
    if part == "path":
        path = "/" + "x" * size
    elif part == "value":
        value = "x" * size
    elif part == "name":
        name = "x" * size
    else:
        count = size // 8
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n" + f"{name}: {value}\r\n" * count + "\r\n"
    expect_refusal(client.raw(head.encode(), method="GET"), 431, "request header too large")


def test_endless_header_is_too_large(client):
    line = b"X-Line: " + b"x" * 100 + b"\r\n"
    answer = client.raw(b"GET /healthz HTTP/1.1\r\n", *[line] * 200, method="GET")
    expect_refusal(answer, 431, "request header too large")


def test_header_just_within_the_limit_is_accepted(client):
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Fill: %s\r\n\r\n"
    fill = HEADER_BYTES_MAX - len(head % b"")
    assert client.raw(head % (b"x" * fill), method="GET").status == 200
    answer = client.raw(head % (b"x" * (fill + 1)), method="GET")
    expect_refusal(answer, 431, "request header too large")


@pytest.mark.parametrize("size", [8 * 1024 + 1, 10**12])
def test_large_unexpected_body_is_refused(client, size):
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size
    assert client.raw(head, method="GET").status == 413


def test_small_unexpected_body_is_ignored(usual):
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
    with usual.connect() as connection:
        connection.sendall(request + request + GET.replace(b"Host", b"Connection: close\r\nHost"))
        found = answers(usual, read_to_end(connection), ["GET"] * 3)
    assert [answer.status for answer in found] == [200] * 3


# --- limits of time


@pytest.mark.parametrize("head", [b"G", b"GET /healthz HT", GET[:-2], b"POST /sql HTTP/1.1\r\nHo"])
def test_slow_header(client, head):
    begin = time.monotonic()
    expect_refusal(client.raw(head, method="GET"), 408, "request header timeout")
    assert 0.3 <= time.monotonic() - begin < 0.3 + SLACK_S


def test_header_in_single_bytes_has_the_same_time_limit(client):
    """The limit is for the whole request, not for the time between two bytes."""
    begin = time.monotonic()
    with client.connect() as connection:
        connection.settimeout(0.02)
        received = b""
        for byte in GET[:-1] * 100:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.send(bytes([byte]))
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                received += connection.recv(4096)
            if received:
                break
    assert received.startswith(b"HTTP/1.1 408 ")
    assert 0.3 <= time.monotonic() - begin < 0.3 + SLACK_S


def test_slow_body(client):
    begin = time.monotonic()
    answer = client.raw(post("SELECT 1")[:-1])
    expect_refusal(answer, 408, "request body timeout")
    assert 0.3 <= time.monotonic() - begin < 0.3 + SLACK_S


def test_slow_body_as_a_problem(client):
    answer = client.raw(post("SELECT 1", b"Accept: application/json")[:-1])
    assert answer.status == 408
    assert answer.json()["detail"] == "request body timeout"


@pytest.mark.parametrize("before", [b"", GET], ids=["fresh", "used"])
def test_idle_connection_is_closed_without_a_response(client, before):
    with client.connect() as connection:
        connection.sendall(before)
        if before:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        begin = time.monotonic()
        assert connection.recv(1) == b""
        assert 0.55 <= time.monotonic() - begin < 0.6 + SLACK_S


def test_query_may_take_longer_than_the_limits_of_requests(client):
    """The limits apply only to the client's part."""
    text = "SELECT sum(a.n * b.n % 7) FROM range(100000000) a(n), range(100000000) b(n)"
    body = json.dumps({"sql": text, "timeout_ms": 1500})
    begin = time.monotonic()
    client.request("POST", "/sql", body).expect_error(504, "query: timed out after 1500 ms")
    assert time.monotonic() - begin >= 1.5


def test_client_that_reads_nothing_is_disconnected(new_lake):
    new_lake.settings["http"] = {"write_timeout": "500ms"}
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9").start_queryd()
    with new_lake.query.connect() as connection:
        connection.sendall(post("SELECT repeat('x', 1000) FROM range(1000000)"))
        new_lake.queryd.wait_for_line("client did not read the response", "http.write_timeout")
    assert new_lake.query.sql("SELECT 1").rows() == [[1]]


# --- too many connections


def test_connection_beyond_the_limit_gets_an_error(client, lake):
    """If every connection has a running request, the server serves only health and metrics."""
    with contextlib.ExitStack() as stack:

        def is_full() -> bool:
            # A connection without a complete request may be evicted, so several attempts may be
            # necessary.
            query = f"held-{next(numbers)}"
            stack.enter_context(client.send_sql(ENDLESS, query))
            return is_refused(client)

        numbers = itertools.count()
        wait_until(is_full, "all connections are in use")
        with client.connect() as one_more:
            one_more.sendall(post("SELECT 1"))
            (answer,) = answers(client, read_to_end(one_more), ["POST"])
        expect_refusal(answer, 503, "too many connections")
        assert answer.headers["Retry-After"] == "1"
        for path in ("/healthz", "/metrics"):
            assert client.get(path).status == 200
        lake.queryd.wait_for_line("too many connections", "limit=http.connections_max")
    wait_until(lambda: client.sql("SELECT 1").status == 200, "a connection is free again")


def is_refused(client: Client) -> bool:
    try:
        answer = client.sql("SELECT 1")
    except (OSError, http.client.HTTPException):
        return False  # The connection was evicted.
    return answer.status == 503 and "too many connections" in answer.text


def test_idle_connections_are_evicted(client):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(client.connect()) for _ in range(3 * CONNECTIONS_MAX)]
        assert client.sql("SELECT 1").rows() == [[1]]
        assert read_to_end(held[0]) == b""


# --- one connection, many requests


def test_a_thousand_requests_on_one_connection(usual):
    connection = http.client.HTTPConnection(usual.address, timeout=60)
    connection.connect()
    own = connection.sock.getsockname()
    for n in range(1000):
        if n % 10 == 0:
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok\n"
        elif n % 10 == 1:
            connection.request("POST", "/sql", '{"sql":"SELEC 1"}')
            response = connection.getresponse()
            assert (response.status, response.read()[:7]) == (400, b"query: ")
        else:
            connection.request("POST", "/sql", json.dumps({"sql": f"SELECT {n}"}))
            assert json.loads(connection.getresponse().read())["rows"] == [[n]]
        assert connection.sock.getsockname() == own
    connection.close()


def test_chunked_and_other_responses_on_one_connection(usual):
    connection = http.client.HTTPConnection(usual.address, timeout=60)
    connection.connect()
    own = connection.sock.getsockname()
    text = "SELECT n, repeat('x', 20) AS x FROM range(100000) t(n)"
    for _ in range(5):
        connection.request("POST", "/sql", json.dumps({"sql": text}))
        response = connection.getresponse()
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert json.loads(response.read())["row_count"] == 100000
        connection.request("POST", "/sql", '{"sql":"SELECT 1"}')
        assert json.loads(connection.getresponse().read())["rows"] == [[1]]
        assert connection.sock.getsockname() == own
    connection.close()


def test_pipelined_requests_are_answered_in_order(usual):
    text = "SELECT n, repeat('x', 20) AS x FROM range(60000) t(n)"
    requests = [
        post("SELECT 1"),
        GET,
        post(text),
        post("SELEC"),
        post("SELECT 2"),
        b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        post("SELECT 3", b"Connection: close"),
    ]
    methods = [request.split(b" ")[0].decode() for request in requests]
    with usual.connect() as connection:
        connection.sendall(b"".join(requests))
        found = answers(usual, read_to_end(connection), methods)
    assert [answer.status for answer in found] == [200, 200, 200, 400, 200, 404, 200, 200]
    assert [found[i].rows() for i in (0, 4, 7)] == [[[1]], [[2]], [[3]]]
    assert found[2].json()["row_count"] == 60000
    assert [a.headers.get("Connection") for a in found] == [None] * 7 + ["close"]


def test_hundreds_of_pipelined_requests(usual):
    """More requests than the server reads ahead. The rest waits in the kernel, and none is lost."""
    count = 3000
    with usual.connect() as connection:
        pipelined = b"".join(post(f"SELECT {n}") for n in range(count)) + GET.replace(
            b"Host", b"Connection: close\r\nHost"
        )
        sender = connection.dup()
        sender.settimeout(60)
        thread = threading.Thread(target=sender.sendall, args=(pipelined,))
        thread.start()
        found = answers(usual, read_to_end(connection), ["POST"] * count + ["GET"])
        thread.join()
        sender.close()
    assert [answer.rows() for answer in found[:-1]] == [[[n]] for n in range(count)]


def test_request_in_single_bytes(usual):
    with usual.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post("SELECT 7", b"Connection: close"):
            connection.send(bytes([byte]))
        (answer,) = answers(usual, read_to_end(connection), ["POST"])
    assert answer.rows() == [[7]]


def test_connection_close_is_respected(client):
    for request in (
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\n\r\n",
    ):
        with client.connect() as connection:
            connection.sendall(request)
            (answer,) = answers(client, read_to_end(connection), ["GET"])
            assert (answer.status, answer.text) == (200, "ok\n")


def test_http_1_0_keeps_the_connection_when_asked(usual):
    request = b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    with usual.connect() as connection:
        connection.sendall(request + request + b"GET /healthz HTTP/1.0\r\n\r\n")
        found = answers(usual, read_to_end(connection), ["GET"] * 3)
    assert [a.headers.get("Connection") for a in found] == ["keep-alive", "keep-alive", None]


# --- Expect


def test_expect_100_continue(usual):
    head, _, body = post("SELECT 1", b"Expect: 100-continue", b"Connection: close").partition(
        b"\r\n\r\n"
    )
    with usual.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        (answer,) = answers(usual, read_to_end(connection), ["POST"])
    assert answer.rows() == [[1]]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /sql HTTP/1.1\r\nContent-Length: 1000000", 413),
        (b"POST /nowhere HTTP/1.1\r\nContent-Length: 5", 404),
        (b"PUT /sql HTTP/1.1\r\nContent-Length: 5", 405),
    ],
)
def test_no_100_continue_if_the_response_is_already_known(usual, head, status):
    """The client never sends the body."""
    with usual.connect() as connection:
        connection.sendall(head + b"\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 %d " % status)


def test_expect_for_a_body_that_has_already_arrived(usual):
    with usual.connect() as connection:
        connection.sendall(post("SELECT 1", b"Expect: 100-continue", b"Connection: close"))
        (answer,) = answers(usual, read_to_end(connection).removeprefix(CONTINUE), ["POST"])
    assert answer.rows() == [[1]]


# --- methods and paths


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/queries"])
def test_head_is_get_without_the_body(usual, path):
    wait_until(usual.ready, "queryd is ready")
    body = usual.get(path).body
    head = usual.request("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize(
    "path", ["/index.html", "/SQL", "/sql/", "//sql", "/sqlx", "/queries/", "/healthz/x", "*"]
)
def test_unknown_path(usual, path):
    for method in ("GET", "POST", "DELETE"):
        usual.request(method, path).expect_text_error(404, "no such path")
    problem = usual.get(path, {"Accept": "application/json"})
    assert problem.content_type == "application/problem+json"
    assert problem.json()["status"] == 404


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/sql", "GET", {"POST"}),
        ("/sql", "HEAD", {"POST"}),
        ("/sql", "DELETE", {"POST"}),
        ("/healthz", "POST", {"GET", "HEAD"}),
        ("/metrics", "PUT", {"GET", "HEAD"}),
        ("/queries", "DELETE", {"GET", "HEAD"}),
        ("/healthz", "BREW", {"GET", "HEAD"}),
    ],
)
def test_unsupported_method(usual, path, method, allowed):
    answer = usual.request(method, path)
    assert answer.status == 405
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed
    if method != "HEAD":
        assert answer.text.startswith("method not allowed, allowed: ")


def test_badly_escaped_path(usual):
    answer = usual.get("/queries/%zz")
    answer.expect_text_error(400, "path: a '%' must be followed by two hex digits")


# --- invalid requests

RANDOM = random.Random(7)
GARBAGE = [
    b"\r\n\r\n\r\n\r\n",
    b"\x00" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    b"GET\r\n\r\n",
    b"GET /healthz\r\n\r\n",
    b"GET /healthz HTTP/9.9\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nNo colon\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n: no name\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nA b: space\r\n\r\n",
    b"GET /heal\x00thz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: \x00\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    POST + b"Content-Length: -1\r\n\r\n",
    POST + b"Content-Length: 1x\r\n\r\nx",
    POST + b"Content-Length: 99999999999999999999999\r\n\r\nx",
    POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxxx",
    POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\nxx",
    POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n",
    *(RANDOM.randbytes(RANDOM.randrange(1, 2000)) for _ in range(20)),
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage(client, garbage):
    """Soon an error or the end of the connection, but never a success or a second response."""
    with client.connect() as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(garbage + GET)
        received = read_to_end(connection)
    assert received == b"" or received[9:12] in (b"400", b"408", b"413", b"431")
    assert received.count(b"HTTP/1.1 ") <= 1


def test_clients_that_disconnect_during_a_response(client):
    request = post("SELECT n FROM range(1000000) t(n)")
    for end in (1, 10, 40, len(request) - 1, len(request)):
        for reset in (False, True):
            with client.connect() as connection:
                connection.sendall(request[:end])
                if reset:
                    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def test_response_header_cannot_be_split(usual):
    """Echoed text cannot become another header."""
    answer = usual.raw(
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Query-Id: a\rSet-Cookie: x\r\n\r\n",
        method="GET",
    )
    assert "Set-Cookie" not in answer.headers
