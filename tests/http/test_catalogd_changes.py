"""catalogd: the changes since a revision, at once or when they happen."""

import http.client
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.client import Client
from harness.lake import Lake
from harness.tokens import Tokens
from harness.waiting import wait_until

ETAG = re.compile(r'"([0-9A-Za-z_-]+)\.(\d+)"')


@pytest.fixture
def catalog(new_lake):
    """A new and empty catalogue."""
    new_lake.start_catalogd()
    return new_lake.catalog


def position(catalog: Client) -> str:
    """Returns the ETag without quotes, as a client stores it."""
    return catalog.get("/catalog/list").headers["ETag"].strip('"')


def since(catalog: Client, where: str, wait: str = "") -> dict:
    answer = catalog.get(f"/catalog/list?since={where}" + (f"&wait={wait}" if wait else ""))
    assert answer.status == 200, f"{answer.status}: {answer.text}"
    return answer.json()


def names(listed: dict) -> list[str]:
    return [manifest["name"] for manifest in listed["manifests"]]


def waiting(lake: Lake) -> float:
    (value,) = re.findall(r"^tarn_catalog_waiting (\S+)", lake.catalog.get("/metrics").text, re.M)
    return float(value)


def threads(lake: Lake) -> int:
    return len(list(Path(f"/proc/{lake.catalogd.process.pid}/task").iterdir()))


# --- ETag and If-None-Match


def test_list_has_an_etag_and_a_revision(catalog):
    catalog.put_keys("a", "k")
    answer = catalog.get("/catalog/list")
    catalog_id, revision = ETAG.fullmatch(answer.headers["ETag"]).groups()
    assert answer.json()["catalog_id"] == catalog_id
    assert answer.json()["revision"] == int(revision) == 1
    assert answer.headers["X-Catalog-Revision"] == "1"


def test_unchanged_list_is_304(catalog):
    catalog.put_keys("a", "k")
    etag = catalog.get("/catalog/list").headers["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = catalog.get("/catalog/list", {"If-None-Match": known})
        assert (answer.status, answer.body) == (304, b""), known
        assert answer.headers["ETag"] == etag
        assert answer.headers["X-Catalog-Revision"] == "1"
        assert "Content-Length" not in answer.headers
    catalog.put_keys("a", "other")
    answer = catalog.get("/catalog/list", {"If-None-Match": etag})
    assert answer.status == 200
    assert answer.headers["ETag"] != etag


def test_connection_stays_usable_after_a_304(catalog):
    etag = catalog.get("/catalog/list").headers["ETag"]
    connection = http.client.HTTPConnection(catalog.address)
    for _ in range(3):
        connection.request("GET", "/catalog/list", headers={"If-None-Match": etag})
        answer = catalog.read(connection.getresponse(), "a conditional list")
        assert answer.status == 304
    connection.close()


def test_etags_of_two_catalogues_differ(make_lake):
    first, second = make_lake(), make_lake()
    for lake in (first, second):
        lake.start_catalogd()
        lake.catalog.put_keys("a", "k")
    etag = first.catalog.get("/catalog/list").headers["ETag"]
    assert second.catalog.get("/catalog/list", {"If-None-Match": etag}).status == 200
    assert "since" not in since(second.catalog, etag.strip('"'))


@pytest.mark.parametrize("header", ["x", '"x', 'x"', ""])
def test_invalid_if_none_match_is_400(catalog, header):
    answer = catalog.get("/catalog/list", {"If-None-Match": header})
    answer.expect_error(400, "If-None-Match: ")


# --- since


def test_changes_since_a_position(catalog):
    for name in ("a", "b", "c", "d"):
        catalog.put_keys(name, "k")
    before = position(catalog)
    changed = catalog.put_keys("c", "other")
    assert catalog.delete("a").status == 204
    assert catalog.delete("b").status == 204
    created = catalog.put_keys("b", "again")
    listed = since(catalog, before)
    assert listed["since"] == 4
    assert listed["revision"] == 8
    assert f"{listed['catalog_id']}.8" == position(catalog)
    assert listed["manifests"] == [changed, created]
    assert listed["deleted"] == ["a"]


def test_no_changes_give_an_empty_list(catalog):
    catalog.put_keys("a", "k")
    listed = since(catalog, position(catalog))
    assert (listed["manifests"], listed["deleted"], listed["since"]) == ([], [], 1)


def test_unknown_position_gives_the_complete_list(catalog):
    catalog.put_keys("a", "k")
    catalog_id = position(catalog).partition(".")[0]
    for where in (f"{catalog_id}.2", "other.1", f"{catalog_id}.9223372036854775807"):
        listed = since(catalog, where)
        assert "since" not in listed
        assert "deleted" not in listed
        assert names(listed) == ["a"]


def test_deletions_are_listed_for_their_retention(new_lake):
    new_lake.set("catalogd", deleted_keep="1us").start_catalogd()
    catalog = new_lake.catalog
    catalog.put_keys("a", "k")
    before = position(catalog)
    catalog.delete("a")
    catalog.put_keys("b", "k")  # A change deletes older history.
    assert "since" not in since(catalog, before)
    assert since(catalog, position(catalog))["since"] == 3


@pytest.mark.parametrize(
    "query", ["since=", "since=5", "since=a.b", "since=%22a.1%22", "since=%zz"]
)
def test_invalid_since_is_400(catalog, query):
    catalog.get(f"/catalog/list?{query}").expect_error(400, "since: ")


@pytest.mark.parametrize("wait", ["", "5", "-1s", "1 s", "x"])
def test_invalid_wait_is_400(catalog, wait):
    where = position(catalog)
    answer = catalog.get(f"/catalog/list?since={where}&wait={wait.replace(' ', '%20')}")
    answer.expect_error(400, "wait: ")


def test_following_the_changes_gives_the_list(catalog):
    """A client that applies each response always has the same state as the list, during writes."""
    known: dict[str, dict] = {}

    def write(worker: int) -> None:
        for number in range(200):
            catalog.put_keys(f"d{(number * 7 + worker) % 23}", f"key-{worker}-{number}")
            if number % 3 == 0:
                catalog.delete(f"d{number % 23}")

    def apply(listed: dict) -> str:
        if "since" not in listed:
            known.clear()
        for name in listed.get("deleted", []):
            known.pop(name, None)
        known.update({manifest["name"]: manifest for manifest in listed["manifests"]})
        return f"{listed['catalog_id']}.{listed['revision']}"

    where = apply(catalog.list())
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, worker) for worker in range(3)]
        while not all(writer.done() for writer in writers):
            where = apply(since(catalog, where))
        for writer in writers:
            writer.result()
    apply(since(catalog, where))
    assert known == {manifest["name"]: manifest for manifest in catalog.list()["manifests"]}


