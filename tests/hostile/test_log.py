"""Clients cannot flood, forge or control the log and a terminal."""

import contextlib
import re
import sys
import time
import unicodedata

import pytest
from harness.terminal import Terminal
from harness.tokens import Tokens
from harness.tool import Tool, command, environment, ok
from harness.waiting import wait_until


def test_wrong_tokens_have_a_line_for_each_interval(new_lake):
    new_lake.settings["http"] = {"peer_log_interval": "1s"}
    tokens = Tokens(new_lake)
    admin = tokens.create("operator", "admin")
    new_lake.start_catalogd()
    wrong = new_lake.catalog.with_token("tarn_000000000000_" + "0" * 43)
    started = time.monotonic()
    # All at once: the responses are delayed, and all but four are refused.
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            connection = stack.enter_context(wrong.connect())
            connection.sendall(
                b"GET /catalog/list HTTP/1.1\r\nHost: localhost\r\n"
                b"Authorization: Bearer " + wrong.token.encode() + b"\r\n\r\n"
            )
        right = new_lake.catalog.with_token(admin)
        counter = 'tarn_auth_failures_total{reason="unknown token"} 200'
        wait_until(lambda: counter in right.get("/metrics").text, "all were counted")

        def told() -> int:
            lines = new_lake.catalogd.lines("unknown token")
            # A line with a number counts for this many lines, including the first one.
            counts = [int(re.search(r"suppressed=(\d+)", line).group(1)) for line in lines]
            return sum(count or 1 for count in counts)

        wait_until(lambda: told() == 200, "all are in the log")
    lines = new_lake.catalogd.lines("unknown token")
    assert len(lines) <= 2 + (time.monotonic() - started)
    assert all("peer=127.0.0.1" in line for line in lines)


def test_failed_queries_of_one_token_have_a_limited_number_of_lines(new_lake):
    new_lake.set("log", client_lines_per_second=5)
    tokens = Tokens(new_lake)
    admin = tokens.create("operator", "admin")
    noisy_token, quiet_token = tokens.create("noisy", "query"), tokens.create("quiet", "query")
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9")
    new_lake.start_queryd()
    noisy, quiet = new_lake.query.with_token(noisy_token), new_lake.query.with_token(quiet_token)
    started = time.monotonic()
    failures = 300
    for _ in range(failures):
        assert noisy.sql(f"SELECT error('{'x' * 2000}')").status == 400
    # Failures of another token are not suppressed.
    assert quiet.sql("SELECT error('of the quiet one')").status == 400
    new_lake.queryd.wait_for_line("query failed", "of the quiet one")
    burst_s = time.monotonic() - started

    def counted(lines: list[str]) -> int:
        numbers = [re.search(r" suppressed=(\d+)", line) for line in lines]
        return len(lines) + sum(int(number.group(1)) for number in numbers if number)

    lines = new_lake.queryd.lines("query failed query_id")
    assert len(lines) <= 5 * (burst_s + 1) + 2
    assert all(len(line) < 1000 for line in lines)
    # A later line has the number of the suppressed ones, so that the sum is complete.
    wait_until(
        lambda: (
            noisy.sql("SELECT error('later')").status == 400
            and any(" suppressed=" in line for line in new_lake.queryd.lines("later"))
        ),
        "the next line has the number of the suppressed ones",
    )
    asked = new_lake.query.with_token(admin).get("/metrics").text
    failed = int(re.search(r'tarn_queries_total\{result="error"\} (\d+)', asked).group(1))
    # Lines after the last number may be suppressed too.
    assert failed - 20 <= counted(new_lake.queryd.lines("query failed query_id")) <= failed


# NEL, CSI, DEL, a right-to-left override, a line separator, an isolate.
CONTROLS = "\u0085\u009b\x7f\u202e\u2028\u2066"


HIDDEN = [
    character
    for character in map(chr, range(1, sys.maxunicode + 1))
    if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Zs")
    or unicodedata.name(character, "").startswith("VARIATION SELECTOR")
    or character in "\u2800\ue000\U000f0000\u180b\u3164"
]


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_shows_control_characters_as_escapes(new_lake, form):
    new_lake.set("log", format=form, level="debug").set("queryd", catalogd_url="http://127.0.0.1:9")
    new_lake.start_queryd()
    new_lake.query.sql(f'SELECT * FROM "a{CONTROLS}z"', {"X-Query-Id": "odd"})
    line = new_lake.queryd.wait_for_line("query failed", "odd")
    assert "\\u202e" in line
    assert not set(CONTROLS) & set(new_lake.queryd.log)


def test_log_shows_every_character_that_is_not_visible_as_an_escape(new_lake):
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9").start_queryd()
    hidden = [character for character in HIDDEN if character not in "\n "]
    assert len(hidden) > 400, "variation selectors are among them"
    for start in range(0, len(hidden), 40):
        text = "".join(hidden[start : start + 40])
        new_lake.query.sql(f'SELECT * FROM "a{text}z"', {"X-Query-Id": f"hidden-{start}"})
        line = new_lake.queryd.wait_for_line("query failed", f"hidden-{start}")
        assert not set(hidden) & set(line)
        assert len(re.findall(r"\\u[0-9a-f]{4}|\\[tbfr]", line)) >= len(hidden[start : start + 40])


def test_tool_shows_control_characters_as_escapes(shared_lake):
    lake = shared_lake
    lake.catalog.put_keys("odd\u202ename", lake.files.put_rows("odd.parquet", "SELECT 1 AS n"))
    run = Tool(lake)
    for arguments in (["ls"], ["ls", "--json"], ["show", "odd\u202ename"]):
        shown = ok(run(*arguments))
        assert "\\u202e" in shown
        assert "\u202e" not in shown
    text = "SELECT 'a' || chr(155) || chr(8238) || 'z' AS odd"
    for form in ("csv", "ndjson", "table"):
        argv = command("sql", "--format", form, text)
        with Terminal(argv, environment(lake), str(lake.folder)) as terminal:
            assert terminal.wait_for_exit() == 0
        assert "a\\x9b\\u202ez" in terminal.text, form
    # A pipe gets the data unchanged.
    assert "a\u009b\u202ez" in ok(run("sql", "--format", "csv", text))
    lake.catalog.delete("odd\u202ename")
