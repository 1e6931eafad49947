"""Contract of queryd, "Refresh loop": never fatal, no log line without a change, 10 s limit."""

import time

import pytest
from harness.ports import free_port
from harness.waiting import wait_until

LIST = b"GET /catalog/list"
INITIAL_FAILED = "initial refresh failed (will retry)"


@pytest.fixture
def proxied(new_lake, make_proxy):
    """A lake with catalogd behind a proxy. queryd uses the proxy and is not started."""
    new_lake.start_catalogd()
    proxy = make_proxy(new_lake.catalog.address)
    new_lake.set("queryd", catalogd_url=proxy.url)
    return new_lake, proxy


def refresh_count(proxy) -> int:
    """Between refreshes, queryd waits for a notification of a change, which is not a refresh."""
    return proxy.count(LIST) - proxy.count(b"&wait=")


def refreshes(proxy, more: int) -> None:
    """Waits until queryd has requested the list this many times more."""
    before = refresh_count(proxy)
    wait_until(lambda: refresh_count(proxy) >= before + more, f"{more} more refreshes")


def test_catalogd_may_start_later(new_lake):
    new_lake.set("catalogd", bind=f"127.0.0.1:{free_port()}")
    new_lake.set("queryd", catalogd_url=f"http://{new_lake.settings['catalogd']['bind']}")
    new_lake.start_queryd()
    new_lake.queryd.wait_for_line("WARN", INITIAL_FAILED)
    assert new_lake.query.get("/healthz").status == 200
    ready = new_lake.query.get("/readyz")
    assert ready.status == 503
    assert ready.text.strip()
    assert new_lake.query.sql("SELECT 1").rows() == [[1]]
    not_yet = "query: the catalogue is not known, try again: catalog list: connect to "
    new_lake.query.sql("FROM numbers").expect_error(503, not_yet)

    new_lake.start_catalogd()
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.wait_for_rows("numbers", [[42]])
    new_lake.query.sql("FROM nothing").expect_error(400, "query: Catalog Error: ")
    wait_until(new_lake.query.ready, "ready after the first refresh that succeeded")
    assert len(new_lake.queryd.lines(INITIAL_FAILED)) == 1


def test_catalogd_may_stop_and_start_again(lake):
    lake.add("numbers", "SELECT 1 AS n", key="one")
    lake.wait_for_rows("numbers", [[1]])
    lake.catalogd.stop()
    lake.queryd.wait_for_line("WARN", "refresh failed")
    assert lake.queryd.lines(INITIAL_FAILED) == []
    assert lake.select_all("numbers").rows() == [[1]]

    lake.start_catalogd()
    lake.add("numbers", "SELECT 2 AS n", key="two")
    lake.wait_for_rows("numbers", [[2]])


def test_refresh_is_logged_only_after_a_change(proxied):
    lake, proxy = proxied
    lake.start_queryd()
    lake.add("numbers", "SELECT 42 AS n")
    lake.wait_for_rows("numbers", [[42]])
    lake.wait_for_refresh("created=1 updated=0 dropped=0 skipped=0")
    refreshes(proxy, 5)
    assert len(lake.queryd.lines("refresh created=")) == 1
    assert lake.queryd.lines("refresh failed") == []
    # The same content again is not a change.
    lake.catalog.put_keys("numbers", lake.files.key("data.parquet"))
    refreshes(proxy, 3)
    assert len(lake.queryd.lines("refresh created=")) == 1


def test_refresh_line_is_complete(lake):
    lake.add("numbers", "SELECT 42 AS n")
    line = lake.wait_for_refresh("created=1 updated=0 dropped=0 skipped=0")
    assert " INFO queryd: refresh created=1 updated=0 dropped=0 skipped=0" in line


def test_refresh_every_is_the_interval_between_refreshes(proxied):
    lake, proxy = proxied
    lake.set("queryd", refresh_every="1s").start_queryd()
    wait_until(lambda: refresh_count(proxy) >= 1, "the first refresh")
    begin = time.monotonic()
    refreshes(proxy, 3)
    assert 2.0 < time.monotonic() - begin < 10.0


def test_refresh_every_is_30_s_by_default(proxied):
    lake, proxy = proxied
    lake.set("queryd", refresh_every=None).start_queryd()
    wait_until(lambda: refresh_count(proxy) >= 1, "the first refresh")
    begin = time.monotonic()
    wait_until(lambda: refresh_count(proxy) >= 2, "the second refresh", limit_s=40)
    assert 28.0 < time.monotonic() - begin < 35.0


