"""Names that differ only in case: SQL does not distinguish them, so catalogd refuses the second
one."""

import sqlite3
from contextlib import closing

from harness.waiting import wait_until


def test_new_name_that_differs_only_in_case_is_refused(lake):
    lake.add("sales", "SELECT 'old' AS n", key="old.parquet")
    key = lake.files.put_rows("new.parquet", "SELECT 'new' AS n")
    answer = lake.catalog.put("SALES", {"objects": [{"key": key}]})
    message = answer.expect_error(409, 'another dataset has the name "')
    assert "choose another name" in message
    assert [item["name"] for item in lake.catalog.list()["manifests"]] == ["sales"]
    lake.wait_for_rows("sales", [["old"]])


def test_in_an_old_catalogue_the_older_dataset_has_the_name(new_lake):
    lake = new_lake
    lake.start_catalogd()
    lake.add("sales", "SELECT 'old' AS n", key="old.parquet")
    lake.add("other", "SELECT 'new' AS n", key="new.parquet")
    lake.catalogd.stop()
    # A database from before catalogd refused this.
    with closing(sqlite3.connect(lake.folder / "catalog" / "catalog.sqlite")) as database:
        database.execute("UPDATE datasets SET name = 'SALES' WHERE name = 'other'")
        database.commit()
    lake.start()
    for _ in range(2):
        lake.wait_for_rows("sales", [["old"]])
        lake.wait_for_rows("SALES", [["old"]])
        (failed,) = lake.query.get("/catalog/status").json()["failed"]
        assert failed["name"] == "SALES"
        assert 'the older dataset "sales" differs from it' in failed["error"]
        lake.queryd.stop()
        lake.start_queryd()
    assert lake.catalog.delete("sales").status == 204
    wait_until(lambda: lake.select_all("sales").text.count("new"), "the other dataset has the name")
