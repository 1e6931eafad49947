"""The engine process dies: queryd keeps running, and no response is lost, wrong or falsely
complete."""

import http.client
import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Client
from harness.engine import (
    alive,
    engine_pid,
    engine_pids,
    failures,
    isolated_pid,
    metric,
    states,
    wait_for_count,
    wait_for_state,
)
from harness.processes import Daemon
from harness.queries import ENDLESS
from harness.waiting import wait_until

STREAM = "SELECT n, repeat('x', 1000) AS x FROM range(10000000) t(n)"
CUT_OFF = (http.client.HTTPException, ConnectionError)
RETRIES = "tarn_query_retries_total"


def kill_engine(daemon: Daemon) -> int:
    pid = engine_pid(daemon)
    os.kill(pid, signal.SIGKILL)
    daemon.wait_for(lambda: not alive(pid), "the engine is gone")
    return pid


def post_sql(connection: http.client.HTTPConnection, text: str, **headers: str):
    connection.request("POST", "/sql", json.dumps({"sql": text}), headers)
    return connection.getresponse()


# --- queries without output are retried


def test_kill_9_under_16_queries_loses_none_of_them(new_lake):
    new_lake.set("queryd", max_concurrent_queries=16).start()
    lake, count = new_lake, 16
    front = lake.queryd.process.pid
    with ThreadPoolExecutor(count) as pool:
        running = [
            pool.submit(
                lake.query.sql,
                f"SELECT sum((a.n + b.n + {i}) % 7) FROM range(60000) a(n), range(1000) b(n)",
            )
            for i in range(count)
        ]
        wait_for_count(lake.query, "running", count)
        pid = kill_engine(lake.queryd)
        begin = time.monotonic()
        answers = [query.result() for query in running]
    print(f"{count} queries ran again within {time.monotonic() - begin:.1f} s")
    for i, answer in enumerate(answers):
        a = [60000 // 7 + (r < 60000 % 7) for r in range(7)]
        b = [1000 // 7 + (r < 1000 % 7) for r in range(7)]
        right = sum(a[x] * b[y] * ((x + y + i) % 7) for x in range(7) for y in range(7))
        assert answer.rows() == [[right]]
    assert lake.queryd.running
    assert lake.queryd.process.pid == front
    assert engine_pid(lake.queryd) != pid
    wait_until(lambda: len(engine_pids(lake.queryd)) == 1, "the isolated engine has ended")
    line = lake.queryd.wait_for_line("ERROR", "engine ended", f"pid={pid}")
    assert "killed by signal 9" in line
    assert metric(lake.query, RETRIES) == count
    assert metric(lake.query, 'tarn_engine_failures_total{reason="crash"}') == 1
    assert metric(lake.query, "tarn_engine_starts_total") == 2
    assert metric(lake.query, "tarn_queries_running") == 0
    assert set(states(lake.query).values()) == {"succeeded"}


def test_queued_query_is_not_affected_by_a_crash(new_lake):
    new_lake.set("queryd", max_concurrent_queries=1, queue_timeout="60s").start()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(
            new_lake.query.sql,
            "SELECT count(*) FROM range(60000) a(n), range(8000) b(n) WHERE (a.n + b.n) % 7 = 8",
        )
        wait_for_count(new_lake.query, "running", 1)
        second = pool.submit(new_lake.query.sql, "SELECT 42")
        wait_for_count(new_lake.query, "queued", 1)
        kill_engine(new_lake.queryd)
        assert first.result().rows() == [[0]]
        assert second.result().rows() == [[42]]
    assert metric(new_lake.query, RETRIES) == 1


def test_idle_engine_that_dies_is_replaced_before_the_next_query(lake):
    lake.add("numbers", "SELECT 42 AS n")
    lake.wait_for_rows("numbers", [[42]])
    for _ in range(3):
        pid = kill_engine(lake.queryd)
        assert engine_pid(lake.queryd) != pid
    assert lake.select_all("numbers").rows() == [[42]]
    assert lake.query.ready()
    # The new engine also gets changes of the catalogue.
    lake.add("more", "SELECT 43 AS n", key="more.parquet")
    lake.wait_for_rows("more", [[43]])


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        (signal.SIGSEGV, 500, "query: the engine process ended while this query ran"),
        (signal.SIGKILL, 503, "query: the engine process of this query was ended from outside"),
    ],
)
def test_query_is_not_retried_after_two_crashes(lake, how, status, said):
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lake.query.sql, ENDLESS, {"X-Query-Id": "unlucky"})
        wait_for_state(lake.query, "running", "unlucky")
        kill_engine(lake.queryd)
        own = isolated_pid(lake.queryd, "unlucky")
        assert own != engine_pid(lake.queryd)
        assert metric(lake.query, RETRIES) == 1
        os.kill(own, how)
        answer = asked.result(timeout=20)
    message = answer.expect_error(status, said)
    assert ("twice" in message) == (how == signal.SIGSEGV)
    assert states(lake.query)["unlucky"] == "failed"
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    assert metric(lake.query, RETRIES) == 1
    assert failures(lake.query) == 2
    assert lake.queryd.wait_for_line("query failed", "query_id=unlucky")