# --- wait


def test_wait_without_a_change_ends_with_304(catalog):
    where = position(catalog)
    start = time.monotonic()
    answer = catalog.get(f"/catalog/list?since={where}&wait=300ms")
    assert answer.status == 304
    assert answer.headers["ETag"] == f'"{where}"'
    assert 0.25 < time.monotonic() - start < 10
    answer = catalog.get("/catalog/list?wait=300ms", {"If-None-Match": f'"{where}"'})
    assert answer.status == 304


def test_wait_ends_with_a_change(new_lake):
    new_lake.start_catalogd()
    catalog = new_lake.catalog
    with ThreadPoolExecutor(1) as pool:
        where = position(catalog)
        for number in range(5):
            answer = pool.submit(since, catalog, where, "30s")
            wait_until(lambda: waiting(new_lake) == 1, "the request waits")
            start = time.monotonic()
            catalog.put_keys("a", f"k{number}")
            listed = answer.result()
            assert time.monotonic() - start < 5
            assert names(listed) == ["a"]
            where = f"{listed['catalog_id']}.{listed['revision']}"
    wait_until(lambda: waiting(new_lake) == 0, "no request waits")


def test_wait_for_an_earlier_change_returns_at_once(catalog):
    where = position(catalog)
    catalog.put_keys("a", "k")
    start = time.monotonic()
    assert names(since(catalog, where, "30s")) == ["a"]
    assert "since" not in since(catalog, "other.1", "30s")
    assert catalog.get("/catalog/list?wait=30s").status == 200
    assert time.monotonic() - start < 10


def test_put_without_a_change_wakes_no_waiter(new_lake):
    new_lake.start_catalogd()
    new_lake.catalog.put_keys("a", "k")
    where = position(new_lake.catalog)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(new_lake.catalog.get, f"/catalog/list?since={where}&wait=1s")
        wait_until(lambda: waiting(new_lake) == 1, "the request waits")
        new_lake.catalog.put_keys("a", "k")
        assert answer.result().status == 304


def test_wait_has_a_maximum(new_lake):
    new_lake.set("catalogd", wait_max="200ms").start_catalogd()
    where = position(new_lake.catalog)
    start = time.monotonic()
    assert new_lake.catalog.get(f"/catalog/list?since={where}&wait=1h").status == 304
    assert time.monotonic() - start < 10


