"""Contract of queryd, "Registrar": drops first, then creates and replaces, skips the rest."""

import pytest

FAILED = "refresh failed"


def counts(created=0, updated=0, dropped=0, skipped=0) -> str:
    return f"created={created} updated={updated} dropped={dropped} skipped={skipped}"


# --- create, replace, skip, drop


def test_new_dataset_is_created(lake):
    lake.add("numbers", "SELECT * FROM (VALUES (1, 'one'), (2, 'two')) t(n, word)")
    lake.wait_for_rows("numbers", [[1, "one"], [2, "two"]])
    lake.wait_for_refresh(counts(created=1))


def test_datasets_registered_before_queryd_starts(new_lake):
    new_lake.start_catalogd()
    new_lake.add("a", "SELECT 1 AS n", key="a")
    new_lake.add("b", "SELECT 2 AS n", key="b")
    new_lake.start_queryd()
    new_lake.wait_for_rows("a", [[1]])
    new_lake.wait_for_rows("b", [[2]])
    new_lake.wait_for_refresh(counts(created=2))


def test_view_is_replaced_when_updated_at_differs(lake):
    lake.add("numbers", "SELECT 1 AS n", key="one")
    lake.wait_for_rows("numbers", [[1]])
    lake.add("numbers", "SELECT 2 AS n", key="two")
    lake.wait_for_rows("numbers", [[2]])
    lake.wait_for_refresh(counts(updated=1))


def test_replaced_view_may_have_other_columns(lake):
    lake.add("numbers", "SELECT 1 AS n", key="one")
    lake.wait_for_rows("numbers", [[1]])
    lake.add("numbers", "SELECT 'x' AS word, DATE '2026-01-02' AS day", key="two")
    lake.wait_for_rows("numbers", [["x", "2026-01-02"]])
    columns = lake.select_all("numbers").json()["columns"]
    assert columns == [{"name": "word", "type": "VARCHAR"}, {"name": "day", "type": "DATE"}]


def test_object_overwritten_in_place_and_registered_again_shows_its_new_rows(lake):
    """No cached data of the old object may be used for the new one."""
    key = lake.files.put_rows("same", "SELECT i AS n FROM range(3) t(i)")
    lake.catalog.put_keys("numbers", key, row_count=3)
    lake.wait_for_rows("numbers", [[0], [1], [2]])
    lake.files.put_rows("same", "SELECT i * 10 AS n FROM range(1000) t(i)")
    lake.catalog.put_keys("numbers", key, row_count=1000)
    lake.wait_for_refresh(counts(updated=1))
    answer = lake.query.sql("SELECT count(*), sum(n) FROM numbers")
    assert answer.rows() == [[1000, 4995000]]


def test_dataset_with_the_same_updated_at_is_skipped(lake):
    lake.add("still", "SELECT 1 AS n", key="still")
    lake.add("moving", "SELECT 1 AS n", key="moving-1")
    lake.wait_for_rows("still", [[1]])
    lake.wait_for_rows("moving", [[1]])
    lake.add("moving", "SELECT 2 AS n", key="moving-2")
    lake.wait_for_refresh(counts(updated=1, skipped=1))
    lake.wait_for_rows("moving", [[2]])


def test_deleted_dataset_loses_its_view(lake):
    lake.add("short_lived", "SELECT 1 AS n", key="a")
    lake.add("stays", "SELECT 2 AS n", key="b")
    lake.wait_for_rows("short_lived", [[1]])
    lake.wait_for_rows("stays", [[2]])
    assert lake.catalog.delete("short_lived").status == 204
    lake.wait_until_gone("short_lived")
    lake.wait_for_refresh(counts(dropped=1, skipped=1))
    lake.wait_for_rows("stays", [[2]])


def test_deleted_dataset_can_be_registered_again(lake):
    lake.add("boomerang", "SELECT 1 AS n", key="a")
    lake.wait_for_rows("boomerang", [[1]])
    assert lake.catalog.delete("boomerang").status == 204
    lake.wait_until_gone("boomerang")
    lake.add("boomerang", "SELECT 2 AS n", key="b")
    lake.wait_for_rows("boomerang", [[2]])


def test_views_are_dropped_before_others_are_created(new_lake, make_proxy):
    """DuckDB ignores the case of names: to drop `Sales` after creating `sales` would drop the new
    view."""
    new_lake.start_catalogd()
    proxy = make_proxy(new_lake.catalog.address)
    new_lake.set("queryd", catalogd_url=proxy.url).start_queryd()
    new_lake.add("Sales", "SELECT 1 AS n", key="old")
    new_lake.wait_for_rows("Sales", [[1]])
    proxy.refuse()  # Both changes are in one refresh.
    assert new_lake.catalog.delete("Sales").status == 204
    new_lake.add("sales", "SELECT 2 AS n", key="new")
    proxy.pass_on()
    new_lake.wait_for_refresh(counts(created=1, dropped=1))
    new_lake.wait_for_rows("sales", [[2]])


def test_all_four_counts_of_one_refresh(new_lake, make_proxy):
    new_lake.start_catalogd()
    proxy = make_proxy(new_lake.catalog.address)
    new_lake.set("queryd", catalogd_url=proxy.url).start_queryd()
    for name in ("same", "other", "gone"):
        new_lake.add(name, "SELECT 1 AS n", key=name)
    for name in ("same", "other", "gone"):
        new_lake.wait_for_rows(name, [[1]])
    proxy.refuse()
    new_lake.add("other", "SELECT 2 AS n", key="other-2")
    new_lake.catalog.delete("gone")
    new_lake.add("fresh", "SELECT 3 AS n", key="fresh")
    proxy.pass_on()
    new_lake.wait_for_refresh(counts(1, 1, 1, 1))


