"""Large requests and responses of slow clients use bounded memory."""

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
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
    """Opens connections that send a query and read nothing, so that the responses wait in the
    server."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = stack.enter_context(client.connect())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            bearer = f"Authorization: Bearer {client.token}\r\n" if client.token else ""
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}\r\n".encode())
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


def peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB", status, re.M)
    return int(kilobytes) * 1024


def reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@pytest.fixture
def large(new_lake):
    """A dataset of 11 MB with two versions, and the peak memory of catalogd before the test."""
    lake = new_lake
    lake.start_catalogd()
    for objects in (12_000, 12_001):
        assert lake.catalog.put("large", json.loads(manifest(objects))).status in (200, 201)
    lake.catalogd.stop()
    limited(lake).start_catalogd()
    lake.before = peak_bytes(lake.catalogd.process.pid)
    return lake


def all_is_given_back(lake: Lake) -> None:
    client, pid = lake.catalog, lake.catalogd.process.pid
    wait_until(lambda: metric(client, "tarn_http_body_bytes") == 0, "the budget is free")
    wait_until(lambda: resident_bytes(pid) < lake.before + 25_000_000, "the memory is returned")


@pytest.mark.parametrize("path", ["", "/history"])
def test_unread_responses_use_bounded_memory(large, path):
    """Responses that are larger than the buffers of the kernel."""
    client, pid = large.catalog, large.catalogd.process.pid
    path = f"/catalog/datasets/large{path}"
    with unread(client, path, 100):
        wait_until(
            lambda: metric(client, "tarn_http_bodies_refused_total") >= 98,
            "most requests are refused",
        )
        assert metric(client, "tarn_http_body_bytes") <= BUDGET + 5_000_000
        client.put_keys("small", "a")
        answer = client.get(path)
        answer.expect_error(
            503, "too many large requests and responses are in memory (http.body_memory_max)"
        )
        assert answer.headers["Retry-After"] == "1"
        growth = peak_bytes(pid) - large.before
    print(f"{growth / 1e6:.0f} MB more")
    # One response of the budget, and two that are being made.
    assert growth < 100_000_000, "all responses have 1.1 GB"
    large.catalogd.wait_for_line("too many large bodies in memory")
    all_is_given_back(large)
    assert client.get(path).status == 200


def test_response_beyond_the_budget_is_refused_even_alone(large):
    client = large.catalog
    large.catalogd.stop()
    large.settings["http"]["body_memory_max"] = 10_000_000
    large.start_catalogd()
    for path in ("/catalog/datasets/large", "/catalog/datasets/large/history"):
        client.get(path).expect_error(413, "the request and its response take more than 10000000 ")
    answer = client.put("other", json.loads(manifest(8000)))
    answer.expect_error(413, "the request and its response take more than 10000000 bytes")
    assert client.manifest("other").status == 404
    assert metric(client, "tarn_http_body_bytes") == 0


def wide(columns: int) -> str:
    """A SELECT with names of 250 quotes, which are twice as long in JSON."""
    return "SELECT " + ", ".join(f'{n} AS "{n:06}{chr(34) * 500}"' for n in range(columns))


def test_unread_lists_of_columns_take_bounded_memory(new_lake):
    """20 datasets with 5 MB of columns. Red's clients do not read, and blue is answered."""
    lake = limited(new_lake).set("queryd", schema_bytes_max=4_000_000)
    tokens = Tokens(lake)
    tokens.let_queryd_in()
    loader = tokens.create("loader", "catalog")
    made = [tokens.create("red"), tokens.create("blue"), tokens.create("admin", "admin")]
    lake.start()
    red, blue, admin = (lake.query.with_token(token) for token in made)
    key = lake.files.put_rows("wide.parquet", wide(9000))
    count = 20
    for number in range(count):
        lake.catalog.with_token(loader).put_keys(f"wide{number:02}", key)
    path = "/catalog/datasets"
    wait_until(lambda: len(blue.get(path).json()["datasets"]) == count, "all are there", limit_s=60)
    pid = lake.queryd.process.pid
    reset_peak(pid)
    before = peak_bytes(pid)
    path += "?columns=true"
    with unread(red, path, 100):
        wait_until(lambda: metric(admin, "tarn_http_bodies_refused_total") > 50, "most are refused")
        # A next piece may be some bytes larger than the first one.
        assert metric(admin, "tarn_http_body_bytes") <= BUDGET / 2 + 1_000_000
        answer = blue.get(path)
    assert answer.status == 200 and len(answer.body) > 90_000_000
    listed = answer.json()["datasets"]
    assert [each["name"] for each in listed] == [f"wide{number:02}" for number in range(count)]
    assert all(len(each["columns"]) == 9000 for each in listed)
    assert listed[7]["columns"][8999]["name"] == "008999" + '"' * 250
    growth = peak_bytes(pid) - before
    print(f"{growth / 1e6:.0f} MB more")
    assert growth < 80_000_000, "one whole list has 95 MB"


