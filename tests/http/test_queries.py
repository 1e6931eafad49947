"""GET /queries, GET and DELETE /queries/{id}, and the ids that clients give with X-Query-Id."""

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from harness.client import Answer, Client
from harness.lake import Lake
from harness.queries import ENDLESS
from harness.waiting import wait_until

LARGE = "SELECT n, repeat('x', 100) AS x FROM range(3000000) t(n)"
SQL_SHOWN_BYTES = 2000


@pytest.fixture(scope="module")
def client(module_lake: Lake) -> Client:
    module_lake.set("queryd", catalogd_url="http://127.0.0.1:9").start_queryd()
    return module_lake.query


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def info(client: Client, query_id: str) -> dict[str, Any] | None:
    answer = client.get(f"/queries/{query_id}")
    if answer.status == 404:
        return None
    assert answer.status == 200, answer.text
    return answer.json()


def wait_for_state(client: Client, query_id: str, *states: str) -> dict[str, Any]:
    last: list = [None]

    def reached() -> Any:
        last[0] = info(client, query_id)
        return last[0] and last[0]["state"] in states and last[0]

    return wait_until(reached, lambda: f"{query_id} is {states}, last {last[0]}")


def cancel(client: Client, query_id: str) -> Answer:
    return client.request("DELETE", f"/queries/{query_id}")


@contextlib.contextmanager
def running(client: Client, query_id: str, text: str = ENDLESS) -> Iterator[Future]:
    """Runs a query during the block, and returns its response."""
    with ThreadPoolExecutor(1) as one:
        answer = one.submit(client.sql, text, {"X-Query-Id": query_id})
        try:
            wait_for_state(client, query_id, "running")
            yield answer
        finally:
            cancel(client, query_id)


# --- records of queries


def test_successful_query(client):
    before = datetime.now(UTC)
    text = "SELECT n FROM range(3) t(n)"
    answer = client.sql(text, {"X-Query-Id": "succeeded-1"})
    after = datetime.now(UTC)
    query = info(client, "succeeded-1")
    assert list(query) == [
        "id",
        "state",
        "sql",
        "format",
        "submitted_at",
        "queued_ms",
        "run_ms",
        "progress_percent",
        "rows",
        "bytes",
    ]
    assert (query["id"], query["state"], query["sql"]) == ("succeeded-1", "succeeded", text)
    assert (query["format"], query["rows"], query["bytes"]) == ("json", 3, len(answer.body))
    assert query["progress_percent"] == 100
    slack = timedelta(milliseconds=2)
    submitted = datetime.fromisoformat(query["submitted_at"])
    assert before - slack <= submitted <= after + slack
    took = (after - before) / timedelta(milliseconds=1)
    assert 0 <= query["queued_ms"] + query["run_ms"] <= took + 2
    assert query["run_ms"] > 0


@pytest.mark.parametrize("name", ["json", "ndjson", "csv", "arrow"])
def test_rows_and_bytes_are_those_that_were_sent(client, name):
    for text, count in (
        ("SELECT n FROM range(7) t(n)", 7),
        (LARGE.replace("3000000", "50000"), 50000),
    ):
        query_id = f"sent-{name}-{count}"
        body = json.dumps({"sql": text})
        headers = {"X-Query-Id": query_id, "Accept-Encoding": "gzip"}
        answer = client.request("POST", f"/sql?format={name}", body, headers)
        query = info(client, query_id)
        assert (query["rows"], query["bytes"]) == (count, len(answer.body))
        assert query["format"] == name


def test_truncated_query(client):
    client.sql("SELECT n FROM range(9) t(n)", {"X-Query-Id": "cut-1"}, row_limit=4)
    query = info(client, "cut-1")
    assert (query["state"], query["rows"], query["truncated"]) == ("succeeded", 4, True)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT error('spoken')", "spoken"),
        ("DROP VIEW x", "not allowed"),
    ],
)
def test_failed_query(client, text, part):
    answer = client.sql(text)
    assert answer.status == 400
    query = info(client, answer.headers["X-Query-Id"])
    assert (query["state"], query["sql"]) == ("failed", text)
    assert part in query["error"]
    assert answer.text == f"query: {query['error']}\n"


def test_query_that_timed_out_is_failed(client):
    answer = client.sql(ENDLESS, timeout_ms=200)
    query = info(client, answer.headers["X-Query-Id"])
    assert (query["state"], query["error"]) == ("failed", "timed out after 200 ms")
    assert 200 <= query["queued_ms"] + query["run_ms"] < 10_000


def test_request_that_is_not_a_query_is_not_listed(client):
    answer = client.request("POST", "/sql", "{", {"X-Query-Id": "no-query"})
    assert answer.status == 400
    assert info(client, "no-query") is None


