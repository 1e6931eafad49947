"""`tarn up`: one process with the catalogue and SQL on a local folder."""

import json
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from harness import programs
from harness.client import quoted
from harness.processes import Daemon, die_with_parent
from harness.store import parquet
from harness.up import URL, Up
from harness.waiting import wait_until


@pytest.fixture
def folder(scratch) -> Path:
    """Creates two files, a folder of files, and other files that tarn up ignores."""
    folder = scratch / "my data"
    (folder / "events").mkdir(parents=True)
    (folder / "cities.parquet").write_bytes(parquet("SELECT 'Bergen' AS name, 1 AS id"))
    (folder / "numbers.parquet").write_bytes(parquet("SELECT n FROM range(10) t(n)"))
    for part in range(3):
        data = parquet(f"SELECT {part} AS part, n FROM range(5) t(n)")
        (folder / "events" / f"part-{part}.parquet").write_bytes(data)
    (folder / "README.txt").write_text("no Parquet\n")
    (folder / "empty").mkdir()
    (folder / ".hidden.parquet").write_bytes(b"no Parquet")
    return folder


def test_each_file_and_each_folder_of_files_is_a_dataset(up, folder):
    running = up(folder)
    running.wait_for_rows("SELECT * FROM cities", [["Bergen", 1]])
    running.wait_for_rows("SELECT sum(n) FROM numbers", [[45]])
    running.wait_for_rows(
        "SELECT part, count(*) FROM events GROUP BY 1 ORDER BY 1",
        [
            [0, 5],
            [1, 5],
            [2, 5],
        ],
    )
    assert running.names() == {"cities", "numbers", "events"}


def test_folder_with_a_path_that_duckdb_misreads_is_refused(scratch):
    """DuckDB reads a backslash in a pattern as a slash."""
    odd, other = scratch / "a[1]" / "b\\c", scratch / "a[1]" / "b" / "c"
    for folder, rows in ((odd, "SELECT 1 AS n"), (other, "SELECT 2 AS n")):
        folder.mkdir(parents=True)
        (folder / "numbers.parquet").write_bytes(parquet(rows))
    argv = [programs.program("tarn"), "up", odd, "--bind", "127.0.0.1:0"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stdout
    assert "a backslash and one of * ? [" in done.stderr


def test_sql_and_catalogue_share_one_port(up, folder):
    running = up(folder)
    assert running.client.get("/healthz").status == 200
    wait_until(running.client.ready, "ready")
    assert running.client.get("/metrics").status == 200
    assert running.client.sql("SELECT 1").rows() == [[1]]
    assert running.client.manifest("cities").status == 200
    running.client.sql("DROP VIEW cities").expect_error(400, "query: ")
    running.client.get("/nowhere").expect_error(404, "")
    assert running.client.get("/sql").headers["Allow"] == "POST"


def test_curl_line_can_be_copied(up, folder):
    """A user can paste the line into a shell."""
    running = up(folder)
    line = running.daemon.wait_for(
        lambda: [x for x in running.daemon.stdout.splitlines() if x.strip().startswith("curl ")],
        "a curl line",
    )[0]
    wait_until(running.client.ready, "ready")
    words = shlex.split(line)
    assert words[0] == "curl"
    result = subprocess.run(
        ["sh", "-c", line],
        capture_output=True,
        timeout=30,
        check=False,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "NO_PROXY": "*"},
        preexec_fn=die_with_parent,
    )
    assert result.returncode == 0, result.stderr
    assert b'"row_count"' in result.stdout, result.stdout


def test_relative_folder(up, folder):
    running = up("my data", cwd=folder.parent)
    running.wait_for_rows("SELECT sum(n) FROM numbers", [[45]])


def test_current_folder(up, folder):
    running = up(".", cwd=folder)
    running.wait_for_rows("SELECT sum(n) FROM numbers", [[45]])


ODD = ["it's", "semi;colon", 'dou"ble', "star*", "question?", "brackets[ab]", "100%", "%41", "ü🦆"]


def test_files_with_odd_names(up, scratch):
    folder = scratch / "odd; 'folder' [x]*"
    folder.mkdir()
    for decoy in ("starx", "bracketsa", "questionx"):
        (folder / f"{decoy}.parquet").write_bytes(parquet("SELECT 'decoy' AS cell"))
    for name in ODD:
        (folder / f"{name}.parquet").write_bytes(parquet("SELECT 'right' AS cell"))
    running = up(folder)
    for name in ODD:
        running.wait_for_rows(f"SELECT cell FROM {quoted(name)}", [["right"]])


def test_broken_file_does_not_affect_others(up, folder):
    (folder / "broken.parquet").write_bytes(b"no Parquet at all")
    running = up(folder)
    running.wait_for_rows("SELECT sum(n) FROM numbers", [[45]])
    running.client.sql("FROM broken").expect_error(400, "query: ")
    running.daemon.wait_for_line("broken")


