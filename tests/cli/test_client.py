"""tarn as a client of running daemons: ls, show, touch, rm, history, restore, sql, status."""

import csv
import io
import json
import os
import signal
import subprocess

import pyarrow.ipc
import pytest
from harness.engine import engine_pid, wait_for_state
from harness.ports import free_port
from harness.processes import Daemon, clean_environment
from harness.store import parquet
from harness.terminal import Terminal
from harness.tokens import Tokens
from harness.tool import Tool, command, environment, ok, refused
from harness.waiting import wait_until

# --- the catalogue


def test_ls_of_an_empty_catalogue(run):
    assert ok(run("ls")) == "There are no datasets yet.\n"


def test_ls(lake, run):
    lake.add("small", "SELECT 1 AS n")
    keys = [{"key": "a", "size": 1_500_000}, {"key": "b", "size": 2_000_000}]
    lake.catalog.put("two parts/and a slash", {"objects": keys, "row_count": 1234567})
    lines = ok(run("ls")).splitlines()
    assert lines[0].split() == ["name", "objects", "rows", "size", "changed", "(UTC)"]
    assert lines[2].split()[:2] == ["small", "1"]
    assert lines[3].startswith("two parts/and a slash        2  1,234,567  3.5 MB  20")
    assert len(json.loads(ok(run("ls", "--json")))["manifests"]) == 2


def test_show(lake, run):
    lake.queryd.stop()  # queryd would report that the object does not exist.
    name = "two parts/and a slash"
    schema = [{"name": "id", "type": "BIGINT", "nullable": False}, {"name": "x", "type": "DATE"}]
    objects = [{"key": "a/b.parquet", "size": 1500, "etag": "abc"}]
    lake.catalog.put(name, {"objects": objects, "row_count": 7, "schema": schema})
    text = ok(run("show", name))
    for part in (name, "rows      7", "size      1.5 KB", "version   1", "a/b.parquet", "abc"):
        assert part in text
    assert "id      BIGINT  not null\nx       DATE\n" in text
    assert json.loads(ok(run("show", "--json", name)))["objects"] == objects
    refused(run("show", "nothing"), 'no such dataset: "nothing"')


def test_show_asks_queryd_for_columns_that_the_catalogue_does_not_know(lake, run):
    lake.add("plain", "SELECT 1 AS n, 'a' AS \"the name\"")
    lake.wait_for_rows("plain", [[1, "a"]])
    assert "n         INTEGER\nthe name  VARCHAR\n" in ok(run("show", "plain"))
    lake.queryd.stop()
    assert "/data.parquet" in ok(run("show", "plain")), "show works without the columns"


def test_colours_are_for_terminals(lake, run):
    lake.add("plain", "SELECT 1 AS n")
    assert "\x1b" not in ok(run("ls"))
    assert "\x1b" not in run("show", "nothing").stderr

    def on_a_terminal(*arguments: str, **env: str) -> str:
        with Terminal(command(*arguments), environment(lake, **env), str(lake.folder)) as terminal:
            terminal.wait_for_exit()
            return terminal.raw

    assert "\x1b[1mname\x1b[0m" in on_a_terminal("ls")
    assert "\x1b[1;31mtarn:\x1b[0m no such dataset" in on_a_terminal("show", "nothing")
    assert "\x1b[2mNULL\x1b[0m" in on_a_terminal("sql", "SELECT NULL AS n")
    assert "\x1b" not in on_a_terminal("ls", NO_COLOR="1")


def test_touch_makes_overwritten_objects_visible(lake, run):
    """The catalogue has no ETag and no notice of the change, and the engine caches the object."""
    lake.add("t", "SELECT 1 AS n")
    lake.wait_for_rows("t", [[1]])
    lake.files.put_rows("data.parquet", "SELECT 2 AS n")
    assert lake.query.sql("FROM t").rows() == [[1]]
    assert ok(run("touch", "t")) == 'Reading the objects of "t" again, as version 2.\n'
    assert lake.query.sql("FROM t").rows() == [[2]], "the command waited for the refresh"
    assert json.loads(ok(run("touch", "t", "--json")))["version"] == 3
    refused(run("touch", "nothing"), "no such dataset")


