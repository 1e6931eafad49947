"""A web page in a browser cannot use a daemon on the same machine."""

import json
import urllib.parse

import pytest
from harness.client import Answer, Client

BOTH = pytest.mark.parametrize("side", ["query", "catalog"])
EVIL = "http://evil.example"
APP = "https://app.example.com"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
SELECT = json.dumps({"sql": "SELECT 'the answer'"}).encode()


@pytest.fixture(scope="module")
def lake(module_lake):
    """A lake that allows one origin and one host name."""
    module_lake.settings["http"] = {
        "allowed_origins": [APP, "http://localhost:5173"],
        "allowed_hosts": "tarn.example.com, proxied.example.com:8443",
    }
    return module_lake.start()


@pytest.fixture
def address(lake, side) -> Client:
    return getattr(lake, side)


def send(client: Client, method: str, path: str, headers: dict[str, str], body=b"") -> Answer:
    """Sends exactly these headers, like a browser."""
    head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        head.append(f"Content-Length: {len(body)}")
    raw = "\r\n".join(head) + "\r\n\r\n"
    return client.raw(raw.encode("latin-1"), body, method=method)


def expect_refused(answer: Answer, status: int, message: str) -> None:
    answer.expect_text_error(status, message)
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


# --- Host: DNS rebinding


@BOTH
@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/catalog/list", "/queries", "/nothing"])
def test_rebound_name_is_refused(address, host, path):
    """The page's host name now resolves to 127.0.0.1, so its origin is the same as the Host."""
    host = host.format(port=address.address.rpartition(":")[2])
    message = f"host {host} is not allowed: add it to http.allowed_hosts"
    expect_refused(send(address, "GET", path, {"Host": host}), 403, message)
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    expect_refused(send(address, "GET", path, headers), 403, message)


def test_rebound_name_cannot_query(lake):
    before = len(lake.query.get("/queries").json()["queries"])
    headers = {"Host": "evil.example", "Content-Type": "application/json"}
    assert send(lake.query, "POST", "/sql", headers, SELECT).status == 403
    assert len(lake.query.get("/queries").json()["queries"]) == before


@BOTH
@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "[::1]:8080",
        "tarn.example.com",
        "tarn.example.com:443",
        "proxied.example.com:8443",
    ],
)
def test_names_of_this_machine_and_allowed_names_are_accepted(address, host):
    assert send(address, "GET", "/healthz", {"Host": host}).status == 200


@BOTH
def test_allowed_name_with_another_port(address):
    assert send(address, "GET", "/healthz", {"Host": "proxied.example.com:1"}).status == 403


@BOTH
def test_http_1_1_requires_one_host(address):
    missing = address.raw(b"GET /healthz HTTP/1.1\r\n\r\n", method="GET")
    missing.expect_text_error(400, "a request must have one Host header")
    twice = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"
    address.raw(twice, method="GET").expect_text_error(400, "a request must have one Host header")
    assert address.raw(b"GET /healthz HTTP/1.0\r\n\r\n", method="GET").status == 200


def test_any_host_is_accepted_on_a_public_address_without_allowed_hosts(new_lake):
    new_lake.set("catalogd", bind="0.0.0.0:0").set("auth", allow_anonymous=True)
    daemon = new_lake.run("catalogd")
    client = Client("127.0.0.1:" + daemon.address().rpartition(":")[2], new_lake.recorder)
    assert send(client, "GET", "/healthz", {"Host": "anything.example"}).status == 200
    daemon.stop()
    new_lake.settings["http"] = {"allowed_hosts": "tarn.example.com"}
    daemon = new_lake.run("catalogd")
    client = Client("127.0.0.1:" + daemon.address().rpartition(":")[2], new_lake.recorder)
    assert send(client, "GET", "/healthz", {"Host": "anything.example"}).status == 403
    assert send(client, "GET", "/healthz", {"Host": "tarn.example.com:80"}).status == 200


# --- Origin and Sec-Fetch-*


@BOTH
@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "https://{host}",
        "http://localhost:1",
        "http://{host}.evil.example",
        APP + ":1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_page_of_another_origin_is_refused(address, origin, method):
    """Refused for all methods, before the body is read."""
    origin = origin.format(host=address.address)
    headers = {"Host": address.address, "Origin": origin, "Content-Type": "application/json"}
    if method == "OPTIONS":
        headers["Access-Control-Request-Method"] = "POST"
    body = SELECT if method in ("POST", "PUT") else b""
    message = f"origin {origin} is not allowed: add it to http.allowed_origins"
    expect_refused(send(address, method, "/sql", headers, body), 403, message)


def test_own_page_may_query(lake):
    host = lake.query.address
    headers = {
        "Host": host,
        "Origin": f"http://{host}",
        "Sec-Fetch-Site": "same-origin",
        "Sec-Fetch-Mode": "cors",
        "Content-Type": "application/json",
    }
    answer = send(lake.query, "POST", "/sql", headers, SELECT)
    assert answer.rows() == [["the answer"]]
    assert "Access-Control-Allow-Origin" not in answer.headers


