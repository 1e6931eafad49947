"""Tokens take turns: the queries and slow clients of one token leave slots for others."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from harness.client import Client
from harness.engine import (
    engine_pid,
    isolated_pid,
    metric,
    states,
    wait_for_count,
    wait_for_state,
    wait_until_idle,
)
from harness.lake import Lake
from harness.queries import ENDLESS
from harness.tokens import Tokens
from harness.waiting import wait_until

LONG = "SELECT n, 'row ' || n AS text FROM range(10000000) t(n)"
# Takes about 50 ms.
QUICK = "SELECT sum(hash(n)) FROM range(5000000) t(n)"


class Tenants:
    """A lake with two limited tokens and an administrator's token."""

    def __init__(self, lake: Lake, **weights: int) -> None:
        self.lake = lake
        tokens = Tokens(lake)
        made = {
            name: tokens.create(name, datasets=(f"{name}_*",), weight=weights.get(name, 1))
            for name in ("red", "blue")
        }
        made["admin"] = tokens.create("admin", "query", "admin")
        tokens.let_queryd_in()
        lake.set("queryd", catalogd_url="http://127.0.0.1:9", result_cache_bytes=0).start_queryd()
        self.red, self.blue, self.admin = (
            lake.query.with_token(made[name]) for name in ("red", "blue", "admin")
        )


def listed(client: Client) -> list[dict[str, Any]]:
    return client.get("/queries").json()["queries"]


@contextlib.contextmanager
def sent(client: Client, text: str, ids: list[str]) -> Iterator[None]:
    """Sends queries without reading their responses."""
    with contextlib.ExitStack() as stack:
        for query_id in ids:
            stack.enter_context(client.send_sql(text, query_id))
        yield


def started_at(query: dict[str, Any]) -> float:
    return (
        datetime.fromisoformat(query["submitted_at"]).timestamp() + float(query["queued_ms"]) / 1000
    )


def test_query_waits_for_at_most_one_slot_despite_300_queries_of_another_token(new_lake):
    new_lake.set("queryd", max_concurrent_queries=1, queue_limit=400, queue_timeout="60s")
    tenants = Tenants(new_lake)
    for client in (tenants.red, tenants.blue):  # The engines of both have started.
        assert client.sql("SELECT 1").rows() == [[1]]
    with sent(tenants.red, QUICK, [f"red-{i}" for i in range(305)]):
        wait_until(lambda: metric(tenants.admin, "tarn_queries_queued") >= 300, "300 queries wait")
        assert tenants.blue.sql("SELECT 42", {"X-Query-Id": "blue"}).rows() == [[42]]
        blue, *_ = [query for query in listed(tenants.admin) if query["id"] == "blue"]
        arrived_at = datetime.fromisoformat(blue["submitted_at"]).timestamp()
        before_it = [
            query["id"]
            for query in listed(tenants.admin)
            if query["user"] == "red" and arrived_at < started_at(query) < started_at(blue)
        ]
    print(f"it waited {blue['queued_ms']:.0f} ms; {before_it} began meanwhile")
    assert len(before_it) <= 1
    wait_until_idle(new_lake.queryd)


def test_tokens_alternate(new_lake):
    """Red's 30 queries are queued before blue's 3, but blue gets every second turn."""
    new_lake.set("queryd", max_concurrent_queries=1, queue_timeout="60s")
    tenants = Tenants(new_lake)
    for client in (tenants.red, tenants.blue):
        assert client.sql("SELECT 1").rows() == [[1]]
    with sent(tenants.red, ENDLESS, ["first"]), ThreadPoolExecutor(40) as pool:
        wait_for_count(tenants.admin, "running", 1)
        asked = []
        for client, name, count in ((tenants.red, "red", 30), (tenants.blue, "blue", 3)):
            for i in range(count):
                headers = {"X-Query-Id": f"{name}-{i}"}
                before = metric(tenants.admin, "tarn_queries_queued")
                asked.append(pool.submit(client.sql, f"SELECT {i}", headers))
                wait_until(
                    lambda before=before: metric(tenants.admin, "tarn_queries_queued") > before,
                    "the query waits",
                )
        assert tenants.red.request("DELETE", "/queries/first").status == 204
        assert [answer.result().status for answer in asked] == [200] * 33
    order = [name for name in reversed(states(tenants.admin)) if name.startswith(("red-", "blue-"))]
    places = [order.index(f"blue-{i}") for i in range(3)]
    assert places == [0, 2, 4], order[:10]
    wait_until_idle(new_lake.queryd)