def test_rm_and_restore(lake, run):
    lake.add("t", "SELECT 1 AS n", key="one.parquet")
    lake.add("t", "SELECT 2 AS n", key="two.parquet")
    assert "To restore it: `tarn restore t 2`." in ok(run("rm", "--yes", "t"))
    refused(run("rm", "--yes", "t"), "no such dataset")
    refused(run("rm", "t"), "--yes")
    history = ok(run("history", "t")).splitlines()
    assert [line.split()[0] for line in history[2:]] == ["3", "2", "1"]
    assert [line.split()[3] for line in history[2:]] == ["deleted", "written", "written"]
    assert "as version 4" in ok(run("restore", "t", "1"))
    lake.wait_for_rows("t", [[1]])
    assert len(ok(run("history", "t", "--limit", "1")).splitlines()) == 4
    refused(run("restore", "t", "99"), "99")
    refused(run("history", "nothing"), "nothing")


def test_history_and_restore_of_a_reused_name(lake, run):
    lake.add("t", "SELECT 1 AS n", key="one.parquet")
    first = lake.catalog.manifest("t").json()["dataset_id"]
    ok(run("rm", "--yes", "t"))
    lake.add("t", "SELECT 2 AS n", key="two.parquet")
    second = lake.catalog.manifest("t").json()["dataset_id"]
    lines = [line.split() for line in ok(run("history", "t")).splitlines()]
    assert lines[0][-1] == "dataset-id"
    assert [(line[0], line[-1]) for line in lines[2:]] == [
        ("1", second[:8]),
        ("2", first[:8]),
        ("1", first[:8]),
    ]
    refused(run("restore", "t", "1", "--dataset-id", "none"), "tarn history")
    assert "Restored version 1" in ok(run("restore", "t", "1", "--dataset-id", first[:8]))
    lake.wait_for_rows("t", [[1]])


# --- sql


def test_sql_formats(lake, run):
    text = "SELECT n, 'x' || n AS x FROM range(3) t(n)"
    assert ok(run("sql", text)) == "n,x\n0,x0\n1,x1\n2,x2\n"
    assert ok(run("sql", "-f", "table", text)).splitlines()[4] == "│      0 │ x0      │"
    assert json.loads(ok(run("sql", "-f", "json", text)))["row_count"] == 3
    assert [json.loads(line) for line in ok(run("sql", "-f", "ndjson", text)).splitlines()][:1] == [
        {"n": 0, "x": "x0"}
    ]
    done = run("sql", "-f", "arrow", text, text=False)
    assert pyarrow.ipc.open_stream(done.stdout).read_all()["n"].to_pylist() == [0, 1, 2]


def test_sql_from_stdin_into_a_file(lake, run):
    done = run("sql", "-o", "out.csv", input="SELECT n FROM range(200000) t(n)")
    assert ok(done) == ""
    rows = list(csv.reader(io.StringIO((lake.folder / "out.csv").read_text())))
    assert len(rows) == 200_001
    refused(run("sql", "-", input=" \n"), "the statement is empty")


def test_sql_parameters(run):
    assert ok(run("sql", "-p", "7", "-p", "a b", "SELECT ? + 1 AS n, ? AS x")) == "n,x\n8,a b\n"
    named = run("sql", "-p", "x=a=b", "-p", "n=[1,2]", "SELECT $x AS x, len($n::INT[]) AS n")
    assert ok(named) == "x,n\na=b,2\n"
    refused(run("sql", "-p", "1", "-p", "n=2", "SELECT 1"), "cannot mix NAME=VALUE and VALUE")
    refused(run("sql", "-p", "n=1", "-p", "n=2", "SELECT $n"), "n is given twice")
    for text in ("12345678901234567890123", "9007199254740993.5", "1.10", "007"):
        assert ok(run("sql", "-p", text, "SELECT ? AS x")) == f"x\n{text}\n", (
            "all digits are preserved"
        )


def test_sql_limits(run):
    done = run("sql", "--limit", "2", "SELECT n FROM range(9) t(n)")
    assert ok(done) == "n\n0\n1\n"
    assert done.stderr == "tarn: a limit cut the rows: use --limit for more\n"