def test_running_query(client):
    with running(client, "runs-1"):
        first = info(client, "runs-1")
        assert (first["state"], first["sql"], first["rows"]) == ("running", ENDLESS, 0)
        assert "error" not in first
        later = wait_until(
            lambda: (now := info(client, "runs-1"))["run_ms"] > first["run_ms"] and now,
            "the elapsed time grows",
        )
        assert later["queued_ms"] == first["queued_ms"]


def test_progress_of_a_running_query(client):
    """DuckDB computes the progress once, perhaps before the scan, so some runs report none."""
    for attempt in range(8):
        with running(client, f"progress-{attempt}"):
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                percent = info(client, f"progress-{attempt}")["progress_percent"]
                if percent is not None:
                    assert 0 <= percent < 100
                    return
    raise AssertionError("no progress in 8 runs")


def test_rows_grow_while_a_slow_client_reads(client):
    body = json.dumps({"sql": LARGE}).encode()
    head = (
        b"POST /sql HTTP/1.1\r\nHost: localhost\r\nX-Query-Id: slow-1\r\nContent-Length: %d\r\n\r\n"
    )
    with client.connect() as connection:
        connection.sendall(head % len(body) + body)
        first = wait_until(
            lambda: (now := info(client, "slow-1")) and now["rows"] > 0 and now, "rows are sent"
        )
        assert first["state"] == "running"
        assert first["bytes"] > 1 << 20
        read = 0
        while read < 64 << 20:
            read += len(connection.recv(1 << 20))
        later = info(client, "slow-1")
        assert later["rows"] > first["rows"]
        assert later["bytes"] > 60 << 20
    # The connection was closed in the middle.
    query = wait_for_state(client, "slow-1", "cancelled")
    assert query["error"] == "the client has disconnected"
    assert 0 < query["rows"] < 3000000


def test_query_is_cancelled_when_its_client_disconnects(client):
    body = json.dumps({"sql": ENDLESS}).encode()
    head = (
        b"POST /sql HTTP/1.1\r\nHost: localhost\r\nX-Query-Id: gone-1\r\nContent-Length: %d\r\n\r\n"
    )
    with client.connect() as connection:
        connection.sendall(head % len(body) + body)
        wait_for_state(client, "gone-1", "running")
    assert wait_for_state(client, "gone-1", "cancelled")["error"] == "the client has disconnected"


# --- queued queries


@pytest.fixture
def narrow(new_lake: Lake) -> Client:
    """A lake with one running and two queued queries."""
    new_lake.set("queryd", max_concurrent_queries=1, queue_limit=2, queue_timeout="1m")
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9").start_queryd()
    return new_lake.query


def test_queries_beyond_the_slots_are_queued(narrow, pool):
    with running(narrow, "first") as first:
        second = pool.submit(narrow.sql, "SELECT 2", {"X-Query-Id": "second"})
        queued = wait_for_state(narrow, "second", "queued")
        assert (queued["run_ms"], queued["rows"], queued["progress_percent"]) == (0, 0, None)
        third = pool.submit(narrow.sql, "SELECT 3", {"X-Query-Id": "third"})
        wait_for_state(narrow, "third", "queued")
        assert [(q["id"], q["state"]) for q in narrow.get("/queries").json()["queries"]] == [
            ("third", "queued"),
            ("second", "queued"),
            ("first", "running"),
        ]
        refused = narrow.sql("SELECT 4", {"X-Query-Id": "fourth"})
        refused.expect_text_error(503, "query: too many queries: 1 run and 2 wait, try again later")
        assert refused.headers["Retry-After"] == "1"
        assert info(narrow, "fourth")["state"] == "failed"
        assert cancel(narrow, "first").status == 204
        assert first.result().status == 409
    assert (second.result().rows(), third.result().rows()) == ([[2]], [[3]])
    assert info(narrow, "second")["queued_ms"] > queued["queued_ms"] > 0


def test_queued_query_can_be_cancelled(narrow, pool):
    with running(narrow, "first"):
        second = pool.submit(narrow.sql, "SELECT 2", {"X-Query-Id": "second"})
        wait_for_state(narrow, "second", "queued")
        assert cancel(narrow, "second").status == 204
        second.result().expect_text_error(409, "query: cancelled by DELETE /queries/second")
        assert info(narrow, "second")["state"] == "cancelled"
        assert info(narrow, "first")["state"] == "running"


def test_queued_query_fails_after_queue_timeout(new_lake):
    new_lake.set("queryd", max_concurrent_queries=1, queue_timeout="300ms")
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9").start_queryd()
    client = new_lake.query
    with running(client, "first"):
        answer = client.sql("SELECT 2")
        answer.expect_text_error(
            503, "query: too many queries: none of 1 ended within 300ms, try again later"
        )
        assert answer.headers["Retry-After"] == "1"


# --- DELETE