def test_a_weight_gives_more_turns(new_lake):
    new_lake.set("queryd", max_concurrent_queries=1, queue_timeout="60s")
    tenants = Tenants(new_lake, red=4)
    for client in (tenants.red, tenants.blue):
        assert client.sql("SELECT 1").rows() == [[1]]
    with sent(tenants.blue, ENDLESS, ["first"]), ThreadPoolExecutor(40) as pool:
        wait_for_count(tenants.admin, "running", 1)
        asked = [
            pool.submit(client.sql, f"SELECT {i}", {"X-Query-Id": f"{name}-{i}"})
            for i in range(16)
            for client, name in ((tenants.red, "red"), (tenants.blue, "blue"))
        ]
        wait_for_count(tenants.admin, "queued", 32)
        assert tenants.blue.request("DELETE", "/queries/first").status == 204
        assert [answer.result().status for answer in asked] == [200] * 32
    order = [name for name in reversed(states(tenants.admin)) if name.startswith(("red-", "blue-"))]
    reds = sum(name.startswith("red") for name in order[:10])
    assert reds in (8, 9), order
    wait_until_idle(new_lake.queryd)


def test_slow_readers_of_one_token_do_not_block_another(new_lake):
    """Six slow queries with two slots. One gives up its slot, and one that keeps it
    is cancelled."""
    new_lake.set("queryd", max_concurrent_queries=2, max_concurrent_queries_per_token=2)
    new_lake.set("queryd", queue_timeout="30s", slow_readers_max=2)
    new_lake.settings["http"] = {"write_timeout": "10m"}
    tenants = Tenants(new_lake)
    assert tenants.blue.sql("SELECT 42").rows() == [[42]]
    with sent(tenants.red, LONG, [f"slow-{i}" for i in range(6)]):
        # One query may give up its slot, two keep theirs.
        wait_for_count(tenants.admin, "running", 3)
        wait_for_count(tenants.admin, "queued", 3)
        for _ in range(5):
            assert tenants.blue.sql("SELECT 42").rows() == [[42]]
        failed = [query for query in listed(tenants.admin) if query["state"] == "failed"]
        assert failed, "a slow reader gave up its slot"
        assert {query["user"] for query in failed} == {"red"}
        assert {query["error"] for query in failed} == {
            "the reader is slow and other queries wait, read faster"
        }
    wait_until_idle(new_lake.queryd)


def test_queries_of_one_token_leave_slots_to_others(new_lake):
    new_lake.set("queryd", max_concurrent_queries=4, queue_timeout="300ms")
    tenants = Tenants(new_lake)
    with sent(tenants.red, ENDLESS, [f"red-{i}" for i in range(3)]):
        wait_for_count(tenants.admin, "running", 3)
        tenants.red.sql("SELECT 1").expect_error(
            503, 'query: too many queries of token "red": none of 3 ended within 300ms'
        )
        assert tenants.blue.sql("SELECT 42").rows() == [[42]]
    wait_until_idle(new_lake.queryd)


def test_one_token_leaves_one_of_two_slots_to_others(new_lake):
    new_lake.set("queryd", max_concurrent_queries=2, queue_timeout="300ms")
    tenants = Tenants(new_lake)
    with sent(tenants.red, ENDLESS, ["red-0", "red-1"]):
        wait_for_count(tenants.admin, "running", 1)
        assert tenants.blue.sql("SELECT 42").rows() == [[42]]
    wait_until_idle(new_lake.queryd)


def test_full_queue_of_one_token_has_room_for_another(new_lake):
    new_lake.set("queryd", max_concurrent_queries=1, queue_limit=10, queue_timeout="60s")
    tenants = Tenants(new_lake)
    assert tenants.blue.sql("SELECT 42").rows() == [[42]]
    with sent(tenants.red, ENDLESS, [f"red-{i}" for i in range(11)]):
        wait_for_count(tenants.admin, "running", 1)
        wait_for_count(tenants.admin, "queued", 10)
        with tenants.blue.send_sql("SELECT 42", "blue"):
            wait_until(
                lambda: states(tenants.admin).get("blue") == "queued",
                lambda: f"blue's query waits: {states(tenants.admin)}",
            )
            assert states(tenants.admin)["red-10"] == "failed"
    wait_until_idle(new_lake.queryd)


