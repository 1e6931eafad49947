"""Health, readiness, metrics, query ids, the log, and the responses of all routes on
both daemons."""

import json
import re
from collections import Counter
from datetime import datetime

import pytest
from harness.waiting import wait_until

BOTH = pytest.mark.parametrize("side", ["query", "catalog"])


@pytest.fixture(scope="module")
def both(shared_lake):
    wait_until(shared_lake.query.ready, "queryd is ready")
    return shared_lake


# --- all responses


TARGETS = [
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/nowhere"),
    ("PATCH", "/healthz"),
    ("POST", "/sql"),
    ("GET", "/sql"),
    ("GET", "/catalog/list"),
    ("PUT", "/catalog/datasets/x"),
    ("GET", "/catalog/datasets/nowhere"),
]


@BOTH
def test_every_response_has_its_own_query_id(both, side):
    client = getattr(both, side)
    ids = [client.request(*target).headers["X-Query-Id"] for target in TARGETS * 3]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_query_id_is_on_every_log_line_of_the_query(both):
    answer = both.query.sql("SELECT 'told apart' FROM nowhere")
    assert answer.status == 400
    query_id = answer.headers["X-Query-Id"]
    both.queryd.wait_for_line(f"query_id={query_id}")
    assert not [
        line for line in both.queryd.lines("told apart") if f"query_id={query_id}" not in line
    ]


def test_early_refusal_has_a_query_id(both):
    large = both.query.request("POST", "/sql", b" " * 70000)
    assert large.status == 413
    assert large.headers["X-Query-Id"]
    assert both.query.request("POST", "/sql", b"x").headers["X-Query-Id"]


@BOTH
@pytest.mark.parametrize(
    "target",
    ["/nowhere", "/sql/", "/SQL", "/healthz/x", "/catalog", "/catalog/", "/catalog/list/x"]
    + [
        "/catalog/datasets/x/y",
        "/catalog/datasetsx",
        "/%2e%2e/etc/passwd",
        "/..",
        "//healthz",
        "/sql%00",
    ],
)
def test_unknown_path_is_404(both, side, target):
    client = getattr(both, side)
    client.get(target).expect_error(404, "")
    problem = client.get(target, {"Accept": "application/json"})
    assert problem.json()["status"] == 404
    assert problem.json()["title"] == "Not Found"


@pytest.mark.parametrize(
    ("side", "method", "target", "allowed"),
    [
        ("query", "GET", "/sql", {"POST"}),
        ("query", "PUT", "/sql", {"POST"}),
        ("query", "DELETE", "/sql", {"POST"}),
        ("query", "POST", "/healthz", {"GET"}),
        ("query", "POST", "/metrics", {"GET"}),
        ("catalog", "POST", "/catalog/list", {"GET"}),
        ("catalog", "DELETE", "/catalog/list", {"GET"}),
        ("catalog", "POST", "/catalog/datasets/x", {"GET", "PUT", "DELETE"}),
        ("catalog", "POST", "/readyz", {"GET"}),
    ],
)
def test_wrong_method_is_405_with_allow(both, side, method, target, allowed):
    answer = getattr(both, side).request(method, target)
    answer.expect_error(405, "")
    named = {name.strip() for name in answer.headers["Allow"].split(",")}
    assert allowed <= named
    assert method not in named


@BOTH
def test_query_string_does_not_change_the_path(both, side):
    assert getattr(both, side).get("/healthz?x=1&y").status == 200


@BOTH
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST /sql HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"POST /sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["words", "version", "length", "chunk", "negative", "header", "tls"],
)
def test_malformed_http_does_not_affect_other_clients(both, side, request_bytes):
    client = getattr(both, side)
    with client.connect() as connection:
        connection.sendall(request_bytes)
        connection.shutdown(1)
        try:
            answer = connection.recv(65536)
        except ConnectionResetError:
            answer = b""
    assert answer == b"" or re.match(rb"HTTP/1\.[01] [45]\d\d ", answer), answer
    assert client.get("/healthz").status == 200


# --- health and readiness


@BOTH
def test_healthz_and_readyz_are_200(both, side):
    assert getattr(both, side).get("/healthz").status == 200
    assert getattr(both, side).get("/readyz").status == 200


def test_queryd_is_not_ready_before_a_refresh_has_succeeded(new_lake):
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9").start_queryd()
    assert new_lake.query.get("/healthz").status == 200
    ready = new_lake.query.get("/readyz")
    assert len(ready.expect_error(503, "")) > 10, "the response has the reason"