def test_files_outside_of_the_folder_are_not_read(up, folder):
    (folder.parent / "private.parquet").write_bytes(parquet("SELECT 'private' AS cell"))
    running = up(folder)
    for target in (folder.parent / "private.parquet", folder / ".." / "private.parquet"):
        running.client.sql(f"SELECT * FROM '{target}'").expect_error(400, "query: ")
        running.client.sql(f"FROM read_parquet('{target}')").expect_error(400, "query: ")
    # The folder determines the datasets, so clients cannot register any.
    running.client.put("sneaky", {"objects": [{"key": "../private.parquet"}]}).expect_error(405, "")
    running.client.sql("FROM sneaky").expect_error(400, "query: ")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_stops_with_exit_status_0(up, folder, signum):
    up(folder).daemon.stop(signum)


def test_folder_is_not_changed(up, folder):
    def tree() -> dict:
        return {str(p): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}

    before = tree()
    running = up(folder)
    running.wait_for_rows("SELECT sum(n) FROM numbers", [[45]])
    running.daemon.stop()
    assert tree() == before


def refusal(scratch: Path, recorder, *arguments, **env: str) -> str:
    """Runs `tarn up`, which must fail, and returns the error."""
    argv = [programs.program("tarn"), "up", *arguments]
    daemon = Daemon(argv, folder=scratch / "refused", recorder=recorder, env=env)
    assert daemon.wait_for_exit() == 1
    return daemon.log


def test_missing_folder(scratch, recorder):
    said = refusal(scratch, recorder, scratch / "absent", "--bind", "127.0.0.1:0")
    assert f"cannot serve {scratch / 'absent'}: No such file or directory" in said


def test_file_in_place_of_a_folder(scratch, recorder):
    (scratch / "a.parquet").write_bytes(b"")
    said = refusal(scratch, recorder, scratch / "a.parquet", "--bind", "127.0.0.1:0")
    assert f"{scratch / 'a.parquet'} is a file: serve the folder that has it" in said


def test_port_in_use(up, folder, scratch, recorder):
    running = up(folder)
    said = refusal(scratch, recorder, folder, "--bind", running.client.address)
    assert f"cannot listen on {running.client.address}: another program" in said
    assert "--bind HOST:PORT" in said


def test_home_that_is_not_writable(scratch, recorder):
    (scratch / "file").write_text("no folder\n")
    home = str(scratch / "file")
    said = refusal(scratch, recorder, "--bind", "127.0.0.1:0", XDG_DATA_HOME=home)
    assert said.rstrip().endswith("serve your own folder instead: tarn up DIR")


def test_stop_reports_the_time_left_for_queries(up, folder):
    daemon = up(folder).daemon
    daemon.wait_for(lambda: "Press Ctrl-C" in daemon.stdout, "the end of the greeting")
    daemon.stop(signal.SIGINT)
    assert daemon.stdout.endswith("\nStopping: running queries have 10s to end.\n")


# --- without a folder: sample data


def sample_is_right(running: Up) -> None:
    assert {"airports", "carriers", "flights", "weather"} <= running.names()
    for name in ("airports", "carriers", "flights", "weather"):
        running.wait_for_rows(f"SELECT count(*) > 0 FROM {name}", [[True]])
    counts = " + ".join(
        f"(SELECT count(*) FROM {name})" for name in ("airports", "carriers", "flights", "weather")
    )
    ((total,),) = running.client.sql(f"SELECT {counts}").rows()
    assert 100_000 < total < 5_000_000


def test_sample_data_is_created_once(up, scratch):
    running = up()
    sample_is_right(running)
    folder = scratch / "data-home" / "tarn" / "sample"
    made = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    assert made
    running.daemon.stop()
    sample_is_right(up())
    again = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    assert again == made


def test_first_query_is_printed(up):
    running = up()
    running.daemon.wait_for(
        lambda: "SELECT" in running.daemon.stdout.upper(), "a query on stdout", limit_s=60
    )
    lines = running.daemon.stdout.splitlines()
    assert len(lines) > 5, "the result is printed too"


def test_sample_is_below_home_without_xdg_data_home(scratch, recorder):
    argv = [programs.program("tarn"), "up", "--bind", "127.0.0.1:0"]
    home = scratch / "home"
    with Daemon(argv, folder=home, recorder=recorder) as daemon:
        daemon.wait_for(lambda: URL.search(daemon.stdout), "the URL", limit_s=60)
        assert list((home / ".local/share/tarn/sample").rglob("*.parquet"))


def test_openapi_has_the_routes_of_both_daemons(up, scratch):
    (scratch / "data").mkdir()
    (scratch / "data" / "a.parquet").write_bytes(parquet("SELECT 1 AS n"))
    client = up(scratch / "data").client
    api = client.get("/openapi.json").json()
    reading = ["/catalog/list", "/catalog/datasets/{name}", "/catalog/datasets/{name}/history"]
    assert {path: list(api["paths"][path]) for path in reading} == dict.fromkeys(reading, ["get"])
    for path in api["paths"]:
        if "{" not in path.replace("{name}", ""):
            assert client.get(path.replace("{name}", "a")).status != 404, path
    referred = set(re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(api)))
    assert len(referred) > 10
    for kind, name in referred:
        assert name in api["components"][kind]