@BOTH
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("mode", ["no-cors", "cors", "websocket", None])
def test_cross_site_request_without_an_origin_is_refused(address, site, mode):
    """Images and scripts of other pages, for which browsers send no Origin."""
    headers = {"Host": address.address, "Sec-Fetch-Site": site}
    if mode:
        headers |= {"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "image"}
    message = "a page of another origin may not send this request"
    expect_refused(send(address, "GET", "/healthz", headers), 403, message)


@BOTH
def test_link_on_another_site_can_be_followed(address):
    headers = {
        "Host": address.address,
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert send(address, "GET", "/healthz", headers).status == 200
    assert send(address, "GET", "/healthz", headers | {"Sec-Fetch-Dest": "iframe"}).status == 403
    assert send(address, "POST", "/sql", headers, SELECT).status == 403


@BOTH
def test_echoed_text_is_harmless(address):
    headers = {"Host": "localhost", "Origin": "<script>alert(1)</script>"}
    answer = send(address, "GET", "/healthz", headers)
    assert answer.status == 403
    assert "<" not in answer.text


# --- bodies: a form cannot send JSON


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""]
)
@pytest.mark.parametrize("from_browser", [True, False])
@BOTH
def test_body_of_a_form_is_refused(address, side, content_type, from_browser):
    """A form sends text/plain that is valid JSON, also from an allowed page."""
    path = "/sql" if side == "query" else "/catalog/datasets/x"
    method = "POST" if side == "query" else "PUT"
    headers = {"Host": address.address, "Content-Type": content_type}
    if from_browser:
        headers["Origin"] = f"http://{address.address}"
    answer = send(address, method, path, headers, SELECT)
    expect_refused(
        answer,
        415,
        f"the body is {content_type}: send it with Content-Type: application/json",
    )


def test_form_post(lake):
    """The request of <form method=post action=http://localhost:3214/sql>."""
    headers = {
        "Host": lake.query.address,
        "Origin": EVIL,
        "Referer": EVIL + "/page",
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    body = urllib.parse.urlencode({"sql": "SELECT 1"}).encode()
    assert send(lake.query, "POST", "/sql", headers, body).status == 403


@pytest.mark.parametrize("sign", ["Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode"])
def test_browser_must_send_a_content_type(lake, sign):
    own = f"http://{lake.query.address}"
    value = {"Origin": own, "Referer": own + "/", "Sec-Fetch-Site": "same-origin"}.get(sign, "cors")
    headers = {"Host": lake.query.address, sign: value}
    answer = send(lake.query, "POST", "/sql", headers, SELECT)
    expect_refused(answer, 415, "the body has no type: send it with Content-Type: application/json")
    headers["Content-Type"] = "application/json"
    assert send(lake.query, "POST", "/sql", headers, SELECT).rows() == [["the answer"]]


def test_refusal_is_a_problem_document_on_request(lake):
    headers = {
        "Host": lake.query.address,
        "Content-Type": "text/plain",
        "Accept": "application/json",
    }
    answer = send(lake.query, "POST", "/sql", headers, SELECT)
    assert answer.content_type == "application/problem+json"
    assert answer.json()["status"] == 415


def test_refused_connection_is_closed(lake):
    refused = send(lake.query, "GET", "/healthz", {"Host": "evil.example"})
    assert refused.headers["Connection"] == "close"


# --- CORS for allowed origins


@pytest.mark.parametrize("origin", [APP, "http://localhost:5173"])
@pytest.mark.parametrize("sql", ["SELECT 1", "SELEC"])
def test_allowed_page_may_query_and_read(lake, origin, sql):
    """Errors have these headers too, so that the page can read them."""
    headers = {
        "Host": lake.query.address,
        "Origin": origin,
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "cors",
        "Content-Type": "application/json",
    }
    answer = send(lake.query, "POST", "/sql", headers, json.dumps({"sql": sql}).encode())
    assert answer.status == (200 if sql == "SELECT 1" else 400)
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Origin" in ",".join(answer.headers.get_all("Vary"))
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert {"X-Query-Id", "X-Truncated"} <= set(exposed.split(", "))


@BOTH
def test_preflight(address, side):
    path = "/sql" if side == "query" else "/catalog/datasets/x"
    headers = {
        "Host": address.address,
        "Origin": APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-query-id",
    }
    answer = send(address, "OPTIONS", path, headers)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    methods = answer.headers["Access-Control-Allow-Methods"].split(", ")
    assert methods == (["POST"] if side == "query" else ["GET", "HEAD", "PUT", "DELETE"])
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"content-type", "x-query-id", "authorization"} <= set(allowed)
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


# --- headers of all responses


@BOTH
@pytest.mark.parametrize(
    "path", ["/healthz", "/metrics", "/nothing", "/catalog/list", "/queries", "/sql"]
)
def test_security_headers(address, path):
    answer = address.get(path)
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get_all(name) == [value]


def test_security_headers_of_results(lake):
    for sql in ("SELECT random()", "SELECT n FROM range(1000000) t(n)"):
        answer = lake.query.sql(sql)
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers.get_all(name) == [value]
    # A client may cache a response with an ETag, but must revalidate it.
    answer = lake.query.sql("SELECT 1")
    for name, value in (SECURITY_HEADERS | {"Cache-Control": "private, no-cache"}).items():
        assert answer.headers.get_all(name) == [value]


# --- settings


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        (
            "allowed_hosts",
            "http://tarn.example.com",
            'http.allowed_hosts: "http://tarn.example.com"',
        ),
        ("allowed_origins", "app.example.com", 'http.allowed_origins: "app.example.com"'),
        ("allowed_origins", f"{APP}/", f'http.allowed_origins: "{APP}/"'),
        ("allowed_origins", "*", 'http.allowed_origins: "*"'),
    ],
)
@pytest.mark.parametrize("program", ["queryd", "catalogd"])
def test_invalid_setting_is_reported_at_the_start(new_lake, program, key, value, part):
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9")
    new_lake.settings["http"] = {key: value}
    assert part in new_lake.run_to_exit(program).the_error()