def test_many_datasets_in_one_refresh(new_lake):
    new_lake.start_catalogd()
    key = new_lake.files.put_rows("shared", "SELECT 7 AS n")
    for number in range(60):
        new_lake.catalog.put_keys(f"d{number:02}", key)
    new_lake.start_queryd()
    new_lake.wait_for_refresh(counts(created=60))
    sql = " UNION ALL ".join(f"FROM d{number:02}" for number in range(60))
    assert new_lake.query.sql(f"SELECT count(*), sum(n) FROM ({sql})").rows() == [[60, 420]]


def test_dataset_of_several_objects_has_all_their_rows(lake):
    keys = [
        lake.files.put_rows(f"part-{i}", f"SELECT {i} AS part, n FROM range(1000) t(n)")
        for i in range(5)
    ]
    lake.catalog.put_keys("parts", *keys)
    lake.wait_for_refresh(counts(created=1))
    answer = lake.query.sql("SELECT part, count(*), sum(n) FROM parts GROUP BY part ORDER BY part")
    assert answer.rows() == [[i, 1000, 499500] for i in range(5)]


# --- a failing dataset does not prevent the refresh of others


def break_missing(lake, name="bad") -> str:
    """Registers a dataset whose object does not exist. Returns the name of the object in the
    folder."""
    lake.catalog.put_keys(name, lake.files.key(f"{name}-object"))
    return f"{name}-object"


def break_garbage(lake, name="bad") -> str:
    key = lake.files.put(f"{name}-object", b"these are no Parquet bytes\n" * 50)
    lake.catalog.put_keys(name, key)
    return f"{name}-object"


def break_empty(lake, name="bad") -> str:
    lake.catalog.put_keys(name, lake.files.put(f"{name}-object", b""))
    return f"{name}-object"


def break_footer(lake, name="bad") -> str:
    """Returns bytes that begin and end like Parquet, without valid content."""
    data = b"PAR1" + b"\xff" * 2000 + (1900).to_bytes(4, "little") + b"PAR1"
    lake.catalog.put_keys(name, lake.files.put(f"{name}-object", data))
    return f"{name}-object"


BREAKS = [break_missing, break_garbage, break_empty, break_footer]


@pytest.mark.parametrize("break_it", BREAKS)
def test_broken_dataset_beside_good_ones(new_lake, break_it):
    new_lake.start_catalogd()
    new_lake.add("a_good", "SELECT 1 AS n", key="a")
    name = break_it(new_lake, "m_bad")
    new_lake.add("z_good", "SELECT 2 AS n", key="z")
    new_lake.start_queryd()
    new_lake.wait_for_rows("a_good", [[1]])
    new_lake.wait_for_rows("z_good", [[2]])
    new_lake.queryd.wait_for_line("WARN", FAILED, "m_bad")
    new_lake.select_all("m_bad").expect_error(400, "query: ")
    # The object is repaired without a change of the catalogue. The next refresh tries again.
    new_lake.files.put_rows(name, "SELECT 3 AS n")
    new_lake.wait_for_rows("m_bad", [[3]])


@pytest.mark.parametrize("break_it", BREAKS)
def test_view_keeps_its_former_version_if_the_new_one_is_broken(lake, break_it):
    lake.add("numbers", "SELECT 1 AS n", key="good")
    lake.add("beside", "SELECT 1 AS n", key="beside-1")
    lake.wait_for_rows("numbers", [[1]])
    lake.wait_for_rows("beside", [[1]])
    name = break_it(lake, "numbers")
    lake.queryd.wait_for_line("WARN", FAILED, "numbers")
    assert lake.select_all("numbers").rows() == [[1]]
    # Other datasets change meanwhile.
    lake.add("beside", "SELECT 2 AS n", key="beside-2")
    lake.wait_for_rows("beside", [[2]])
    assert lake.select_all("numbers").rows() == [[1]]
    lake.files.put_rows(name, "SELECT 4 AS n")
    lake.wait_for_rows("numbers", [[4]])


def test_errors_are_reported_together(new_lake):
    new_lake.start_catalogd()
    break_missing(new_lake, "bad_one")
    break_garbage(new_lake, "bad_two")
    new_lake.start_queryd()
    new_lake.queryd.wait_for_line("WARN", "bad_one", "bad_two")


def test_missing_one_of_several_objects_is_a_failure(lake):
    """A result without the rows of one object would be worse than an error."""
    there = lake.files.put_rows("part-0", "SELECT 1 AS n")
    lake.catalog.put_keys("parts", there, lake.files.key("part-1"))
    lake.queryd.wait_for_line("WARN", FAILED, "parts")
    lake.select_all("parts").expect_error(400, "query: ")
    lake.files.put_rows("part-1", "SELECT 2 AS n")
    lake.wait_for_rows("parts", [[1], [2]])


def test_removed_broken_dataset_is_no_longer_reported(lake):
    break_missing(lake)
    lake.queryd.wait_for_line("WARN", FAILED, "bad")
    assert lake.catalog.delete("bad").status == 204
    lake.add("good", "SELECT 1 AS n")
    lake.wait_for_refresh(counts(created=1))


def test_drop_works_while_another_dataset_is_broken(lake):
    lake.add("gone", "SELECT 1 AS n")
    lake.wait_for_rows("gone", [[1]])
    break_missing(lake, "bad")
    lake.queryd.wait_for_line("WARN", FAILED, "bad")
    assert lake.catalog.delete("gone").status == 204
    lake.wait_until_gone("gone")
    lake.queryd.wait_for_line("dropped=1")