def test_cancel(client):
    with running(client, "cancel-1") as answer:
        begin = time.monotonic()
        cancelled = cancel(client, "cancel-1")
        assert (cancelled.status, cancelled.body) == (204, b"")
        answer.result().expect_text_error(409, "query: cancelled by DELETE /queries/cancel-1")
        assert time.monotonic() - begin < 5
    query = info(client, "cancel-1")
    assert (query["state"], query["error"]) == (
        "cancelled",
        "cancelled by DELETE /queries/cancel-1",
    )


def test_cancel_after_rows_were_sent_aborts_the_response(client):
    body = json.dumps({"sql": LARGE}).encode()
    head = b"POST /sql HTTP/1.1\r\nHost: localhost\r\nX-Query-Id: cancel-2\r\n"
    head += b"Content-Length: %d\r\n\r\n"
    with client.connect() as connection:
        connection.sendall(head % len(body) + body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert cancel(client, "cancel-2").status == 204
        last = b""
        with contextlib.suppress(ConnectionResetError):
            while data := connection.recv(1 << 20):
                last = (last + data)[-10:]
        assert not last.endswith(b"0\r\n\r\n")
    assert wait_for_state(client, "cancel-2", "cancelled")


def test_cancel_does_not_affect_other_queries(client, pool):
    with running(client, "target"), running(client, "other") as other:
        assert cancel(client, "target").status == 204
        wait_for_state(client, "target", "cancelled")
        assert client.sql("SELECT 1").rows() == [[1]]
        assert info(client, "other")["state"] == "running"
        assert not other.done()


def test_cancel_of_an_ended_query_is_a_conflict(client):
    client.sql("SELECT 1", {"X-Query-Id": "ended-1"})
    cancel(client, "ended-1").expect_text_error(409, "the query has ended already")
    assert info(client, "ended-1")["state"] == "succeeded"


@pytest.mark.parametrize("query_id", ["nobody", "%2e%2e", "a%2Fb", "%00", "x" * 2000])
def test_unknown_query(client, query_id):
    client.get(f"/queries/{query_id}").expect_text_error(404, "there is no such query")
    cancel(client, query_id).expect_text_error(404, "there is no such query")


def test_methods_of_queries(client):
    for path, allowed in (("/queries", {"GET", "HEAD"}), ("/queries/x", {"GET", "HEAD", "DELETE"})):
        answer = client.request("POST", path, "{}")
        assert answer.status == 405
        assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed


# --- ids


@pytest.mark.parametrize("query_id", ["a", "A-b_c.9", "x" * 64, "..", "-", "0123456789abcdef"])
def test_id_of_the_client_is_used(client, query_id):
    answer = client.sql("SELECT 1", {"X-Query-Id": query_id})
    assert answer.headers.get_all("X-Query-Id") == [query_id]
    assert info(client, query_id)["sql"] == "SELECT 1"


@pytest.mark.parametrize(
    "query_id",
    ["", " ", "x" * 65, "a b", "a/b", "a,b", 'a"b', "a\tb", "ü", "a%20b", "<script>", "a;b", "a=b"],
)
def test_invalid_id_is_replaced(client, query_id):
    body = b'{"sql":"SELECT 1"}'
    answer = client.raw(
        b"POST /sql HTTP/1.1\r\nHost: localhost\r\nX-Query-Id: %s\r\nContent-Length: %d\r\n\r\n%s"
        % (query_id.encode(), len(body), body)
    )
    assert answer.rows() == [[1]]
    (given,) = answer.headers.get_all("X-Query-Id")
    assert re.fullmatch("[0-9a-f]{16}", given)
    assert info(client, given)["state"] == "succeeded"


def test_generated_ids_are_all_different(client):
    ids = {client.sql("SELECT 1").headers["X-Query-Id"] for _ in range(50)}
    assert len(ids) == 50


def test_id_of_a_running_query_is_refused(client):
    with running(client, "taken-1") as first:
        second = client.sql("SELECT 2", {"X-Query-Id": "taken-1"})
        second.expect_text_error(409, "a query with this X-Query-Id runs already")
        assert info(client, "taken-1")["sql"] == ENDLESS
        assert not first.done()


def test_id_can_be_used_again_after_its_query(client):
    for n in range(3):
        assert client.sql(f"SELECT {n}", {"X-Query-Id": "again-1"}).rows() == [[n]]
        assert info(client, "again-1")["sql"] == f"SELECT {n}"


def test_every_response_has_the_id(client):
    for method, target, status in (("GET", "/healthz", 200), ("GET", "/nowhere", 404)):
        answer = client.request(method, target, headers={"X-Query-Id": "every-1"})
        assert (answer.status, answer.headers["X-Query-Id"]) == (status, "every-1")


def test_id_is_in_the_log(client, module_lake):
    client.sql("SELECT error('in the log')", {"X-Query-Id": "log-1"})
    module_lake.queryd.wait_for_line("query failed", "query_id=log-1", "in the log")


# --- the list


def test_running_queries_come_first_then_ended_ones(client):
    client.sql("SELECT 1", {"X-Query-Id": "list-1"})
    with running(client, "list-2"):
        client.sql("SELECT 3", {"X-Query-Id": "list-3"})
        queries = client.get("/queries").json()["queries"]
        assert [query["id"] for query in queries[:3]] == ["list-2", "list-3", "list-1"]
        assert queries[1] == info(client, "list-3")
    assert client.get("/queries").content_type == "application/json"


@pytest.mark.parametrize("history", [0, 3])
def test_history_of_queries_is_limited(new_lake, history):
    new_lake.set("queryd", query_history=history, catalogd_url="http://127.0.0.1:9").start_queryd()
    client = new_lake.query
    for n in range(6):
        client.sql(f"SELECT {n}", {"X-Query-Id": f"q{n}"})
    kept = [f"q{n}" for n in reversed(range(6))][:history]
    assert [query["id"] for query in client.get("/queries").json()["queries"]] == kept
    assert [f"q{n}" for n in reversed(range(6)) if info(client, f"q{n}")] == kept
    with running(client, "runs"):
        assert info(client, "runs")["state"] == "running"


@pytest.mark.parametrize("end", [0, 1, 2, 3])
def test_long_text_is_truncated(client, end):
    """For all positions of the limit within a multi-byte character."""
    text = "SELECT 1 --" + "x" * end + "🦆" * 2000
    answer = client.sql(text)
    shown = info(client, answer.headers["X-Query-Id"])["sql"]
    assert shown.endswith("🦆…")
    assert text.startswith(shown[:-1])
    assert SQL_SHOWN_BYTES - 4 < len(shown[:-1].encode()) <= SQL_SHOWN_BYTES


def test_list_is_valid_json_for_all_texts(client):
    text = "SELECT '\"\\\b\u2028</script>\x7f 🦆' AS v"
    answer = client.sql(text)
    assert info(client, answer.headers["X-Query-Id"])["sql"] == text


# --- secrets


def secrets_of(lake: Lake) -> list[str]:
    credentials = lake.files.store.credentials
    return [credentials.access_key_id, credentials.secret_access_key]


@pytest.mark.parametrize("which", [0, 1], ids=["key id", "secret"])
def test_secret_in_a_text_is_redacted(client, module_lake, recorder, which):
    secret = secrets_of(module_lake)[which]
    quoted = secret.replace("'", "''")
    for text in (f"SELECT 1 /* {secret} */", f"SELECT 1 WHERE 'x' = '{quoted}'"):
        answer = client.sql(text)
        assert answer.status == 200, answer.text
        for shown in (
            client.get(f"/queries/{answer.headers['X-Query-Id']}"),
            client.get("/queries"),
        ):
            assert recorder.find_in(shown.body) == []
            json.loads(shown.body)
        assert "[redacted]" in info(client, answer.headers["X-Query-Id"])["sql"]


def test_secret_in_an_error_is_redacted(client, module_lake, recorder):
    quoted = secrets_of(module_lake)[1].replace("'", "''")
    answer = client.sql(f"SELECT error('it is {quoted}')")
    assert answer.status == 400
    assert recorder.find_in(answer.body) == []
    shown = client.get(f"/queries/{answer.headers['X-Query-Id']}")
    assert recorder.find_in(shown.body) == []
    assert "[redacted]" in shown.json()["error"]


@pytest.mark.parametrize("kept", [1, 3, 6])
def test_secret_at_the_end_of_a_cut_text_is_redacted(client, module_lake, recorder, kept):
    """The text is cut, and a secret that is cut in two must not be shown."""
    secret = secrets_of(module_lake)[1]
    begin = "SELECT 1 /* "
    # The last `kept` bytes of the secret are beyond the limit.
    padding = "." * (SQL_SHOWN_BYTES - len(begin) - len(secret) + kept)
    answer = client.sql(f"{begin}{padding}{secret} */")
    shown = client.get(f"/queries/{answer.headers['X-Query-Id']}")
    assert recorder.find_in(shown.body) == []


def test_secret_used_as_an_id_is_not_shown_to_others(client, module_lake, recorder):
    key_id = secrets_of(module_lake)[0]
    with socket.create_connection(client.address.split(":"), timeout=20) as connection:
        body = b'{"sql":"SELECT 1"}'
        connection.sendall(
            b"POST /sql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Query-Id: %s\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (key_id.encode(), len(body), body)
        )
        while connection.recv(4096):
            pass  # Its own client sees its id again.
    assert recorder.find_in(client.get("/queries").body) == []