@pytest.mark.parametrize("client", ["red", "admin"])
def test_ids_and_history_are_separate_for_each_token(new_lake, client):
    new_lake.set("queryd", query_history=20)
    tenants = Tenants(new_lake)
    other = getattr(tenants, client)
    with sent(other, ENDLESS, ["mine"]):
        wait_for_count(tenants.admin, "running", 1)
        assert tenants.blue.sql("SELECT 1", {"X-Query-Id": "mine"}).rows() == [[1]]
        assert tenants.blue.get("/queries/mine").json()["state"] == "succeeded"
        tenants.blue.request("DELETE", "/queries/mine").expect_error(409, "the query has ended")
    for _ in range(50):
        assert other.sql("SELECT 2").rows() == [[2]]
    assert tenants.blue.get("/queries/mine").json()["sql"] == "SELECT 1"
    wait_until_idle(new_lake.queryd)


def test_admin_must_name_the_token_of_an_ambiguous_query_id(new_lake):
    tenants = Tenants(new_lake)
    for client in (tenants.red, tenants.blue):
        assert client.sql("SELECT 1", {"X-Query-Id": "same"}).rows() == [[1]]
    tenants.admin.get("/queries/same").expect_error(409, "several tokens have a query with this id")
    tenants.admin.request("DELETE", "/queries/same").expect_error(409, "several tokens have")
    assert tenants.admin.get("/queries/same?user=red").json()["user"] == "red"
    tenants.blue.get("/queries/same?user=red").expect_error(404, "there is no such query")
    tenants.admin.request("DELETE", "/queries/same?user=blue").expect_error(
        409, "the query has ended"
    )


def test_each_successful_query_is_logged(new_lake):
    tenants = Tenants(new_lake)
    assert tenants.red.sql("SELECT 1", {"X-Query-Id": "logged"}).rows() == [[1]]
    line = new_lake.queryd.wait_for_line("query", "query_id=logged")
    assert "INFO" in line and "user=red" in line and "rows=1" in line, line


def test_slow_reader_in_the_isolated_engine_does_not_block_another_token(new_lake):
    """Both queries ran in an engine that crashed, so they run one after the other, each alone."""
    large = "SELECT n, repeat('x', 500) AS x FROM range(1000000) t(n) ORDER BY hash(n)"
    some_seconds = (
        "SELECT count(*) FROM range(60000) a(n), range(9000) b(n) WHERE (a.n + b.n) % 7 = 8"
    )
    new_lake.settings["http"] = {"write_timeout": "10m"}
    new_lake.set("queryd", max_concurrent_queries=2, catalogd_url="http://127.0.0.1:9")
    tokens = Tokens(new_lake)
    red_token, blue_token = tokens.create("red"), tokens.create("blue")
    admin_token = tokens.create("admin", "admin")
    tokens.let_queryd_in()
    new_lake.start_queryd()
    red, blue, admin = (
        new_lake.query.with_token(token) for token in (red_token, blue_token, admin_token)
    )
    assert blue.sql("SELECT 1").rows() == [[1]]
    with ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as stack:
        asked = pool.submit(blue.sql, some_seconds, {"X-Query-Id": "blue"})
        wait_for_state(blue, "running", "blue")
        # Sorting takes longer than the kill, so nothing of the response has been sent.
        stack.enter_context(red.send_sql(large, "red"))
        wait_for_state(red, "running", "red")
        os.kill(engine_pid(new_lake.queryd), signal.SIGSEGV)
        # The reader stalls in its own process, as long as the test lets it.
        isolated = isolated_pid(new_lake.queryd, "red")
        assert isolated not in (engine_pid(new_lake.queryd), -1)
        assert asked.result(timeout=60).rows() == [[0]]
        assert isolated_pid(new_lake.queryd, "blue") > 0
        assert states(red)["red"] in ("running", "failed"), "the slow reader has not read"
    assert metric(admin, "tarn_engine_isolated_starts_total") >= 1
    assert metric(admin, "tarn_query_retries_total") == 2
    wait_until_idle(new_lake.queryd)


