"""The process that reads footers crashes: queries are not affected, and other datasets recover."""

import os
import signal

import pytest
from harness.engine import alive, engine_pid, failures, metric, probe_pids
from harness.waiting import wait_until

CRASHES = 'tarn_probe_failures_total{reason="crash"}'
TWICE = "DuckDB ended its process twice when it read the footer"


@pytest.fixture
def far_lake(new_lake, make_proxy):
    """A running lake whose store can be made slow."""
    proxy = make_proxy(new_lake.files.store.address)
    # The file with the datasets that crashed a process.
    folder = new_lake.folder / "temp"
    new_lake.set("s3", endpoint=proxy.url).set("queryd", temp_directory=str(folder)).start()
    return new_lake, proxy


def kill_probes(daemon) -> None:
    for pid in probe_pids(daemon):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not alive(pid), "the probe processes ended")


def errors(lake) -> dict[str, str]:
    status = lake.query.get("/catalog/status").json()
    return {each["name"]: each["error"] for each in status["failed"]}


def test_probe_crash_affects_no_query_and_datasets_become_visible(far_lake):
    lake, proxy = far_lake
    lake.add("good", "SELECT 1 AS id")
    lake.wait_for_rows("good", [[1]])
    engine = engine_pid(lake.queryd)
    proxy.stall()
    lake.add("next", "SELECT 2 AS id", key="next.parquet")
    wait_until(proxy.held, "the dataset is being read")
    kill_probes(lake.queryd)
    assert lake.query.sql("SELECT 42").rows() == [[42]]
    proxy.pass_on()
    lake.wait_for_rows("next", [[2]])
    lake.wait_for_rows("good", [[1]])
    assert engine_pid(lake.queryd) == engine
    assert failures(lake.query) == 0 and metric(lake.query, CRASHES) == 1
    assert len(lake.queryd.lines("probe process ended")) == 1
    assert not lake.queryd.lines("reading the dataset alone"), "DuckDB was not decoding an object"


def test_dataset_that_crashed_two_probes_is_not_read_until_it_changes(far_lake):
    """A kill while DuckDB reads the object simulates an unknown fault of DuckDB."""
    lake, proxy = far_lake
    lake.add("good", "SELECT 1 AS id")
    lake.wait_for_rows("good", [[1]])
    engine = engine_pid(lake.queryd)
    key = lake.files.key("bad.parquet")
    # If Tarn cannot read a footer, DuckDB reads the object, and first requests its size.
    asks = f"HEAD /lake/{key} ".encode()
    proxy.delay_s = 3
    lake.catalog.put_keys("bad", key)
    wait_until(lambda: proxy.count(asks) == 1, lambda: f"DuckDB reads\n{lake.queryd.log_tail}")
    kill_probes(lake.queryd)
    lake.queryd.wait_for_line("WARN", "a probe process ended, reading the dataset alone", "bad")
    assert "bad" not in errors(lake)
    wait_until(lambda: proxy.count(asks) == 2, lambda: f"DuckDB reads\n{lake.queryd.log_tail}")
    assert len(probe_pids(lake.queryd)) == 2, "the dataset has its own process"
    kill_probes(lake.queryd)
    lake.queryd.wait_for_line("ERROR", "a dataset ended its probe process twice", "bad")
    wait_until(lambda: f'object "{key}": {TWICE}' in errors(lake).get("bad", ""), "the error")
    assert metric(lake.query, "tarn_crashed_datasets") == 1
    assert TWICE in lake.query.sql("FROM bad").expect_error(400, 'query: dataset "bad": ')

    # The error stays after a restart.
    proxy.delay_s = 0
    assert engine_pid(lake.queryd) == engine
    lake.queryd.stop()
    lake.start_queryd()
    wait_until(lambda: TWICE in errors(lake).get("bad", ""), "the error again")
    lake.wait_for_rows("good", [[1]])
    lake.add("other", "SELECT 3 AS id", key="other.parquet")
    lake.wait_for_rows("other", [[3]])
    assert proxy.count(asks) == 2
    assert lake.query.sql("FROM bad").status == 400

    lake.add("bad", "SELECT 4 AS id", key="mended.parquet")
    lake.wait_for_rows("bad", [[4]])