def test_sql_errors(run):
    refused(run("sql", "SELEC 1"), "query: ", "syntax error")
    refused(run("sql", "COPY t TO 'x'"), "not allowed: COPY")
    refused(run("sql", "FROM nothing_there"), "nothing_there")
    assert run("sql", "--format", "xml", "SELECT 1").returncode == 2
    assert run("nonsense").returncode == 2


def test_error_within_the_stream_is_an_error(run):
    broken = "CASE WHEN n < 2900000 THEN n ELSE error('boom')::BIGINT END"
    text = f"SELECT {broken} FROM range(3000000) t(n)"
    done = run("sql", text)
    assert done.returncode == 1
    assert "read from" in done.stderr
    assert len(done.stdout) > 1_000_000


def test_output_file_keeps_its_content_after_an_error(lake, run):
    out = lake.folder / "out.csv"
    out.write_text("former")
    others = sorted(os.listdir(lake.folder))
    broken = "CASE WHEN n < 2900000 THEN n ELSE error('boom')::BIGINT END"
    done = run("sql", "-o", out, f"SELECT {broken} FROM range(3000000) t(n)")
    assert done.returncode == 1
    assert out.read_text() == "former"
    assert sorted(os.listdir(lake.folder)) == others
    ok(run("sql", "-o", out, "SELECT 1 AS n"))
    assert out.read_text() == "n\n1\n"
    assert ok(run("sql", "-o", "/dev/stdout", "SELECT 1 AS n")) == "n\n1\n"
    refused(run("sql", "-o", "/dev/full", "SELECT 1 AS n"), "cannot write /dev/full")


def test_output_to_dev_stdout_does_not_truncate_a_file(lake, run):
    """A group of commands in a shell, whose other commands write to the same file."""
    tarn = " ".join(command("sql", "-o", "/dev/stdout", "'SELECT 1 AS n'"))
    script = f"(echo first; {tarn}; echo last) >all.txt"
    subprocess.run(["sh", "-c", script], env=environment(lake), cwd=lake.folder, check=True)
    assert (lake.folder / "all.txt").read_text() == "first\nn\n1\nlast\n"


@pytest.mark.parametrize("words", [["ls"], ["ls", "--json"], ["status"], ["sql", "SELECT 1"]])
def test_output_that_cannot_be_written_is_an_error(lake, words):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command(*words),
            env=environment(lake),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "tarn: cannot write stdout: No space left on device\n"


def test_message_is_text_for_a_terminal(run):
    """Text from a server or a file cannot control the terminal."""
    done = run("sql", "SELECT error('\x1b[2J' || chr(27) || ']0;title' || chr(7) || ' end')")
    assert "\x1b" not in done.stderr and "\x07" not in done.stderr
    assert "\\x1b]0;title\\x07 end" in done.stderr