def test_single_token_that_may_query_has_all_slots(new_lake):
    """The limits of each token keep slots free for others, and there are no others."""
    new_lake.set("queryd", max_concurrent_queries=4, max_concurrent_queries_per_token=1)
    new_lake.set("queryd", queue_timeout="500ms", catalogd_url="http://127.0.0.1:9")
    tokens = Tokens(new_lake)
    red_token, admin_token = tokens.create("red"), tokens.create("admin", "admin")
    tokens.create("loader", "catalog")
    tokens.let_queryd_in()
    new_lake.start_queryd()
    red, admin = (new_lake.query.with_token(token) for token in (red_token, admin_token))
    ids = [f"red-{number}" for number in range(4)]
    with sent(red, ENDLESS, ids):
        wait_for_state(red, "running", *ids)
        red.sql("SELECT 1").expect_error(503, "query: too many queries: none of 4 ended within")
    wait_until_idle(new_lake.queryd)
    # With a second one, its limit counts.
    blue = new_lake.query.with_token(tokens.create("blue"))
    wait_until(lambda: blue.sql("SELECT 1").status == 200, "the new token is accepted")
    with sent(red, ENDLESS, ["first"]):
        wait_for_state(red, "running", "first")
        red.sql("SELECT 2").expect_error(503, 'query: too many queries of token "red": none of 1')
        assert blue.sql("SELECT 3").rows() == [[3]]
    assert metric(admin, "tarn_queries_queued") == 0
    wait_until_idle(new_lake.queryd)


def test_queries_for_a_third_set_of_datasets_wait_for_an_engine(new_lake):
    """Two engines for three tokens with datasets of their own."""
    new_lake.set("queryd", scoped_engines_max=2, catalogd_url="http://127.0.0.1:9")
    new_lake.set("queryd", max_concurrent_queries=8, queue_timeout="60s")
    tokens = Tokens(new_lake)
    made = {name: tokens.create(name, datasets=(f"{name}_*",)) for name in ("red", "blue", "green")}
    admin_token = tokens.create("admin", "query", "admin")
    tokens.let_queryd_in()
    new_lake.start_queryd()
    admin = new_lake.query.with_token(admin_token)
    red, blue, green = (new_lake.query.with_token(token) for token in made.values())
    with sent(red, ENDLESS, ["red"]), sent(blue, ENDLESS, ["blue"]), ThreadPoolExecutor(1) as pool:
        wait_for_state(admin, "running", "red", "blue")
        asked = pool.submit(green.sql, "SELECT 42", {"X-Query-Id": "green"})
        wait_for_state(admin, "queued", "green")
        assert admin.sql("SELECT 1").rows() == [[1]], "the token for all datasets does not wait"
        assert not asked.done()
        assert red.request("DELETE", "/queries/red").status == 204
        assert asked.result().rows() == [[42]]
    assert metric(admin, "tarn_engine_scoped") == 2
    wait_until_idle(new_lake.queryd)


def test_query_lists_of_one_token_do_not_block_another(new_lake):
    """Requests 1,000 lists of 2 MB and does not read the responses."""
    tenants = Tenants(new_lake)
    text = "SELECT 1 -- " + "\x01" * 1980
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda n: tenants.red.sql(f"{text}{n}").status, range(400))
        assert set(answers) == {200}
    assert tenants.blue.sql("SELECT 1").rows() == [[1]]

    def lists_done() -> float:
        labels = 'method="GET",route="/queries",status="%d"'
        series = f"tarn_http_requests_total{{{labels}}}"
        return sum(metric(tenants.admin, series % status) for status in (200, 503))

    head = f"Host: localhost\r\nAuthorization: Bearer {tenants.red.token}\r\n"
    request = f"GET /queries HTTP/1.1\r\n{head}\r\n".encode()
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            connection = stack.enter_context(tenants.red.connect())
            connection.sendall(request * 5)
        begun_at = time.monotonic()
        assert tenants.blue.sql("SELECT 2").rows() == [[2]]
        assert len(listed(tenants.blue)) == 2
        took = time.monotonic() - begun_at
        done = lists_done()
    print(f"{took:.2f} s, {done:.0f} of 1,000 lists were done")
    assert took < 5
    wait_until_idle(new_lake.queryd)
