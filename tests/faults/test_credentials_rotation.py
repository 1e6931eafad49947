"""The secrets file changes under load: an engine with the new keys starts, and no query fails."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.engine import alive, engine_pid, failures, metric
from harness.lake import Lake, to_toml
from harness.recorder import Credentials
from harness.store import Folder, Store
from harness.waiting import wait_until

CLIENTS = 4


@pytest.fixture
def own_store(recorder, scratch) -> Iterator[Store]:
    """A store whose keys the test may change."""
    store = Store(scratch / "s3", recorder.new_credentials(), recorder)
    yield store
    store.close()


@pytest.fixture
def rotating(own_store, recorder, scratch) -> Iterator[tuple[Lake, Credentials]]:
    """A lake with its keys in a file, and these keys."""
    first = recorder.new_credentials()
    own_store.accept(first)
    lake = Lake(scratch / "lake", Folder(own_store, "t"), recorder)
    lake.folder.mkdir()
    lake.use_credentials(None).set("queryd", secrets_path=str(scratch / "secrets.toml"))
    replace_secrets(lake, first)
    lake.start()
    lake.add("numbers", "SELECT n FROM range(1000) t(n)")
    lake.wait_for_refresh("created=1")
    yield lake, first
    lake.close()


def replace_secrets(lake: Lake, credentials: Credentials) -> None:
    """Replaces the secrets atomically, as recommended for rotation."""
    path = Path(lake.settings["queryd"]["secrets_path"])
    values = {
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
    }
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(to_toml({"s3.primary": values}))
    fresh.replace(path)


def sum_is_right(lake: Lake) -> bool:
    return lake.query.sql("SELECT sum(n) FROM numbers").rows() == [[499500]]


def refreshes(lake: Lake) -> float:
    return sum(
        metric(lake.query, f'tarn_refresh_total{{result="{result}"}}') for result in ("ok", "error")
    )


def test_new_keys_under_load_fail_no_request(rotating, own_store, recorder):
    lake, former = rotating
    over = threading.Event()

    def ask() -> int:
        count = 0
        while not over.is_set():
            assert sum_is_right(lake)
            count += 1
        return count

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(ask) for _ in range(CLIENTS)]
        try:
            for _ in range(3):
                pid = engine_pid(lake.queryd)
                fresh = recorder.new_credentials()
                own_store.accept(former, fresh)
                replace_secrets(lake, fresh)
                lake.queryd.wait_for(lambda: not alive(pid), "the former engine ended")  # noqa: B023
                assert engine_pid(lake.queryd) != pid
                # From now on, no request may use the old keys.
                own_store.accept(fresh)
                former = fresh
        finally:
            over.set()
        counts = [client.result() for client in clients]
    print(f"{sum(counts)} queries while the keys changed three times")
    assert min(counts) > 3
    assert lake.queryd.lines("new credentials")
    assert failures(lake.query) == 0
    assert metric(lake.query, "tarn_engine_starts_total") == 4
    assert sum_is_right(lake)


def test_unchanged_keys_do_not_replace_the_engine(rotating):
    lake, first = rotating
    pid = engine_pid(lake.queryd)
    replace_secrets(lake, first)
    lake.add("more", "SELECT 1 AS n", key="more.parquet")
    lake.wait_for_rows("more", [[1]])
    assert engine_pid(lake.queryd) == pid
    assert metric(lake.query, "tarn_engine_starts_total") == 1


@pytest.mark.parametrize(
    "text",
    [None, "", "[s3.primary]\naccess_key_id = 5\n", "nonsense"],
    ids=["gone", "empty", "half", "nonsense"],
)
def test_invalid_file_keeps_the_former_keys(rotating, text):
    """The file is incomplete or wrong."""
    lake, _ = rotating
    pid = engine_pid(lake.queryd)
    path = Path(lake.settings["queryd"]["secrets_path"])
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    # queryd reads the file before each refresh.
    seen = refreshes(lake)
    wait_until(lambda: refreshes(lake) >= seen + 2, "two more refreshes")
    assert metric(lake.query, "tarn_engine_starts_total") == 1
    assert sum_is_right(lake)
    assert engine_pid(lake.queryd) == pid
    assert lake.query.ready()


def test_engine_restarts_with_the_former_keys_if_the_file_is_invalid(rotating):
    """A new engine needs keys, and the former ones are still valid."""
    lake, first = rotating
    path = Path(lake.settings["queryd"]["secrets_path"])
    path.write_text("nonsense")
    lake.queryd.wait_for_line("WARN", "cannot read the credentials")
    os.kill(engine_pid(lake.queryd), signal.SIGKILL)
    assert sum_is_right(lake)
    replace_secrets(lake, first)
    assert sum_is_right(lake)