def test_ctrl_c_cancels_the_query(lake):
    endless = "SELECT sum(a.n * b.n % 7) FROM range(100000000) a(n), range(100000000) b(n)"
    process = subprocess.Popen(
        command("sql", endless),
        env=environment(lake),
        cwd=lake.folder,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        queries = wait_until(
            lambda: [
                query["id"]
                for query in lake.query.get("/queries").json()["queries"]
                if query["state"] == "running"
            ],
            "the query runs",
        )
        os.kill(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert stderr.startswith("tarn: ")
    wait_for_state(lake.query, "cancelled", *queries)


# --- addresses and tokens


def test_addresses_come_from_lakehouse_toml(lake):
    lake.set("queryd", bind=lake.query.address).write_config()
    done = subprocess.run(
        command("sql", "SELECT 1 AS n"),
        env=clean_environment(lake.folder),
        cwd=lake.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ok(done) == "n\n1\n"


def test_tarn_up_serves_the_catalogue_too(scratch, recorder):
    (scratch / "data").mkdir()
    (scratch / "data" / "small.parquet").write_bytes(parquet("SELECT 1 AS n"))
    argv = command("up", scratch / "data", "--bind", "127.0.0.1:0")
    with Daemon(argv, folder=scratch / "log", recorder=recorder) as daemon:
        daemon.wait_for(lambda: "Press Ctrl-C" in daemon.stdout, "the greeting", 60)
        url = daemon.stdout.partition(" at ")[2].split()[0]
        # A catalogd of another user may use the default port.
        (scratch / "lakehouse.toml").write_text(f'[catalogd]\nbind = "127.0.0.1:{free_port()}"\n')

        def run(*arguments: str) -> str:
            env = clean_environment(scratch, {"TARN_QUERYD_URL": url})
            done = subprocess.run(
                command(*arguments),
                env=env,
                cwd=scratch,
                capture_output=True,
                text=True,
                timeout=60,
            )
            return done.stdout + done.stderr

        assert "small" in run("ls")
        assert "n       INTEGER" in run("show", "small")
        assert f"catalogd  {url}\n  state     ready" in run("status")
        assert "no such dataset" in run("show", "large")
        assert "Connection refused" in run("ls", "--catalogd", f"http://127.0.0.1:{free_port()}")


def test_invalid_command_line(run):
    assert 'unknown command "putt"' in run("putt").stderr
    assert run("putt").returncode == 2
    assert run("ls", "--sideways").returncode == 2
    assert "put" in ok(run())


def test_daemon_that_is_not_running(run):
    url = f"http://127.0.0.1:{free_port()}"
    for arguments in (("sql", "--queryd", url, "SELECT 1"), ("ls", "--catalogd", url)):
        done = run(*arguments)
        refused(done, "connect to 127.0.0.1:", "start `tarn up`, or queryd and catalogd")
        assert done.stderr.count("start") == 1
    refused(run("ls", "--catalogd", "nonsense"), "is not a URL")


def test_tokens(new_lake):
    tokens = Tokens(new_lake)
    tokens.let_queryd_in()
    token = tokens.create("ann", "query", "catalog")
    lake = new_lake.start()
    run = Tool(lake)
    refused(run("sql", "SELECT 1"), "TARN_TOKEN")
    assert ok(run("sql", "SELECT 1 AS n", env={"TARN_TOKEN": token})) == "n\n1\n"
    path = lake.folder / "ann.token"
    path.write_text(token + "\n")
    path.chmod(0o600)
    assert ok(run("ls", "--token-path", path)) == "There are no datasets yet.\n"
    refused(run("ls", "--token-path", lake.folder / "none"), "none")


# --- status


def test_status(lake, run):
    lake.add("t", "SELECT 1 AS n")
    lake.wait_for_rows("t", [[1]])
    text = ok(run("status"))
    assert text.count("state     ready") == 2
    assert "follows the catalogue" in text
    assert "datasets  1" in text
    status = json.loads(ok(run("status", "--json")))
    assert status["queryd"]["catalog"]["datasets"] == 1
    assert status["catalogd"]["ready"] is True


def test_status_shows_problems(lake, run):
    lake.catalog.put_keys("lost", "no/such.parquet")
    wait_until(
        lambda: lake.query.get("/catalog/status").json()["failed"], "the problem is reported"
    )
    assert "failed    lost: " in run("status").stdout
    lake.catalogd.stop()
    done = run("status")
    refused(done, "catalogd: connect to")
    assert "queryd" in done.stdout
    assert "NOT READY" in done.stdout


def test_status_of_queries_and_engines_that_failed(lake, run):
    ok(run("sql", "SELECT 1"))
    for number in range(4):
        refused(run("sql", f"SELECT\n\t{number}, error('\x1b[2Jbad')"))
    text = run("status").stdout
    assert "\x1b" not in text
    errors = [line for line in text.splitlines() if line.startswith("  error     20")]
    assert "SELECT 3, error(" in errors[0]
    assert errors[0].endswith("Invalid Input Error: \\x1b[2Jbad")
    assert "SELECT 1, error(" in errors[2]
    assert len(errors) == 3
    os.kill(engine_pid(lake.queryd), signal.SIGKILL)
    lake.queryd.wait_for_line("engine ended")
    wait_until(lambda: ok(run("sql", "SELECT 1")), "another engine is ready")
    assert "started 2 times (1 crashed, 0 ran out of memory)" in run("status").stdout