def test_number_of_waits_is_limited(new_lake):
    new_lake.set("catalogd", waiters_max=2).start_catalogd()
    catalog = new_lake.catalog
    where = position(catalog)
    with ThreadPoolExecutor(2) as pool:
        waits = [pool.submit(since, catalog, where, "30s") for _ in range(2)]
        wait_until(lambda: waiting(new_lake) == 2, "both requests wait")
        answer = catalog.get(f"/catalog/list?since={where}&wait=30s")
        answer.expect_error(503, "too many requests wait")
        assert answer.headers["Retry-After"] == "1"
        assert since(catalog, where)["manifests"] == [], "a request without a wait gets a response"
        catalog.put_keys("a", "k")
        assert [names(wait.result()) for wait in waits] == [["a"], ["a"]]


def test_waiting_requests_hold_no_thread(new_lake):
    new_lake.start_catalogd()
    catalog = new_lake.catalog
    where = position(catalog)
    before = threads(new_lake)
    connections = []
    for _ in range(300):
        connection = catalog.connect()
        connection.sendall(
            f"GET /catalog/list?since={where}&wait=50s HTTP/1.1\r\nHost: localhost\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        connections.append(connection)
    wait_until(lambda: waiting(new_lake) == 300, "all requests wait")
    assert threads(new_lake) == before
    catalog.put_keys("a", "k")
    for connection in connections:
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert names(catalog.read(response, "a wait").json()) == ["a"]
        connection.close()


def test_wait_ends_when_the_client_disconnects(new_lake):
    new_lake.start_catalogd()
    where = position(new_lake.catalog)
    with new_lake.catalog.connect() as connection:
        connection.sendall(
            f"GET /catalog/list?since={where}&wait=50s HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        )
        wait_until(lambda: waiting(new_lake) == 1, "the request waits")
    wait_until(lambda: waiting(new_lake) == 0, "no request waits", limit_s=10)


def test_wait_ends_with_the_daemon(new_lake):
    new_lake.start_catalogd()
    where = position(new_lake.catalog)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(new_lake.catalog.get, f"/catalog/list?since={where}&wait=50s")
        wait_until(lambda: waiting(new_lake) == 1, "the request waits")
        start = time.monotonic()
        new_lake.catalogd.stop()
        assert time.monotonic() - start < 5
        assert answer.result().status == 304


# --- tokens that are limited to datasets


@pytest.fixture
def tenants(new_lake):
    tokens = Tokens(new_lake)
    everything = tokens.create("all", "catalog", "admin")
    blue = tokens.create("blue", "catalog", datasets=("blue_*",))
    new_lake.start_catalogd()
    new_lake.catalog.token = everything
    new_lake.blue = new_lake.catalog.with_token(blue)
    return new_lake


def test_changes_to_datasets_of_others_are_not_listed(tenants):
    catalog, blue = tenants.catalog, tenants.blue
    catalog.put_keys("blue_1", "k")
    catalog.put_keys("red_1", "k")
    before = blue.get("/catalog/list")
    where = position(blue)
    assert names(before.json()) == ["blue_1"]
    catalog.put_keys("red_1", "other")
    catalog.put_keys("red_2", "k")
    catalog.delete("red_1")
    after = blue.get("/catalog/list")
    assert after.body == before.body
    assert after.headers["ETag"] == before.headers["ETag"]
    assert after.headers["X-Catalog-Revision"] == before.headers["X-Catalog-Revision"]
    assert blue.get("/catalog/list", {"If-None-Match": before.headers["ETag"]}).status == 304
    listed = since(blue, where)
    assert (listed["manifests"], listed["deleted"]) == ([], [])


def test_changes_of_other_tenants_wake_no_waiter(tenants):
    tenants.catalog.put_keys("blue_1", "k")
    where = position(tenants.blue)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(since, tenants.blue, where, "30s")
        wait_until(lambda: waiting(tenants) == 1, "the request waits")
        for number in range(20):
            tenants.catalog.put_keys("red_1", f"k{number}")
        tenants.catalog.delete("red_1")
        assert not answer.done()
        tenants.catalog.delete("blue_1")
        listed = answer.result()
    assert listed["deleted"] == ["blue_1"]
    assert listed["manifests"] == []


def test_position_of_one_token_is_unknown_to_another(tenants):
    """The list of one token has no trace of the datasets of another."""
    tenants.catalog.put_keys("blue_1", "k")
    tenants.catalog.put_keys("red_1", "k")
    blue, everything = position(tenants.blue), position(tenants.catalog)
    assert names(since(tenants.catalog, blue)) == ["blue_1", "red_1"]
    listed = since(tenants.blue, everything)
    assert "since" not in listed
    assert names(listed) == ["blue_1"]
