"""tarn put, if it is stopped or if others write at the same time, keeps the former content."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest
from harness.store import BUCKET, parquet
from harness.tool import Tool, command, environment, ok, refused
from harness.waiting import wait_until

CSV = "id,name\n1,one\n2,two\n"
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def run(lake) -> Tool:
    lake.write_config()
    return Tool(lake)


@pytest.fixture
def temporary(lake) -> Path:
    """The folder of the tool's temporary files."""
    folder = lake.folder / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture
def served(lake) -> Path:
    """A folder that `tarn up` could serve."""
    folder = lake.folder / "served"
    folder.mkdir()
    return folder


@contextlib.contextmanager
def started(lake, temporary: Path, *arguments) -> Iterator[subprocess.Popen]:
    """`tarn put - …`, which waits for its stdin."""
    argv = command("put", *arguments)
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    env = environment(lake, TMPDIR=str(temporary))
    with subprocess.Popen(argv, env=env, cwd=lake.folder, text=True, **pipes) as tool:
        try:
            wait_until(lambda: list(temporary.iterdir()), "tarn put has read the former content")
            yield tool
        finally:
            tool.kill()


def finish(tool: subprocess.Popen, text: str) -> subprocess.CompletedProcess[str]:
    stdout, stderr = tool.communicate(text, timeout=60)
    return subprocess.CompletedProcess(tool.args, tool.returncode, stdout, stderr)


def ids(folder: Path) -> list[int]:
    return sorted(pyarrow.parquet.read_table(folder)["id"].to_pylist())


# --- stopped


@pytest.mark.parametrize("sent", SIGNALS)
def test_stop_while_waiting_for_stdin(lake, run, temporary, sent):
    with started(lake, temporary, "-", "--as", "t") as tool:
        tool.send_signal(sent)
        assert tool.wait(20) == 130
        assert tool.stderr.read() == "tarn: stopped; nothing was changed\n"
    assert list(temporary.iterdir()) == []
    assert lake.catalog.get("/catalog/datasets/t").status == 404


@pytest.mark.parametrize("sent", SIGNALS)
def test_stop_while_a_file_is_scanned(lake, run, temporary, served, sent):
    """DuckDB does not interrupt this, and it would take longer than the test waits."""
    path = lake.folder / "large.ndjson"
    line = json.dumps({f"column{n}": "some text that takes its time" for n in range(20)}) + "\n"
    with path.open("w") as file:
        for _ in range(300):
            file.write(line * 1000)
    argv = command("put", path, "--as", "t", "--into", served)
    env = environment(lake, TMPDIR=str(temporary))
    with subprocess.Popen(argv, env=env, stderr=subprocess.PIPE, text=True) as tool:
        wait_until(lambda: list(temporary.iterdir()), "the scan has started")
        tool.send_signal(sent)
        assert tool.wait(20) == 130
        assert tool.stderr.read() == "tarn: stopped; nothing was changed\n"
    assert list(temporary.iterdir()) == []
    assert list(served.iterdir()) == []


def test_second_signal_ends_the_program_at_once(lake, run, temporary, make_proxy):
    """The objects that were sent are deleted, which takes time if the store does not respond."""
    path = lake.folder / "a.csv"
    path.write_text(CSV)
    proxy = make_proxy(lake.settings["s3"]["endpoint"].removeprefix("http://"))
    lake.set("s3", endpoint=proxy.url)
    proxy.stall()
    argv = command("put", "--config", lake.write_config(), path, "--as", "t")
    with subprocess.Popen(argv, env=environment(lake), stderr=subprocess.PIPE, text=True) as tool:
        wait_until(lambda: proxy.held() > 0, "tarn put waits for the store")
        os.kill(tool.pid, signal.SIGINT)
        os.kill(tool.pid, signal.SIGINT)
        assert tool.wait(20) == 130


# --- concurrent changes


def test_dataset_created_by_another_process_in_a_folder(lake, run, temporary, served):
    path = lake.folder / "a.csv"
    path.write_text(CSV)
    with started(lake, temporary, "-", "--as", "t", "--into", served) as tool:
        ok(run("put", path, "--as", "t", "--into", served))
        refused(finish(tool, "id,name\n9,nine\n"), 'there is a dataset "t"')
    assert ids(served / "t") == [1, 2]
    assert os.listdir(served) == ["t"]


def test_dataset_replaced_by_another_process_in_a_folder(lake, run, temporary, served):
    path = lake.folder / "a.csv"
    path.write_text(CSV)
    ok(run("put", path, "--as", "t", "--into", served))
    with started(lake, temporary, "-", "--as", "t", "--append", "--into", served) as tool:
        path.write_text("id\n7\n")
        ok(run("put", path, "--as", "t", "--replace", "--into", served))
        refused(finish(tool, "id,name\n9,nine\n"), 'another process changed "t"')
    assert ids(served / "t") == [7]


