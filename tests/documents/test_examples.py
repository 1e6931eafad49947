"""Runs the examples of docs/http-api.md, docs/cli.md and docs/security.md on a prepared lake."""

import gzip
import os
import re
import subprocess
import sys

import pytest
from harness import programs
from harness.documents import document, examples
from harness.lake import Lake
from harness.processes import clean_environment, die_with_parent
from harness.tokens import Tokens

# "$ COMMAND" and its output, in one block.
TRANSCRIPT = re.compile(r"^```\n\$ (?P<code>.*)\n(?P<said>(?:.*\n)*?)```\n", re.MULTILINE)


def shell(lake: Lake, code: str, token: str = "") -> str:
    extra = {
        "PATH": f"{programs.program('tarn').parent}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
    }
    if token:
        extra["TOKEN"] = token
    done = subprocess.run(
        [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            code.replace("https://example.org/", f"file://{lake.folder}/"),
        ],
        capture_output=True,
        text=True,
        cwd=lake.folder,
        env=clean_environment(lake.folder, extra),
        check=False,
        timeout=120,
        preexec_fn=die_with_parent,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
    return done.stdout


def here(lake: Lake, code: str) -> str:
    """Replaces the addresses of the document by those of the daemons."""
    code = code.replace("127.0.0.1:3214", lake.query.address)
    return code.replace("127.0.0.1:3212", lake.catalog.address)


def ask(lake: Lake, code: str) -> str:
    code = here(lake, code)
    urls = f"TARN_QUERYD_URL=http://{lake.query.address} TARN_CATALOGD_URL=http://{lake.catalog.address}"
    return shell(lake, f"export {urls}\n{code}")


@pytest.fixture
def airports(lake: Lake) -> Lake:
    lake.add("airports", "SELECT 'Oslo' AS city")
    lake.wait_for_rows("airports", [["Oslo"]])
    return lake


def test_http_api(airports: Lake):
    text = document("docs/http-api.md").read_text()
    transcripts = list(TRANSCRIPT.finditer(text))
    assert len(transcripts) > 3
    for transcript in transcripts:
        assert ask(airports, transcript["code"]).rstrip("\n") == transcript["said"].rstrip("\n")
    for example in examples("docs/http-api.md"):
        if example.language == "sh" and "$TOKEN" not in example.code:
            ask(airports, example.code)
        elif example.language == "python":
            python(airports, example.code + "assert table.to_pylist() == [{'city': 'Oslo'}]\n")
    assert (airports.folder / "catalog-backup.sqlite").stat().st_size > 0


def python(lake: Lake, code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", here(lake, code)],
        capture_output=True,
        text=True,
        env=clean_environment(lake.folder, {}),
        check=False,
        timeout=120,
        preexec_fn=die_with_parent,
    )
    assert done.returncode == 0, f"{code}\n{done.stderr}"


def test_http_api_with_a_token(new_lake: Lake):
    tokens = Tokens(new_lake)
    tokens.let_queryd_in()
    token = tokens.create("alice")
    catalog = tokens.create("etl", "catalog")
    new_lake.start()
    new_lake.catalog.token = catalog
    new_lake.query.token = token
    new_lake.add("airports", "SELECT 'Oslo' AS city")
    new_lake.wait_for_rows("airports", [["Oslo"]])
    (example,) = (e for e in examples("docs/http-api.md") if "$TOKEN" in e.code)
    assert '"rows":[["Oslo"]]' in shell(new_lake, here(new_lake, example.code), token)


def test_tool(lake: Lake):
    rows = "origin,day,delay_min\nATL,2026-03-01,7\nOSL,2025-12-31,0\n"
    (lake.folder / "flights.csv").write_text(rows)
    for month in ("01", "02"):
        packed = gzip.compress(rows.replace("ATL", f"X{month}").encode())
        (lake.folder / f"2026-{month}.csv.gz").write_bytes(packed)
    (lake.folder / "events.ndjson").write_text('{"at":"2026-03-01T10:00:00Z","kind":"click"}\n')
    (lake.folder / "report.sql").write_text("SELECT count(*) FROM flights;\n")
    lake.write_config()
    said = {example.code: ask(lake, example.code) for example in examples("docs/cli.md")}
    (queried,) = (text for code, text in said.items() if "report.sql" in code)
    assert queried.endswith("count_star()\n6\n")
    exported = (lake.folder / "since-january.csv").read_text()
    assert exported.count("\n") == 4, "the head, and three of 2026"
    assert (lake.folder / "flights.csv").read_text() == rows, "what was read is as it was"
    assert (lake.folder / "flights.arrow").stat().st_size > 0
    assert list((lake.folder / "lake" / "flights").glob("*.parquet"))
    assert lake.query.sql("SELECT kind FROM events").json()["rows"] == [["click"]]


def test_security(new_lake: Lake):
    new_lake.set("auth", tokens_path=str(new_lake.folder / "tokens.toml"))
    new_lake.write_config()
    said = ""
    for example in examples("docs/security.md"):
        if example.language == "sh":
            said += shell(new_lake, example.code)
    assert "customer-7" in said
    left = (new_lake.folder / "tokens.toml").read_text()
    assert "prometheus" in left
    token = new_lake.folder / "prometheus.token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.read_text().startswith("tarn_")
    assert "alice" not in left
