"""Large requests and responses of clients that send or read slowly take bounded memory."""

import contextlib
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from harness.client import Client
from harness.engine import metric, resident_bytes
from harness.lake import Lake
from harness.tokens import Tokens
from harness.waiting import wait_until

# 2 KB of characters that are six times as long in JSON.
TEXT = "SELECT 1 -- " + "\x01" * 1980
BUDGET = 20_000_000


def limited(lake: Lake) -> Lake:
    lake.settings["http"] = {"body_memory_max": BUDGET, "write_timeout": "10m"}
    return lake.set("queryd", query_history=1000)


@contextlib.contextmanager
def unread(client: Client, path: str, count: int) -> Iterator[list[socket.socket]]:
    """Connections that ask and read nothing, so that the responses wait in the server."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = stack.enter_context(client.connect())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            connections.append(connection)
        yield connections


def test_list_of_queries_ends_after_2_mb(new_lake):
    lake = limited(new_lake)
    lake.set("queryd", catalogd_url="http://127.0.0.1:9").start_queryd()
    for number in range(400):
        assert lake.query.sql(f"{TEXT}{number}").rows() == [[1]]
    answer = lake.query.get("/queries")
    assert 1_900_000 < len(answer.body) <= 2_000_100
    listed = answer.json()
    assert listed["truncated"] is True
    assert listed["queries"][0]["sql"].startswith("SELECT 1 -- \x01")


def manifest(objects: int) -> bytes:
    keys = [{"key": f"{number:08}" + "x" * 900} for number in range(objects)]
    return json.dumps({"objects": keys}).encode()


def test_unread_responses_take_bounded_memory(new_lake):
    """Larger ones than the kernel takes for a client that reads nothing."""
    lake = limited(new_lake)
    lake.start_catalogd()
    client, pid = lake.catalog, lake.catalogd.process.pid
    assert client.put("large", json.loads(manifest(12_000))).status == 201
    assert len(client.get("/catalog/datasets/large").body) > 10_000_000
    before = resident_bytes(pid)
    with unread(client, "/catalog/datasets/large", 100):
        wait_until(
            lambda: metric(client, "tarn_http_bodies_refused_total") >= 95, "most are refused"
        )
        assert metric(client, "tarn_http_body_bytes") <= BUDGET
        growth = resident_bytes(pid) - before
        client.put_keys("small", "a")
        client.get("/catalog/datasets/large").expect_error(
            503, "too many large requests and responses are in memory (http.body_memory_max)"
        )
    print(f"{growth / 1e6:.0f} MB more")
    assert growth < 300_000_000, "all of them have 1.1 GB"
    lake.catalogd.wait_for_line("too many large bodies in memory")
    wait_until(lambda: metric(client, "tarn_http_body_bytes") == 0, "all is given back")
    assert client.get("/catalog/datasets/large").status == 200


def test_incomplete_bodies_take_bounded_memory(new_lake):
    lake = limited(new_lake)
    lake.start_catalogd()
    client = lake.catalog
    body = manifest(4000)
    head = (
        "PUT /catalog/datasets/d HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            connection = stack.enter_context(client.connect())
            connection.settimeout(0.5)
            with contextlib.suppress(OSError):
                connection.sendall(head + body[:-1])
        wait_until(
            lambda: metric(client, "tarn_http_bodies_refused_total") >= 20, "most are refused"
        )
        assert metric(client, "tarn_http_body_bytes") <= BUDGET
    wait_until(lambda: metric(client, "tarn_http_body_bytes") == 0, "all is given back")


def test_waiting_requests_of_one_token_leave_room_for_others(new_lake):
    new_lake.set("catalogd", waiters_max=10)
    tokens = Tokens(new_lake)
    made = {name: tokens.create(name, "catalog") for name in ("red", "blue")}
    made["admin"] = tokens.create("admin", "admin")
    new_lake.start_catalogd()
    admin = new_lake.catalog.with_token(made["admin"])
    red, blue = (new_lake.catalog.with_token(made[name]) for name in ("red", "blue"))
    etag = blue.get("/catalog/list").headers["ETag"]
    path = "/catalog/list?wait=30s"
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            connection = stack.enter_context(red.connect())
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {etag}\r\n"
                f"Authorization: Bearer {made['red']}\r\n\r\n".encode()
            )
        wait_until(lambda: metric(admin, "tarn_catalog_waiting") == 5, "five wait")
        red.get(path, {"If-None-Match": etag}).expect_error(503, "too many requests wait")
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(blue.get, path, {"If-None-Match": etag})
            wait_until(lambda: metric(admin, "tarn_catalog_waiting") == 6, "six wait")
            assert blue.put("d", {"objects": [{"key": "a"}]}).status == 201
            assert asked.result().status == 200
