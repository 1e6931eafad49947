"""catalogd: backups while it runs, and damaged databases."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from harness import programs
from harness.lake import Lake
from harness.processes import run_to_exit
from harness.tokens import Tokens
from harness.waiting import wait_until


def database(lake: Lake) -> Path:
    return lake.folder / "catalog" / "catalog.sqlite"


def clear(lake: Lake) -> None:
    """Removes the database with the write-ahead log, as in docs/http-api.md."""
    for path in database(lake).parent.glob("catalog.sqlite*"):
        path.unlink()


def leftovers(lake: Lake) -> list[Path]:
    return list(database(lake).parent.glob("catalog.backup-*"))


def test_backup_under_load_is_complete_and_consistent(new_lake, scratch):
    new_lake.start_catalogd()
    catalog = new_lake.catalog
    done = threading.Event()

    def write(worker: int) -> None:
        number = 0
        while not done.is_set():
            number += 1
            # In this order, so that `second` is not newer than `first` in any state.
            catalog.put_keys(f"first-{worker}", f"k{number}", row_count=number)
            catalog.put_keys(f"second-{worker}", f"k{number}", row_count=number)
            if number % 5 == 0:
                catalog.delete(f"second-{worker}")

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, worker) for worker in range(3)]
        for number in range(10):
            wait_until(lambda: catalog.revision() >= 20 * (number + 1), "changes")  # noqa: B023
            answer = catalog.get("/catalog/backup")
            assert answer.status == 200
            assert answer.content_type == "application/vnd.sqlite3"
            (scratch / f"{number}.sqlite").write_bytes(answer.body)
        done.set()
        for writer in writers:
            writer.result()
    assert leftovers(new_lake) == []
    revisions = []
    for number in range(10):
        with closing(sqlite3.connect(scratch / f"{number}.sqlite")) as backup:
            assert backup.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            ((revision,),) = backup.execute("SELECT revision FROM catalogue")
            rows = dict(
                backup.execute(
                    "SELECT name, content ->> 'row_count' FROM datasets "
                    "JOIN contents ON contents.id = content_id"
                )
            )
            ((newest,),) = backup.execute(
                "SELECT max(revision) FROM (SELECT revision FROM datasets UNION ALL "
                "SELECT revision FROM deletions)"
            )
        assert newest == revision
        for worker in range(3):
            if f"second-{worker}" in rows:
                assert rows[f"first-{worker}"] - rows[f"second-{worker}"] in (0, 1)
        revisions.append(revision)
    assert revisions == sorted(revisions)


def test_restored_backup_is_a_new_catalogue(new_lake):
    new_lake.start_catalogd()
    catalog = new_lake.catalog
    catalog.put_keys("a", "1")
    catalog.put_keys("a", "2")
    backup = catalog.get("/catalog/backup").body
    kept = catalog.list()
    catalog.put_keys("a", "3")
    etag = catalog.get("/catalog/list").headers["ETag"]
    new_lake.catalogd.kill()  # A kill leaves a write-ahead log.
    clear(new_lake)
    database(new_lake).write_bytes(backup)
    new_lake.start_catalogd()
    restored = catalog.list()
    assert restored["manifests"] == kept["manifests"]
    assert restored["revision"] == kept["revision"]
    # The revision is the same with other content, so clients must not use their caches.
    catalog.put_keys("b", "1")
    assert catalog.get("/catalog/list", {"If-None-Match": etag}).status == 200
    listed = catalog.get(f"/catalog/list?since={etag.strip(chr(34))}").json()
    assert "since" not in listed
    assert len(catalog.get("/catalog/datasets/a/history").json()["versions"]) == 2


def test_restored_file_copy_is_detected(new_lake):
    """Copies the database file while catalogd does not run."""
    new_lake.start_catalogd()
    catalog = new_lake.catalog
    catalog.put_keys("a", "1")
    new_lake.catalogd.stop()
    copy = database(new_lake).read_bytes()
    new_lake.start_catalogd()
    catalog.put_keys("a", "2")
    etag = catalog.get("/catalog/list").headers["ETag"]
    new_lake.catalogd.stop()
    clear(new_lake)
    database(new_lake).write_bytes(copy)
    new_lake.start_catalogd()
    new_lake.catalogd.wait_for_line("the catalogue is older than before")
    catalog.put_keys("a", "3")
    assert catalog.get("/catalog/list", {"If-None-Match": etag}).status == 200


def test_leftovers_of_a_crashed_backup_are_removed(new_lake):
    new_lake.start_catalogd()
    new_lake.catalogd.kill()
    (database(new_lake).parent / "catalog.backup-0123456789abcdef").write_bytes(b"half")
    new_lake.start_catalogd()
    assert leftovers(new_lake) == []


def test_backup_needs_the_role_admin(new_lake):
    tokens = Tokens(new_lake)
    loader, admin = tokens.create("loader", "catalog"), tokens.create("admin", "admin")
    new_lake.start_catalogd()
    assert new_lake.catalog.get("/catalog/backup").status == 401
    assert new_lake.catalog.with_token(loader).get("/catalog/backup").status == 403
    assert new_lake.catalog.with_token(admin).get("/catalog/backup").status == 200


# --- unusable databases


def test_newer_database_is_refused(new_lake):
    new_lake.start_catalogd()
    new_lake.catalogd.stop()
    with closing(sqlite3.connect(database(new_lake))) as newer:
        newer.execute("PRAGMA user_version = 99")
        newer.commit()
    before = database(new_lake).read_bytes()
    error = new_lake.run_to_exit("catalogd").the_error()
    assert "the database has version 99, but this catalogd knows up to" in error
    assert "install a newer catalogd" in error
    assert database(new_lake).read_bytes() == before


def test_file_that_is_not_a_database_is_refused(new_lake):
    database(new_lake).parent.mkdir()
    database(new_lake).write_bytes(b"x" * 8192)
    error = new_lake.run_to_exit("catalogd").the_error()
    assert "catalog.sqlite" in error
    assert "restore a backup" in error


@pytest.mark.parametrize("running", [False, True])
def test_damaged_pages_are_an_error_not_a_crash(new_lake, running):
    new_lake.start_catalogd()
    catalog = new_lake.catalog
    for number in range(200):
        catalog.put_keys(f"d{number:03}", "k" * 1000)
    new_lake.catalogd.stop()
    pages_of_datasets = "SELECT pageno FROM dbstat WHERE name IN ('datasets', 'contents')"
    with closing(sqlite3.connect(database(new_lake))) as connection:
        pages = [number for (number,) in connection.execute(pages_of_datasets)]
    assert len(pages) > 10
    if running:
        # catalogd has not read these pages before they are damaged.
        new_lake.start_catalogd()
    with database(new_lake).open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(b"\xa5" * 4096)
    if not running:
        new_lake.start_catalogd()
    answer = catalog.get("/catalog/list")
    answer.expect_error(500, "catalogue database: ")
    assert "restore a backup" in answer.text
    new_lake.catalogd.wait_for_line("catalogue request failed", "malformed")
    assert "tarn_catalog_failures_total 1" in catalog.get("/metrics").text
    assert new_lake.catalogd.running
    assert catalog.get("/healthz").status == 200


def test_missing_database_is_not_treated_as_an_empty_catalogue(new_lake):
    """A disk that is not mounted or a backup that was not copied, so that all datasets would be
    lost."""
    new_lake.start_catalogd()
    new_lake.catalog.put_keys("a", "1")
    new_lake.catalogd.stop()
    kept = database(new_lake).read_bytes()
    clear(new_lake)
    for content in (None, b""):
        if content is not None:
            database(new_lake).write_bytes(content)
        done = run_to_exit(
            [programs.program("catalogd"), "--config", new_lake.write_config()],
            folder=new_lake.folder,
            recorder=new_lake.recorder,
        )
        assert done.status == 1
        assert "had revision 1 before: restore the file or a backup of it" in done.stderr
    database(new_lake).write_bytes(kept)
    new_lake.start_catalogd()
    assert [each["name"] for each in new_lake.catalog.list()["manifests"]] == ["a"]
    new_lake.catalogd.stop()
    clear(new_lake)
    (database(new_lake).parent / "catalog.lock").unlink()
    new_lake.start_catalogd()
    assert new_lake.catalog.list()["manifests"] == []
