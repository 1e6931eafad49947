"""Contract, "Shutdown": stop accepting, let queries finish, interrupt the rest, exit 0."""

import http.client
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.queries import ENDLESS
from harness.waiting import wait_until

SIGNALS = pytest.mark.parametrize(
    "signum", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"]
)
CUT_OFF = (http.client.HTTPException, ConnectionError, TimeoutError)
# The additional time of a shutdown on a loaded machine.
SLACK_S = 5.0


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def ask(client, text: str):
    """Returns the response, or the exception that ended it."""
    try:
        return client.sql(text)
    except CUT_OFF as error:
        return error


def exit_time(daemon, signum: int) -> float:
    begin = time.monotonic()
    daemon.send(signum)
    assert daemon.wait_for_exit() == 0, daemon.log_tail
    return time.monotonic() - begin


@SIGNALS
def test_idle_queryd_exits_0(new_lake, signum):
    new_lake.start()
    assert exit_time(new_lake.queryd, signum) < SLACK_S


@SIGNALS
def test_idle_catalogd_exits_0(new_lake, signum):
    new_lake.start_catalogd()
    assert exit_time(new_lake.catalogd, signum) < SLACK_S


@SIGNALS
def test_exits_0_while_catalogd_stalls(new_lake, make_proxy, signum):
    """A shutdown does not wait for a refresh that waits."""
    new_lake.start_catalogd()
    proxy = make_proxy(new_lake.catalog.address)
    proxy.stall()
    new_lake.set("queryd", catalogd_url=proxy.url).start_queryd()
    wait_until(lambda: proxy.held() > 0, "the refresh waits for catalogd")
    assert exit_time(new_lake.queryd, signum) < SLACK_S


def test_idle_connections_do_not_delay_the_exit(lake):
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with lake.query.connect() as fresh, lake.query.connect() as used:
        used.sendall(request)
        assert used.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert exit_time(lake.queryd, signal.SIGTERM) < SLACK_S
        assert fresh.recv(1) == b""


def test_incomplete_request_delays_the_exit_at_most_by_the_limit(new_lake):
    new_lake.set("queryd", shutdown_timeout="1s").start()
    with new_lake.query.connect() as half:
        half.sendall(b"POST /sql HTTP/1.1\r\nHost: localhost\r\nContent-Le")
        new_lake.query.get("/healthz")
        assert exit_time(new_lake.queryd, signal.SIGTERM) < 1.0 + SLACK_S


@pytest.fixture
def behind_proxy(new_lake, make_proxy):
    """A lake with its store behind a proxy, so that a query runs while the proxy stalls."""
    proxy = make_proxy(new_lake.files.store.address)
    new_lake.set("s3", endpoint=proxy.url).set("queryd", refresh_every="1h").start_catalogd()
    new_lake.add("numbers", "SELECT n, n % 10 AS digit FROM range(50000) t(n)")
    new_lake.start_queryd()
    return new_lake, proxy


READ_ALL = "SELECT n, digit FROM numbers ORDER BY n"


@SIGNALS
def test_running_query_finishes_within_the_limit(behind_proxy, pool, signum):
    lake, proxy = behind_proxy
    lake.wait_for_refresh("created=1")
    proxy.stall()
    running = pool.submit(ask, lake.query, READ_ALL)
    wait_until(lambda: proxy.held() > 0, "the query waits for the store")
    lake.queryd.send(signum)
    wait_until(lambda: not accepts(lake.query), "queryd stops accepting")
    assert lake.queryd.running
    proxy.pass_on()
    answer = running.result()
    assert not isinstance(answer, Exception), answer
    assert answer.status == 200
    assert answer.json()["rows"] == [[n, n % 10] for n in range(50000)]
    assert lake.queryd.wait_for_exit() == 0


def accepts(client) -> bool:
    """Returns true if a new connection gets a response, and is not refused or closed."""
    try:
        return client.get("/healthz").status == 200
    except CUT_OFF:
        return False


@SIGNALS
def test_long_query_is_interrupted(new_lake, pool, signum):
    new_lake.set("queryd", shutdown_timeout="1s").start()
    running = pool.submit(ask, new_lake.query, ENDLESS)
    before = new_lake.queryd.cpu_seconds()
    wait_until(lambda: new_lake.queryd.cpu_seconds() > before + 0.5, "the query is running")
    took = exit_time(new_lake.queryd, signum)
    assert 0.9 < took < 1.0 + SLACK_S
    answer = running.result()
    assert isinstance(answer, Exception) or answer.status >= 400, (
        "an interrupted query has no complete response"
    )


def test_several_long_queries_are_interrupted(new_lake, pool):
    new_lake.set("queryd", shutdown_timeout="500ms").start()
    running = [pool.submit(ask, new_lake.query, ENDLESS) for _ in range(6)]
    before = new_lake.queryd.cpu_seconds()
    wait_until(lambda: new_lake.queryd.cpu_seconds() > before + 0.5, "queries are running")
    assert exit_time(new_lake.queryd, signal.SIGTERM) < 0.5 + SLACK_S
    for future in running:
        answer = future.result()
        assert isinstance(answer, Exception) or answer.status >= 400


def test_query_waiting_for_a_stalled_store_does_not_delay_the_exit(behind_proxy, pool):
    lake, proxy = behind_proxy
    lake.wait_for_refresh("created=1")
    lake.queryd.stop()
    lake.set("queryd", shutdown_timeout="1s").start_queryd()
    lake.wait_for_refresh("created=1")
    proxy.stall()
    running = pool.submit(ask, lake.query, READ_ALL)
    wait_until(lambda: proxy.held() > 0, "the query waits for the store")
    assert exit_time(lake.queryd, signal.SIGTERM) < 1.0 + SLACK_S
    answer = running.result()
    assert isinstance(answer, Exception) or answer.status >= 400


def test_client_that_reads_nothing_does_not_delay_the_exit(new_lake):
    new_lake.set("queryd", shutdown_timeout="1s").start()
    body = b'{"sql":"SELECT n, repeat(\'x\', 1000) FROM range(1000000) t(n)"}'
    with new_lake.query.connect() as connection:
        connection.sendall(
            b"POST /sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )
        connection.recv(1)  # The response has begun.
        assert exit_time(new_lake.queryd, signal.SIGTERM) < 1.0 + SLACK_S


def test_second_signal_is_harmless(new_lake):
    new_lake.start()
    new_lake.queryd.send(signal.SIGTERM)
    new_lake.queryd.send(signal.SIGTERM)
    new_lake.queryd.send(signal.SIGINT)
    assert new_lake.queryd.wait_for_exit() == 0


def test_signal_right_after_the_start_exits_0(new_lake):
    """When the log says that the daemon listens, signals already stop it."""
    new_lake.start_catalogd()
    daemon = new_lake.run("queryd")
    daemon.address()
    assert exit_time(daemon, signal.SIGTERM) < SLACK_S
