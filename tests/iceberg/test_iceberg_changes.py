"""Tables while their datasets change: snapshots, open readers, old objects and restarts."""

import time

from harness.iceberg import add, attach, load, pyiceberg, register
from harness.store import BUCKET
from harness.waiting import wait_until


def metadata_keys(lake, dataset_id: str) -> list[str]:
    found = lake.files.store.client.list_objects_v2(Bucket=BUCKET, Prefix=f".iceberg/{dataset_id}/")
    return [one["Key"] for one in found.get("Contents", [])]


def ids(table) -> list[int]:
    return sorted(table.scan().to_arrow()["id"].to_pylist())


def test_a_held_table_keeps_its_snapshot_and_a_new_load_sees_the_change(lake):
    keys = add(lake, "grow", "SELECT 1 AS id")
    catalog, connection = pyiceberg(lake), attach(lake)
    held = catalog.load_table(("lake", "grow"))
    connection.execute("BEGIN")
    assert connection.execute("SELECT id FROM ice.lake.grow").fetchall() == [(1,)]

    keys.append(lake.files.put_rows("more.parquet", "SELECT 2 AS id"))
    register(lake, "grow", *keys)
    assert ids(catalog.load_table(("lake", "grow"))) == [1, 2]
    assert ids(held) == [1]
    assert connection.execute("SELECT id FROM ice.lake.grow").fetchall() == [(1,)]
    connection.execute("COMMIT")
    found = connection.execute("SELECT id FROM ice.lake.grow ORDER BY id").fetchall()
    assert found == [(1,), (2,)]
    assert ids(held.refresh()) == [1, 2]

    replaced = lake.files.put_rows("replaced.parquet", "SELECT 9 AS id, 'x' AS extra")
    register(lake, "grow", replaced)
    table = catalog.load_table(("lake", "grow"))
    assert table.scan().to_arrow().to_pylist() == [{"id": 9, "extra": "x"}]
    assert len(table.metadata.snapshots) == 3
    assert connection.execute("SELECT * FROM ice.lake.grow").fetchall() == [(9, "x")]


def test_field_ids_and_snapshots_survive_a_restart(lake):
    key = add(lake, "lasting", "SELECT 1 AS id, 2 AS other")[0]
    before = load(lake.catalog, "lasting").json()
    lake.catalogd.stop()
    lake.start_catalogd()
    after = load(lake.catalog, "lasting").json()
    assert after == before
    assert 'tarn_iceberg_loads_total{answer="unchanged"} 1' in lake.catalog.get("/metrics").text
    other = lake.files.put_rows("b.parquet", "SELECT 0 AS new, 3 AS other, 4 AS id")
    register(lake, "lasting", key, other)
    table = pyiceberg(lake).load_table(("lake", "lasting"))
    names = {field.name: field.field_id for field in table.schema().fields}
    assert (names["id"], names["other"], names["new"]) == (1, 2, 3)
    assert ids(table) == [1, 4]


def test_old_metadata_is_removed_after_its_time(make_lake):
    lake = make_lake()
    lake.settings["iceberg"] = {"snapshot_keep": "1s", "snapshots_max": 2}
    lake.start()
    key = add(lake, "busy", "SELECT 1 AS id")[0]
    manifest = lake.catalog.manifest("busy").json()
    dataset_id = manifest["dataset_id"]
    load(lake.catalog, "busy")
    first = metadata_keys(lake, dataset_id)
    assert len(first) == 3
    for number in range(4):
        register(
            lake, "busy", key, lake.files.put_rows(f"{number}.parquet", f"SELECT {number} AS id")
        )
        assert load(lake.catalog, "busy").status == 200
    wait_until(
        lambda: not set(first) & set(metadata_keys(lake, dataset_id)),
        lambda: f"the first objects are removed\n{lake.catalogd.log_tail}",
    )
    wait_until(
        lambda: 6 <= len(metadata_keys(lake, dataset_id)) <= 9,
        lambda: (
            f"the objects of two snapshots and three metadata files are left\n"
            f"{metadata_keys(lake, dataset_id)}"
        ),
    )
    assert ids(pyiceberg(lake).load_table(("lake", "busy"))) == [1, 3]
    found = attach(lake).execute("SELECT id FROM ice.lake.busy ORDER BY id").fetchall()
    assert found == [(1,), (3,)]

    assert lake.catalog.request("DELETE", "/catalog/datasets/busy").status == 204
    wait_until(
        lambda: metadata_keys(lake, dataset_id) == [],
        lambda: f"all objects are removed\n{lake.catalogd.log_tail}",
    )


def test_a_deleted_and_restored_dataset_is_a_table_again(make_lake):
    lake = make_lake()
    lake.settings["iceberg"] = {"snapshot_keep": "1s"}
    lake.start()
    add(lake, "back", "SELECT 1 AS id")
    assert ids(pyiceberg(lake).load_table(("lake", "back"))) == [1]
    version = lake.catalog.manifest("back").json()["version"]
    assert lake.catalog.request("DELETE", "/catalog/datasets/back").status == 204
    assert load(lake.catalog, "back").status == 404
    restored = lake.catalog.request(
        "POST", "/catalog/datasets/back/restore", f'{{"version": {version}}}'
    )
    assert restored.status in (200, 201), restored.text
    assert ids(pyiceberg(lake).load_table(("lake", "back"))) == [1]


def test_a_loaded_table_is_answered_from_memory(lake):
    add(lake, "warm", "SELECT 1 AS id")
    load(lake.catalog, "warm")
    times = []
    for _ in range(200):
        start = time.perf_counter()
        assert load(lake.catalog, "warm").status == 200
        times.append(time.perf_counter() - start)
    # Generous, because tests share the machine. The client opens a connection for each request.
    assert sorted(times)[100] < 0.05
    assert 'tarn_iceberg_loads_total{answer="cached"} 200' in lake.catalog.get("/metrics").text
    print(f"p50 {sorted(times)[100] * 1000:.2f} ms")