def test_unread_lists_take_bounded_memory(large):
    client, pid = large.catalog, large.catalogd.process.pid
    with unread(client, "/catalog/list", 200):
        wait_until(lambda: client.get("/catalog/list").status == 503, "all slots are taken")
        client.put_keys("small", "a")
        assert client.manifest("small").status == 200
        growth = peak_bytes(pid) - large.before
    print(f"{growth / 1e6:.0f} MB more")
    assert growth < 60_000_000, "all lists have 2.2 GB"
    wait_until(lambda: client.get("/catalog/list").status == 200, "a slot is free")
    wait_until(lambda: metric(client, "tarn_http_body_bytes") == 0, "all memory is freed")


def test_change_is_refused_if_its_response_exceeds_the_budget(large):
    client = large.catalog
    before = client.manifest("large").json()["version"]
    with unread(client, "/catalog/datasets/large", 1):
        wait_until(
            lambda: metric(client, "tarn_http_body_bytes") > 10_000_000, "one change is made"
        )
        # The body fits in, and the response does not.
        answer = client.put("other", json.loads(manifest(7000)))
        answer.expect_error(503, "too many large requests and responses are in memory")
        client.request("PUT", "/catalog/datasets/large?touch=true").expect_error(503, "too many")
    wait_until(lambda: metric(client, "tarn_http_body_bytes") == 0, "all memory is freed")
    assert client.manifest("other").status == 404
    assert client.manifest("large").json()["version"] == before


def test_small_list_needs_no_slot(large):
    client = large.catalog
    etag = client.get("/catalog/list", {"If-None-Match": "*"}).headers["ETag"].strip('"')
    client.put_keys("small", "a")
    with unread(client, "/catalog/list", 20):
        wait_until(lambda: client.get("/catalog/list").status == 503, "all slots are taken")
        changes = client.get(f"/catalog/list?since={etag}").json()
    assert [manifest["name"] for manifest in changes["manifests"]] == ["small"]


def test_incomplete_bodies_use_bounded_memory(new_lake):
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
            lambda: metric(client, "tarn_http_bodies_refused_total") >= 20,
            "most requests are refused",
        )
        assert metric(client, "tarn_http_body_bytes") <= BUDGET
    wait_until(lambda: metric(client, "tarn_http_body_bytes") == 0, "all memory is freed")


def test_waiting_requests_of_one_token_leave_slots_for_others(new_lake):
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
        wait_until(lambda: metric(admin, "tarn_catalog_waiting") == 5, "five requests wait")
        red.get(path, {"If-None-Match": etag}).expect_error(503, "too many requests wait")
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(blue.get, path, {"If-None-Match": etag})
            wait_until(lambda: metric(admin, "tarn_catalog_waiting") == 6, "six requests wait")
            assert blue.put("d", {"objects": [{"key": "a"}]}).status == 201
            assert asked.result().status == 200


def test_list_streams_of_one_token_leave_slots_for_others(new_lake):
    new_lake.settings["http"] = {"write_timeout": "10m"}
    new_lake.set("catalogd", list_streams_max=4, list_timeout="10m")
    tokens = Tokens(new_lake)
    made = {name: tokens.create(name, "catalog") for name in ("red", "blue")}
    new_lake.start_catalogd()
    red, blue = (new_lake.catalog.with_token(made[name]) for name in ("red", "blue"))
    assert red.put("large", json.loads(manifest(12_000))).status == 201
    with unread(red, "/catalog/list", 3):
        wait_until(lambda: red.get("/catalog/list").status == 503, "red uses its half")
        red.get("/catalog/list").expect_error(503, "too many lists are being sent")
        with unread(blue, "/catalog/list", 1):
            assert len(blue.get("/catalog/list").body) > 10_000_000
