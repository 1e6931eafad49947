"""Objects with a complete footer and damaged data cause an error, and the engine keeps running."""

import pytest
from harness.store import BUCKET, parquet
from harness.waiting import wait_until


def cut_in_the_middle(select: str) -> bytes:
    """Returns a Parquet file without a part of its data, so that its footer has offsets past the
    end."""
    whole = parquet(select)
    footer_bytes = int.from_bytes(whole[-8:-4], "little") + 8
    return whole[:4] + whole[-footer_bytes:]


def engines_started(lake) -> int:
    return len(lake.queryd.lines("engine starting"))


@pytest.mark.parametrize("with_etag", [False, True])
def test_damaged_object_is_an_error_that_names_it(lake, with_etag):
    data = cut_in_the_middle("SELECT range AS n, hash(range) AS h FROM range(100000)")
    key = lake.files.put("bad.parquet", data)
    etag = lake.files.store.client.head_object(Bucket=BUCKET, Key=key)["ETag"]
    fields = {"objects": [{"key": key, "etag": etag}]} if with_etag else {}
    if with_etag:
        assert lake.catalog.put("bad", fields).status in (200, 201)
    else:
        lake.catalog.put_keys("bad", key)
    lake.add("good", "SELECT 1 AS id")
    lake.wait_for_rows("good", [[1]])
    wait_until(lambda: lake.query.sql("DESCRIBE bad").status == 200, "the dataset is visible")
    started = engines_started(lake)
    for _ in range(3):
        lake.query.sql("SELECT sum(h) FROM bad").expect_error(
            400,
            f'query: object "{key}" is damaged: its footer names data that is not in it; '
            "write it again",
        )
    lake.wait_for_rows("good", [[1]])
    assert engines_started(lake) == started


def test_damaged_file_in_a_folder_of_tarn_up(up, scratch):
    folder = scratch / "lake"
    folder.mkdir()
    data = cut_in_the_middle("SELECT range AS n, hash(range) AS h FROM range(100000)")
    (folder / "bad.parquet").write_bytes(data)
    running = up(folder)
    wait_until(lambda: running.client.sql("DESCRIBE bad").status == 200, "the dataset is visible")
    running.client.sql("SELECT sum(h) FROM bad").expect_error(
        400, 'query: object "bad.parquet" is damaged'
    )
