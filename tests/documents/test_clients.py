"""Runs the examples of docs/clients.md unchanged, on the sample data of `tarn up`."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import programs
from harness.client import Client
from harness.documents import Example, examples
from harness.processes import Daemon, clean_environment, die_with_parent
from harness.waiting import wait_until

DOCUMENT = "docs/clients.md"
ADDRESS = "127.0.0.1:3214"
# Replaces the duckdb program by the Python package, which has the same engine.
DUCKDB = """#!{python}
import csv, sys, duckdb
assert sys.argv[1:3] == ["-csv", "-c"], sys.argv
result = duckdb.execute(sys.argv[3])
rows = csv.writer(sys.stdout, lineterminator="\\n")
rows.writerow(column[0] for column in result.description)
lower = {{True: "true", False: "false"}}
rows.writerows([lower.get(value, value) for value in row] for row in result.fetchall())
"""
# One statement per line. Prints the rows of the last one.
DUCKDB_SQL = """import sys, duckdb
for row in duckdb.execute(sys.stdin.read()).fetchall():
    print(*row, sep=",")
"""


@pytest.fixture(scope="module")
def address(session_folder: Path, recorder) -> Iterator[str]:
    home = session_folder / "clients"
    argv = [programs.program("tarn"), "up", "--bind", "127.0.0.1:0"]
    with Daemon(argv, folder=home, recorder=recorder) as daemon:
        url = re.compile(r"http://(127\.0\.0\.1:\d+)")
        # tarn up creates the sample data first.
        told = daemon.wait_for(lambda: url.search(daemon.stdout), "the URL on stdout", 60)
        client = Client(told.group(1), recorder)
        names = ("airports", "carriers", "flights", "weather")
        asked = " UNION ALL ".join(f"SELECT count(*) FROM {name}" for name in names)
        wait_until(lambda: client.sql(asked).status == 200, "the sample data", 60)
        yield client.address


def interpreter(language: str, tools: Path) -> list[str | Path]:
    """Returns the interpreter of a language."""
    if language == "sh":
        return ["bash", "-euo", "pipefail", "-s"]
    if language == "python":
        return [sys.executable, "-"]
    if language == "sql":
        return [sys.executable, "-c", DUCKDB_SQL]
    program = {"js": "node", "r": "Rscript"}[language]
    path = shutil.which(program, path=f"{os.environ['PATH']}:{tools}")
    assert path is not None, f"there is no {program} here: ./x setup installs it"
    return [path, "--input-type=module", "-"] if language == "js" else [path, "-"]


@pytest.mark.parametrize("example", examples(DOCUMENT), ids=str)
def test_example(example: Example, address: str, scratch: Path):
    tools = scratch / "bin"
    tools.mkdir()
    (tools / "duckdb").write_text(DUCKDB.format(python=sys.executable))
    (tools / "duckdb").chmod(0o755)
    command = interpreter(example.language, Path(sys.executable).parent)
    assert example.language != "sql" or ADDRESS in example.code
    code = example.code.replace(ADDRESS, address)
    if example.language == "sql":
        # The extension is already installed, because tests have no network.
        here = f"LOAD '{programs.extension('httpfs')}';"
        assert "INSTALL httpfs;\nLOAD httpfs;" in code
        code = code.replace("INSTALL httpfs;\nLOAD httpfs;", here)
    env = clean_environment(scratch, {"PATH": f"{tools}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"})
    done = subprocess.run(
        command,
        input=code,
        capture_output=True,
        text=True,
        cwd=scratch,
        env=env,
        check=False,
        timeout=120,
        preexec_fn=die_with_parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert example.said is not None, f"what it says is not in the document: {done.stdout}"
    assert done.stdout == example.said


def test_document_has_each_language():
    languages = [example.language for example in examples(DOCUMENT)]
    assert {"sh", "python", "js", "r", "sql"} == set(languages)
    assert len(languages) > 12
