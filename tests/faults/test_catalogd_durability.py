"""catalogd: acknowledged changes survive a crash."""

import http.client
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from harness.waiting import wait_until


def put_until_cut_off(catalog, worker: int, acknowledged: list[dict]) -> None:
    try:
        for number in range(100_000):
            acknowledged.append(catalog.put_keys(f"w{worker}-{number:05}", f"key-{number}"))
    except (http.client.HTTPException, OSError):
        return


def test_acknowledged_changes_survive_kill_9(new_lake):
    for _ in range(3):
        new_lake.start_catalogd()
        before = new_lake.catalog.list()
        with ThreadPoolExecutor(4) as pool:
            acknowledged: list[list[dict]] = [[], [], [], []]
            catalog = new_lake.catalog
            for worker in range(4):
                pool.submit(put_until_cut_off, catalog, worker, acknowledged[worker])
            wait_until(lambda: sum(map(len, acknowledged)) > 100, "a hundred changes")  # noqa: B023
            new_lake.catalogd.kill()
        new_lake.start_catalogd()
        after = new_lake.catalog.list()
        stored = {manifest["name"]: manifest for manifest in after["manifests"]}
        for manifest in chain.from_iterable(acknowledged):
            assert stored[manifest["name"]] == manifest
        # A change without a response may be applied or not, but revisions must count it if it is.
        known = {manifest["name"] for manifest in before["manifests"]}
        assert after["revision"] == before["revision"] + len(stored.keys() - known)
        for name in stored:
            assert new_lake.catalog.delete(name).status == 204
        new_lake.catalogd.kill()


def test_restart_shows_the_same_list(new_lake):
    new_lake.start_catalogd()
    for number in range(20):
        new_lake.catalog.put_keys(f"d{number}", "a", "b", row_count=number)
    new_lake.catalog.put_keys("d3", "changed")
    new_lake.catalog.delete("d4")
    before = new_lake.catalog.get("/catalog/list").body
    new_lake.catalogd.stop()
    new_lake.start_catalogd()
    assert new_lake.catalog.get("/catalog/list").body == before


def test_acknowledged_delete_survives_kill_9(new_lake):
    new_lake.start_catalogd()
    new_lake.catalog.put_keys("gone", "k")
    new_lake.catalog.put_keys("stays", "k")
    assert new_lake.catalog.delete("gone").status == 204
    before = new_lake.catalog.list()
    new_lake.catalogd.kill()
    new_lake.start_catalogd()
    assert new_lake.catalog.list() == before


def test_revision_never_decreases(new_lake):
    """Revisions do not repeat, even after all datasets were deleted and the daemon
    was restarted."""
    new_lake.start_catalogd()
    new_lake.catalog.put_keys("x", "k")
    new_lake.catalog.delete("x")
    revision = new_lake.catalog.revision()
    new_lake.catalogd.stop()
    new_lake.start_catalogd()
    assert new_lake.catalog.revision() == revision
    new_lake.catalog.put_keys("y", "k")
    assert new_lake.catalog.revision() == revision + 1


def test_missing_data_dir_is_created(new_lake):
    folder = new_lake.folder / "not" / "yet" / "there"
    new_lake.set("catalogd", data_dir=str(folder)).start_catalogd()
    new_lake.catalog.put_keys("x", "k")
    assert folder.is_dir()


def test_second_daemon_on_one_data_dir_is_refused(new_lake):
    new_lake.start_catalogd()
    new_lake.catalog.put_keys("a", "k")
    new_lake.set("catalogd", bind="127.0.0.1:0")
    second = new_lake.run_to_exit("catalogd")
    assert second.status == 1
    assert "is in use" in second.stderr
    assert [m["name"] for m in new_lake.catalog.list()["manifests"]] == ["a"]
