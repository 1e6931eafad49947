"""Datasets that cannot be read: queries get the reason."""

import re

import pytest
from harness.tool import Tool, refused
from harness.waiting import wait_until

SINCE = r"it is registered, but it cannot be read since \d{4}-\d\d-\d\dT[0-9:.]+Z: "


def wait_for_failure(lake, name: str) -> None:
    def has_failed() -> bool:
        failed = lake.query.get("/catalog/status").json()["failed"]
        return name in [each["name"] for each in failed]

    wait_until(has_failed, lambda: f"{name} fails\n{lake.queryd.log_tail}")


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM sales", "DESCRIBE SALES", "SELECT 1 FROM (SELECT * FROM sales)"]
)
def test_query_names_the_object_and_the_reason(lake, sql):
    key = lake.files.put("sales/bad.parquet", b"id,name\n1,one and more text\n")
    lake.catalog.put_keys("sales", key)
    wait_for_failure(lake, "sales")
    text = lake.query.sql(sql).expect_error(400, 'query: dataset "sales": ')
    assert re.search(SINCE + f'object "{key}": ', text), text
    assert "Did you mean" not in text


def test_missing_object(lake):
    lake.catalog.put_keys("sales", lake.files.key("missing.parquet"))
    wait_for_failure(lake, "sales")
    text = lake.query.sql("FROM sales").expect_error(400, 'query: dataset "sales": ')
    assert "missing.parquet" in text and "404" in text


def test_tarn_show_reports_the_same_reason_and_fails(lake):
    key = lake.files.put("sales/bad.parquet", b"id,name\n1,one and more text\n")
    lake.catalog.put_keys("sales", key)
    wait_for_failure(lake, "sales")
    lake.write_config()
    done = Tool(lake)("show", "sales")
    refused(done, "it is registered, but it cannot be read since", key)
    assert key in done.stdout, "the data in the catalogue is shown"


def test_broken_dataset_is_not_listed_and_does_not_affect_others(lake):
    lake.catalog.put_keys("bad", lake.files.put("bad.parquet", b"not Parquet at all"))
    lake.add("good", "SELECT 1 AS id")
    lake.wait_for_rows("good", [[1]])
    wait_for_failure(lake, "bad")
    assert lake.query.sql("SHOW TABLES").rows() == [["good"]]
    assert lake.query.sql("SELECT count(*) FROM information_schema.tables").rows() == [[1]]


def test_repaired_or_deleted_dataset_is_no_longer_reported(lake):
    lake.catalog.put_keys("sales", lake.files.put("a.parquet", b"not Parquet at all"))
    wait_for_failure(lake, "sales")
    assert lake.query.sql("FROM sales").status == 400
    lake.add("sales", "SELECT 1 AS id", key="b.parquet")
    lake.wait_for_rows("sales", [[1]])
    lake.catalog.put_keys("other", lake.files.put("c.parquet", b"not Parquet at all"))
    wait_for_failure(lake, "other")
    assert lake.catalog.delete("other").status == 204
    wait_until(
        lambda: "does not exist" in lake.query.sql("FROM other").text,
        lambda: f"other is no longer reported\n{lake.queryd.log_tail}",
    )


def test_name_that_differs_only_in_case_is_refused_even_if_the_dataset_is_broken(lake):
    lake.catalog.put_keys("Sales", lake.files.put("a.parquet", b"not Parquet at all"))
    wait_for_failure(lake, "Sales")
    key = lake.files.put_rows("b.parquet", "SELECT 1 AS id")
    assert lake.catalog.put("sales", {"objects": [{"key": key}]}).status == 409
    assert lake.catalog.delete("Sales").status == 204
    lake.catalog.put_keys("sales", key)
    lake.wait_for_rows("sales", [[1]])


def test_unknown_dataset_is_unavailable_until_the_catalogue_is_read(new_lake):
    lake = new_lake
    lake.start_catalogd()
    lake.add("sales", "SELECT 1 AS id")
    lake.catalogd.stop()
    lake.start_queryd()
    wait_until(
        lambda: lake.query.get("/catalog/status").json()["error"], "the first refresh failed"
    )
    answer = lake.query.sql("FROM sales")
    text = answer.expect_error(503, "query: the catalogue is not known, try again: ")
    assert "connect to" in text
    assert answer.headers["retry-after"] == "1"
    assert lake.query.sql("SELECT 1").rows() == [[1]]
    lake.start_catalogd()
    lake.wait_for_rows("sales", [[1]])
    lake.query.sql("FROM other").expect_error(400, "query: Catalog Error: ")
