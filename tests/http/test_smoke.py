"""The main job in six steps, each of which needs the previous ones."""

from harness.store import BUCKET


def test_smoke(new_lake):
    # 1. S3 runs.
    client = new_lake.files.store.client
    assert BUCKET in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]

    # 2. catalogd runs.
    new_lake.start_catalogd()
    assert new_lake.catalog.get("/readyz").status == 200

    # 3. An object is put and registered.
    key = new_lake.files.put_rows(
        "cities.parquet",
        "SELECT * FROM (VALUES (1, 'Bergen', 291940), (2, 'Ålesund', 58509)) t(id, name, people)",
    )
    answer = new_lake.catalog.put("cities", {"objects": [{"key": key}], "row_count": 2})
    assert answer.status == 201

    # 4. queryd runs and has read the catalogue.
    new_lake.start_queryd()
    new_lake.wait_for_refresh("created=1 updated=0 dropped=0 skipped=0")
    assert new_lake.query.get("/readyz").status == 200

    # 5. SELECT returns the right rows.
    answer = new_lake.query.sql("SELECT id, name, people FROM cities ORDER BY id")
    assert answer.status == 200
    assert answer.json() == {
        "columns": [
            {"name": "id", "type": "INTEGER"},
            {"name": "name", "type": "VARCHAR"},
            {"name": "people", "type": "INTEGER"},
        ],
        "rows": [[1, "Bergen", 291940], [2, "Ålesund", 58509]],
        "row_count": 2,
    }

    # 6. The dataset is removed, and its view is gone after a refresh.
    assert new_lake.catalog.delete("cities").status == 204
    new_lake.wait_for_refresh("created=0 updated=0 dropped=1 skipped=0")
    message = new_lake.query.sql("SELECT * FROM cities").expect_error(400, "query: ")
    assert "cities" in message
