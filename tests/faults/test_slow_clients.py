"""Clients that read slowly: memory stays bounded, and other clients are not delayed."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from harness.client import Client
from harness.engine import Memory, metric, states, wait_for_state, wait_until_idle
from harness.waiting import wait_until

LONG = "SELECT n, n / 3 AS third, 'row ' || n AS text FROM range(10000000) t(n)"
WIDE = "SELECT repeat('x', 100000) AS x FROM range(20000)"
PAUSE_S = 0.05
BITE = 64 * 1024


class SlowReader:
    """Reads a few bytes, pauses, and repeats this."""

    def __init__(self, client: Client, text: str, query_id: str, pause_s: float = PAUSE_S) -> None:
        self.got = 0
        self.query_id = query_id
        self._pause_s = pause_s
        self._over = threading.Event()
        self._connection = client.send_sql(text, query_id)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._connection.recv(BITE):
                self.got += len(data)
                if self._over.wait(self._pause_s):
                    return


@contextlib.contextmanager
def slow_readers(client: Client, text: str, count: int) -> Iterator[list[SlowReader]]:
    readers = [SlowReader(client, text, f"slow{i}") for i in range(count)]
    try:
        yield readers
    finally:
        for reader in readers:
            reader.close()


# DuckDB makes 2,048 rows at once, which are 200 MB if they are wide.
@pytest.mark.parametrize(
    ("text", "engine_bytes_max"), [(LONG, 300_000_000), (WIDE, 1_500_000_000)], ids=["long", "wide"]
)
def test_slow_readers_use_bounded_memory_and_no_slot(new_lake, text, engine_bytes_max):
    """As many slow clients as slots. Other queries still run."""
    new_lake.set("queryd", max_concurrent_queries=2, memory_limit="1GB").start()
    query = new_lake.query
    assert query.sql("SELECT 42").rows() == [[42]]
    with Memory(new_lake.queryd) as memory, slow_readers(query, text, 2) as readers:
        begin = time.monotonic()
        assert query.sql("SELECT 42").rows() == [[42]]
        first = time.monotonic() - begin
        slowest = 0.0
        while min(reader.got for reader in readers) < 6_000_000:
            begin = time.monotonic()
            assert query.sql("SELECT sum(n) FROM range(1000) t(n)").rows() == [[499500]]
            slowest = max(slowest, time.monotonic() - begin)
        assert states(query)["slow0"] == states(query)["slow1"] == "running"
    print(f"first answer beside them after {first:.2f} s, then within {slowest:.2f} s; {memory}")
    assert first < 20
    assert slowest < 10
    assert memory.front_growth < 100_000_000, str(memory)
    assert memory.engine_peak < engine_bytes_max, str(memory)
    wait_for_state(query, "cancelled", "slow0", "slow1")
    wait_until_idle(new_lake.queryd)


@pytest.mark.parametrize("count", [4, 12])
def test_more_slow_readers_than_slots(new_lake, count):
    """Clients that stop reading block others for write_timeout at most."""
    new_lake.set("queryd", max_concurrent_queries=2, queue_timeout="30s")
    new_lake.settings["http"] = {"write_timeout": "3s"}
    new_lake.start()
    connections = [new_lake.query.send_sql(LONG, f"stalled{i}") for i in range(count)]
    try:
        wait_until(lambda: "stalled0" in states(new_lake.query), "the slow clients are detected")
        begin = time.monotonic()
        assert new_lake.query.sql("SELECT 42").rows() == [[42]]
        print(f"{count} stalled readers: answered after {time.monotonic() - begin:.1f} s")
        wait_until(
            lambda: list(states(new_lake.query).values()).count("running") == 0,
            lambda: f"the slow clients are disconnected: {states(new_lake.query)}",
            limit_s=40,
        )
    finally:
        for connection in connections:
            connection.close()
    assert metric(new_lake.query, "tarn_queries_running") == 0
    wait_until_idle(new_lake.queryd)


def test_slow_reader_gets_the_complete_response(new_lake):
    """The query gave up its slot, and the client still gets all rows."""
    new_lake.set("queryd", max_concurrent_queries=1).start()
    query = new_lake.query
    with query.send_sql("SELECT n, repeat('y', 90) AS y FROM range(200000) t(n)", "slow") as reader:
        assert query.sql("SELECT 42").rows() == [[42]]
        assert states(query)["slow"] == "running"
        response = http_response(reader)
        answer = query.read(response, "a slow answer")
    assert answer.json()["rows"] == [[n, "y" * 90] for n in range(200000)]
    assert states(query)["slow"] == "succeeded"


def http_response(connection: socket.socket) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(connection, method="POST")
    response.begin()
    return response