def test_queryd_is_ready_with_an_empty_catalogue(both):
    assert both.query.get("/readyz").status == 200


def test_queryd_stays_ready_when_catalogd_stops(lake):
    """queryd still answers with the known datasets, so it should stay in service."""
    wait_until(lake.query.ready, "queryd is ready")
    lake.catalogd.stop()
    lake.queryd.wait_for_line("WARN", "refresh failed")
    assert lake.query.get("/readyz").status == 200


# --- metrics

SAMPLE = re.compile(
    r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{(\w+=\"[^\"]*\",?)*\})?"
    r" (-?[0-9.]+([eE][+-]?[0-9]+)?|[+-]Inf|NaN)( [0-9]+)?"
)


@BOTH
def test_metrics_are_prometheus_text(both, side):
    answer = getattr(both, side).get("/metrics")
    assert answer.status == 200
    assert answer.content_type.startswith("text/plain")
    lines = answer.text.splitlines()
    assert any(line.startswith("# TYPE ") for line in lines)
    samples = [line for line in lines if line and not line.startswith("#")]
    assert samples
    for line in samples:
        assert SAMPLE.fullmatch(line), line


@BOTH
def test_metrics_count_requests(both, side):
    client = getattr(both, side)

    def total() -> float:
        lines = client.get("/metrics").text.splitlines()
        counters = {x.split()[2] for x in lines if x.startswith("# TYPE") and "counter" in x}
        counters = {name for name in counters if "request" in name or "http" in name}
        assert counters, "no counter for requests"
        samples = [x for x in lines if re.split(r"[{ ]", x)[0] in counters]
        return sum(float(x.split()[-1]) for x in samples)

    before = total()
    for _ in range(7):
        assert client.get("/healthz").status == 200
    assert total() >= before + 7


def test_counters_of_engine_failures_start_at_zero(both):
    """A rule on the increase of a counter misses the first event if the counter begins at 1."""
    text = both.query.get("/metrics").text
    for reason in ("crash", "memory"):
        assert f'tarn_engine_failures_total{{reason="{reason}"}} 0' in text


def test_metrics_have_no_sql_and_no_dataset_name(both):
    both.query.sql("SELECT 'marker_of_a_query'")
    both.catalog.put_keys("marker_of_a_dataset", "k")
    for client in (both.query, both.catalog):
        text = client.get("/metrics").text
        assert "marker_of_a_query" not in text
        assert "marker_of_a_dataset" not in text
    both.catalog.delete("marker_of_a_dataset")


# --- the log


@BOTH
def test_text_log_lines_have_time_level_and_program(both, side):
    daemon = both.queryd if side == "query" else both.catalogd
    shape = re.compile(
        rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z (DEBUG|INFO|WARN|ERROR) {daemon.name}: .+"
    )
    lines = daemon.log.splitlines()
    assert lines
    for line in lines:
        assert shape.fullmatch(line), line


def test_json_log_has_one_object_per_line(new_lake):
    new_lake.set("log", format="json").start()
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.wait_for_rows("numbers", [[42]])
    query_id = new_lake.query.sql("SELECT 1 FROM nowhere").headers["X-Query-Id"]
    new_lake.queryd.wait_for_line(query_id)
    new_lake.catalog.put_keys("odd \"name\"; 'x'", "absent\nkey")
    new_lake.queryd.wait_for_line('"warn"', "absent")
    for daemon in (new_lake.queryd, new_lake.catalogd):
        entries = [json.loads(line) for line in daemon.log.splitlines()]
        for entry in entries:
            assert {"ts", "level", "msg"} <= entry.keys()
            assert datetime.fromisoformat(entry["ts"]).utcoffset().total_seconds() == 0
            assert entry["level"] in ("debug", "info", "warn", "error")
        (listening,) = [entry for entry in entries if entry["msg"] == "listening"]
        assert listening["addr"] == daemon.address()
    entries = [json.loads(line) for line in new_lake.queryd.log.splitlines()]
    assert [entry for entry in entries if entry.get("query_id") == query_id]
    refreshes = [entry for entry in entries if entry["msg"].startswith("refresh")]
    assert any("created" in entry or "created=1" in entry["msg"] for entry in refreshes)


def test_log_level_hides_less_severe_lines(new_lake):
    new_lake.set("log", level="error").set("queryd", catalogd_url="http://127.0.0.1:9")
    daemon = new_lake.run("queryd")
    with pytest.raises(AssertionError):
        daemon.wait_for_line("listening", limit_s=1)
    assert Counter(line.split()[1] for line in daemon.log.splitlines()).keys() <= {"ERROR"}
