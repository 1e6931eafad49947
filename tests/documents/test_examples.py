"""The examples of docs/http-api.md, docs/cli.md and docs/security.md, on a lake that fits."""

import gzip
import os
import re
import subprocess

import pytest
from harness import programs
from harness.documents import document, examples
from harness.lake import Lake
from harness.processes import clean_environment, die_with_parent

# "$ COMMAND" and what it answers, as one block.
TRANSCRIPT = re.compile(r"^```\n\$ (?P<code>.*)\n(?P<said>(?:.*\n)*?)```\n", re.MULTILINE)


def shell(lake: Lake, code: str) -> str:
    extra = {
        "PATH": f"{programs.program('tarn').parent}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "TOKEN": "none",
    }
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


def ask(lake: Lake, code: str) -> str:
    """With the daemons where the document has them."""
    code = code.replace("127.0.0.1:3214", lake.query.address)
    code = code.replace("127.0.0.1:3212", lake.catalog.address)
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
        if example.language == "sh":
            ask(airports, example.code)
    assert (airports.folder / "catalog-backup.sqlite").stat().st_size > 0


def test_tool(lake: Lake):
    rows = "origin,day,delay_min\nATL,2026-03-01,7\nOSL,2025-12-31,0\n"
    (lake.folder / "flights.csv").write_text(rows)
    for month in ("01", "02"):
        packed = gzip.compress(rows.replace("ATL", f"X{month}").encode())
        (lake.folder / f"2026-{month}.csv.gz").write_bytes(packed)
    (lake.folder / "events.ndjson").write_text('{"at":"2026-03-01T10:00:00Z","kind":"click"}\n')
    (lake.folder / "report.sql").write_text("SELECT count(*) FROM flights;\n")
    lake.write_config()
    for example in examples("docs/cli.md"):
        said = ask(lake, example.code)
    assert said.endswith("count_star()\n6\n")
    assert (lake.folder / "flights.csv").read_text().count("\n") == 4, "the head, and three of 2026"
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
    assert "alice" not in left