def test_initial_refresh_has_a_time_limit_of_10_s(proxied):
    lake, proxy = proxied
    proxy.stall()
    begin = time.monotonic()
    lake.start_queryd()
    lake.queryd.wait_for_line("WARN", INITIAL_FAILED, limit_s=30)
    assert 9.0 < time.monotonic() - begin < 15.0
    proxy.pass_on()
    wait_until(lake.query.ready, "ready once the catalogue responds")


def test_every_refresh_has_a_time_limit(proxied):
    lake, proxy = proxied
    lake.set("queryd", refresh_timeout="500ms").start_queryd()
    lake.add("numbers", "SELECT 42 AS n")
    lake.wait_for_rows("numbers", [[42]])
    proxy.stall()
    lake.queryd.wait_for_line("WARN", "refresh failed", count=2)
    # Queries are not affected by the wait or the failure.
    begin = time.monotonic()
    assert lake.select_all("numbers").rows() == [[42]]
    assert time.monotonic() - begin < 5.0
    proxy.pass_on()
    lake.add("numbers", "SELECT 43 AS n", key="other")
    lake.wait_for_rows("numbers", [[43]])


def test_stalled_object_store_does_not_stall_other_queries(new_lake, make_proxy):
    proxy = make_proxy(new_lake.files.store.address)
    new_lake.set("s3", endpoint=proxy.url).set("queryd", refresh_timeout="1s").start()
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.wait_for_rows("numbers", [[42]])
    proxy.stall()
    new_lake.add("late", "SELECT 1 AS n", key="late")
    wait_until(lambda: proxy.held() > 0, "the refresh waits for the store")
    begin = time.monotonic()
    assert new_lake.query.sql("SELECT 1").rows() == [[1]]
    assert new_lake.query.get("/healthz").status == 200
    assert time.monotonic() - begin < 5.0
    proxy.pass_on()
    new_lake.wait_for_rows("late", [[1]])


def http_answer(status: str, body: bytes, extra: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return head.encode() + b"Content-Length: %d\r\n" % len(body) + extra + b"\r\n" + body


NONSENSE = {
    "error-500": http_answer("500 Internal Server Error", b"no"),
    "not-found": http_answer("404 Not Found", b'{"revision":9,"manifests":[]}'),
    "moved": http_answer("302 Found", b"", b"Location: http://127.0.0.1:9/\r\n"),
    "no-json": http_answer("200 OK", b"<html>hello</html>"),
    "empty": http_answer("200 OK", b""),
    "null": http_answer("200 OK", b"null"),
    "no-manifests": http_answer("200 OK", b'{"revision":9}'),
    "wrong-shape": http_answer("200 OK", b'{"revision":9,"manifests":{"a":1}}'),
    "nameless": http_answer("200 OK", b'{"revision":9,"manifests":[{"objects":[]}]}'),
    "cut-short": b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    + b'{"revision":9,"manifests":[]}',
    "no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
}


@pytest.fixture(scope="module")
def stable(shared_lake):
    shared_lake.add("numbers", "SELECT 42 AS n")
    shared_lake.wait_for_rows("numbers", [[42]])
    return shared_lake


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_invalid_response_from_catalogd_is_a_warning_and_drops_no_view(
    new_lake, make_proxy, stable, answer
):
    """A response that cannot be parsed is not an empty catalogue."""
    proxy = make_proxy(stable.catalog.address)
    new_lake.set("queryd", catalogd_url=proxy.url).start_queryd()
    new_lake.wait_for_rows("numbers", [[42]])
    proxy.answer(answer)
    new_lake.queryd.wait_for_line("WARN", "refresh failed", count=2)
    assert new_lake.select_all("numbers").rows() == [[42]]
    assert new_lake.queryd.lines("dropped=1") == []
    proxy.pass_on()
    stable.catalog.put_keys("again", stable.files.key("data.parquet"), row_count=proxy.count(LIST))
    new_lake.wait_for_rows("again", [[42]])
    stable.catalog.delete("again")


def test_empty_list_is_a_change_and_not_an_error(lake):
    """A valid empty list drops all views."""
    lake.add("numbers", "SELECT 42 AS n")
    lake.wait_for_rows("numbers", [[42]])
    lake.catalog.delete("numbers")
    lake.wait_until_gone("numbers")
    lake.wait_for_refresh("created=0 updated=0 dropped=1 skipped=0")