def test_rows_added_by_another_process_in_a_folder(lake, run, temporary, served):
    path = lake.folder / "a.csv"
    path.write_text(CSV)
    ok(run("put", path, "--as", "t", "--into", served))
    with started(lake, temporary, "-", "--as", "t", "--append", "--into", served) as tool:
        path.write_text("id,name\n7,seven\n")
        ok(run("put", path, "--as", "t", "--append", "--into", served))
        ok(finish(tool, "id,name\n9,nine\n"))
    assert ids(served / "t") == [1, 2, 7, 9]


def test_replace_is_atomic(lake, run, temporary, served):
    """Readers see the former rows or the new ones, never both."""
    (served / "t.parquet").write_bytes(parquet("SELECT 1 AS id"))
    with started(lake, temporary, "-", "--as", "t", "--replace", "--into", served) as tool:
        assert ids(served / "t.parquet") == [1]
        ok(finish(tool, "id\n2\n"))
    assert os.listdir(served) == ["t"]
    assert ids(served / "t") == [2]


def test_folder_with_other_files_is_not_changed(lake, run, served):
    """tarn put also refuses --replace, which would delete these files."""
    path = lake.folder / "a.csv"
    path.write_text(CSV)
    (served / "docs" / "sub").mkdir(parents=True)
    thesis = served / "docs" / "sub" / "thesis.txt"
    thesis.write_text("years of work")
    for options in ([], ["--replace"]):
        refused(run("put", path, "--as", "docs", "--into", served, *options), "thesis.txt")
    ok(run("put", path, "--as", "docs", "--into", served, "--append"))
    assert thesis.exists()
    refused(run("put", path, "--as", "docs", "--into", served, "--replace"), "thesis.txt")
    assert thesis.exists()
    refused(run("put", path, "--as", "docs", "--into", served), "--append adds to it")


def test_folder_that_has_the_name_of_a_file(lake, run, served):
    path = lake.folder / "a.csv"
    path.write_text(CSV)
    ok(run("put", path, "--as", "t.parquet", "--into", served))
    ok(run("put", path, "--as", "t", "--into", served))
    ok(run("put", path, "--as", "t", "--into", served, "--replace"))
    assert sorted(os.listdir(served)) == ["t", "t.parquet"]
    for name in (".", ".."):
        refused(run("put", path, "--as", name), "are not names of datasets")


def test_two_concurrent_replaces_in_a_bucket(lake, run, temporary):
    into = f"s3://{BUCKET}/{lake.files.prefix}"
    path = lake.folder / "a.csv"
    path.write_text(CSV)
    with started(lake, temporary, "-", "--as", "t", "--replace", "--into", into) as tool:
        # The other has listed the objects before this object is added.
        wait_until(lambda: len(list(temporary.glob("*/stdin"))) == 1, "tarn put waits for its rows")
        ok(run("put", path, "--as", "t", "--replace", "--into", into))
        refused(finish(tool, "id\n9\n"), "the rows of both are there: repeat the command")
    ok(run("put", path, "--as", "t", "--replace", "--into", into))
    assert len(lake.files.keys()) == 1


# --- changes that queries cannot see


def test_name_that_differs_only_in_case(lake, run, served):
    path = lake.folder / "a.csv"
    path.write_text(CSV)
    for name in ("Sales", "other"):
        ok(run("put", path, "--as", name, "--into", served))
    said = 'there is a dataset "Sales", and SQL ignores case: choose another name'
    refused(run("put", path, "--as", "sales", "--replace", "--into", served), said)
    (served / "file.PARQUET").write_bytes(parquet("SELECT 1 AS id"))
    refused(run("put", path, "--as", "file", "--into", served), 'there is a dataset "file"')
    ok(run("put", path, "--as", "Sales"))
    refused(run("put", path, "--as", "SALES"), '"SALES"', "choose another name")


def test_store_that_differs_from_that_of_queryd(lake, run):
    """queryd has another lakehouse.toml."""
    path = lake.folder / "a.csv"
    path.write_text(CSV)
    (lake.folder / "elsewhere").mkdir()
    lake.set("s3", endpoint=f"file://{lake.folder}/elsewhere").write_config()
    done = run("put", path, "--as", "t")
    refused(done, "the catalogue has the change, but queries cannot see")
    assert done.stdout.startswith('"t": 2 rows')


def test_unreachable_queryd(lake, run):
    path = lake.folder / "a.csv"
    path.write_text(CSV)
    lake.queryd.stop()
    done = run("put", path, "--as", "t")
    assert ok(done).startswith('"t": 2 rows')
    assert "it is unknown whether queries see it: connect to" in done.stderr
    assert lake.catalog.get("/catalog/datasets/t").status == 200