def test_query_cancelled_between_two_engines_does_not_run_again(lake):
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lake.query.sql, ENDLESS, {"X-Query-Id": "gone"})
        wait_for_state(lake.query, "running", "gone")
        kill_engine(lake.queryd)
        assert lake.query.request("DELETE", "/queries/gone").status == 204
        answer = asked.result(timeout=20)
    assert "cancelled by DELETE /queries/gone" in answer.text
    assert answer.status == 409
    assert lake.query.sql("SELECT 42").rows() == [[42]]


# --- started responses are cut off


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson", "text/csv"])
@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_started_response_never_looks_complete_after_a_crash(shared_lake, accept, encoding):
    lake = shared_lake
    connection = http.client.HTTPConnection(lake.query.address, timeout=30)
    response = post_sql(connection, STREAM, **{"Accept": accept, "Accept-Encoding": encoding})
    assert response.status == 200
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert len(response.read(1000)) == 1000
    kill_engine(lake.queryd)
    with pytest.raises(CUT_OFF):
        response.read()
    connection.close()
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    lake.queryd.wait_for_line("response cut short")


def test_aborted_response_does_not_end_with_the_last_chunk(shared_lake):
    lake = shared_lake
    body = json.dumps({"sql": STREAM}).encode()
    with lake.query.connect() as connection:
        connection.sendall(
            b"POST /sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
            + body
        )
        data = connection.recv(1000)
        assert data.startswith(b"HTTP/1.1 200 ")
        kill_engine(lake.queryd)
        try:
            while more := connection.recv(1 << 20):
                data = (data + more)[-1000:]
        except ConnectionResetError:
            pass
    assert not data.endswith(b"0\r\n\r\n")
    assert not re.search(rb"\r\n0\r\n", data)


def test_http_1_0_client_detects_an_aborted_response(shared_lake):
    """An HTTP/1.0 client does not know chunks. It takes an orderly close as the end of the
    response."""
    lake = shared_lake
    body = json.dumps({"sql": STREAM}).encode()
    with lake.query.connect() as connection:
        connection.sendall(
            b"POST /sql HTTP/1.0\r\nAccept: text/csv\r\nContent-Length: %d\r\n\r\n" % len(body)
            + body
        )
        assert connection.recv(1000).startswith(b"HTTP/1.")
        kill_engine(lake.queryd)
        with pytest.raises(ConnectionResetError):
            while connection.recv(1 << 20):
                pass


# --- engines and fronts that die


def spill_folders(parent) -> list[str]:
    return [path.name for path in parent.iterdir() if path.name.startswith("tarn-spill-")]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stopped_front_ends_its_engine_and_removes_its_files(new_lake, signum):
    spill = new_lake.folder / "spill"
    new_lake.set("queryd", temp_directory=str(spill), shutdown_timeout="200ms").start()
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(ask_or_none, new_lake.query, ENDLESS) for _ in range(2)]
        wait_for_count(new_lake.query, "running", 2)
        pids = engine_pids(new_lake.queryd)
        assert pids and spill_folders(spill)
        new_lake.queryd.stop(signum)
        wait_until(lambda: not any(map(alive, pids)), "no engine process is left", 5)
        assert all(query.result() is None or query.result().status == 503 for query in asked)
    assert spill_folders(spill) == []


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_killed_front_leaves_no_engine_running(new_lake, busy):
    spill = new_lake.folder / "spill"
    new_lake.set("queryd", temp_directory=str(spill)).start()
    with ThreadPoolExecutor(3) as pool:
        if busy:
            for _ in range(2):
                pool.submit(ask_or_none, new_lake.query, ENDLESS)
            wait_for_count(new_lake.query, "running", 2)
        pids = engine_pids(new_lake.queryd)
        assert pids
        new_lake.queryd.kill()
        try:
            wait_until(
                lambda: not any(map(alive, pids)), "the engine detected the end of the front", 5
            )
        finally:
            for pid in filter(alive, pids):
                os.kill(pid, signal.SIGKILL)
    # The files stay, because no process was left to remove them. The next start removes them.
    left = spill_folders(spill)
    new_lake.start_queryd()
    assert not set(left) & set(spill_folders(spill))


def ask_or_none(client: Client, text: str):
    try:
        return client.sql(text)
    except (http.client.HTTPException, OSError):
        return None


def test_engine_ignores_signals_to_the_process_group(lake):
    """Ctrl-C reaches all processes of a terminal, but only the front may decide to stop."""
    pid = engine_pid(lake.queryd)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, signum)
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    assert engine_pids(lake.queryd) == [pid]


# --- quick replacement


def test_thousand_datasets_can_be_queried_soon_after_a_crash(new_lake):
    new_lake.set("queryd", refresh_timeout="120s", refresh_every="1s").start_catalogd()
    key = new_lake.files.put_rows("data.parquet", "SELECT 42 AS n")
    for number in range(1000):
        new_lake.catalog.put_keys(f"d{number:04}", key)
    new_lake.start_queryd()
    new_lake.queryd.wait_for_line("refresh created=1000", limit_s=120)
    took = []
    for number in (0, 500, 999):
        begin = time.monotonic()
        kill_engine(new_lake.queryd)
        assert new_lake.query.sql(f"SELECT n FROM d{number:04}").rows() == [[42]]
        took.append(time.monotonic() - begin)
    print("first answer after a crash with 1,000 datasets:", [f"{x:.2f} s" for x in took])
    assert max(took) < 15
    for number in range(0, 1000, 100):
        assert new_lake.select_all(f"d{number:04}").rows() == [[42]]
