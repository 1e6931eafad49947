"""The write-ahead log of catalogd stays bounded while clients read lists slowly."""

import http.client
import threading
import time
from contextlib import ExitStack

import pytest
from harness.engine import metric
from harness.lake import Lake

LIMIT = 16_000_000
OBJECTS = 5_000  # A manifest of 5 MB.


def content(number: int) -> dict:
    return {"objects": [{"key": f"{number}/{i:06}" + "x" * 960} for i in range(OBJECTS)]}


def wal_bytes(lake: Lake) -> int:
    return (lake.folder / "catalog" / "catalog.sqlite-wal").stat().st_size


def slow_list(lake: Lake, stack: ExitStack) -> http.client.HTTPResponse:
    """A list whose client reads only the header."""
    connection = stack.enter_context(lake.catalog.connect())
    connection.sendall(b"GET /catalog/list HTTP/1.1\r\nHost: localhost\r\n\r\n")
    response = http.client.HTTPResponse(connection)
    response.begin()
    assert response.status == 200
    return response


@pytest.fixture
def lake(new_lake):
    """A catalogue with a list of 15 MB, more than the buffers of a connection."""
    new_lake.settings["http"] = {"write_timeout": "10m"}
    new_lake.set(
        "catalogd", wal_bytes_max=LIMIT, list_timeout="10m", history_versions_max=2
    ).start_catalogd()
    for name in ("a", "b", "c"):
        assert new_lake.catalog.put(name, content(0)).status == 201
    return new_lake


def change_often(lake: Lake) -> int:
    """Makes changes of 100 MB in all. Returns the maximum size of the log."""
    largest = 0
    for number in range(1, 21):
        assert lake.catalog.put("a", content(number)).status == 200
        largest = max(largest, wal_bytes(lake))
    return largest


def test_slow_list_is_cut_off_when_the_log_is_large(lake):
    with ExitStack() as stack:
        response = slow_list(lake, stack)
        time.sleep(2.1)
        assert change_often(lake) < 2 * LIMIT
        lake.catalogd.wait_for_line("lists ended: the write-ahead log exceeded")
        assert metric(lake.catalog, "tarn_catalog_lists_ended_total") == 1
        assert metric(lake.catalog, "tarn_catalog_wal_bytes") == wal_bytes(lake)
        with pytest.raises((http.client.HTTPException, OSError)):
            response.read()
    assert metric(lake.catalog, "tarn_catalog_failures_total") == 0
    listed = lake.catalog.list()["manifests"]
    assert [one["name"] for one in listed] == ["a", "b", "c"]
    assert listed[0]["objects"][0]["key"].startswith("20/")


def test_lists_that_overlap_do_not_keep_the_log(lake):
    """A new list is opened each half second, so that a young one is always open."""
    stop = threading.Event()
    opened = []
    largest = 0
    with ExitStack() as stack:

        def open_lists() -> None:
            while not stop.wait(0.5):
                if len(opened) < 12:
                    opened.append(slow_list(lake, stack))

        thread = threading.Thread(target=open_lists)
        thread.start()
        try:
            largest = change_often(lake)
        finally:
            stop.set()
            thread.join()
    assert opened
    assert largest < 3 * LIMIT
