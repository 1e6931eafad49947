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


def test_wrong_tokens_are_logged_once_per_interval(new_lake):
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
        wait_until(lambda: counter in right.get("/metrics").text, "all failures were counted")

        def told() -> int:
            lines = new_lake.catalogd.lines("unknown token")
            # A line with a number counts for this many lines, including the first one.
            counts = [int(re.search(r"suppressed=(\d+)", line).group(1)) for line in lines]
            return sum(count or 1 for count in counts)

        wait_until(lambda: told() == 200, "all failures are in the log")
    lines = new_lake.catalogd.lines("unknown token")
    assert len(lines) <= 2 + (time.monotonic() - started)
    assert all("peer=127.0.0.1" in line for line in lines)


def left_out(lines: list[str], message: str) -> int:
    """The number of lines that were left out, as these lines report it."""
    numbers = [re.search(r" lines=(\d+)$", line) for line in lines if f"message={message} " in line]
    return sum(int(number.group(1)) for number in numbers if number)


def test_failed_queries_of_one_token_have_a_limited_number_of_lines(new_lake):
    new_lake.set("log", client_lines_per_second=5)
    tokens = Tokens(new_lake)
    noisy_token, quiet_token = tokens.create("noisy", "query"), tokens.create("quiet", "query")
    tokens.create("operator", "admin")
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9")
    new_lake.start_queryd()
    noisy, quiet = new_lake.query.with_token(noisy_token), new_lake.query.with_token(quiet_token)
    started = time.monotonic()
    failures = 300
    for _ in range(failures):
        assert noisy.sql(f"SELECT error('{'x' * 2000}')").status == 400
    # Failures of another token are not left out.
    assert quiet.sql("SELECT error('of the quiet one')").status == 400
    new_lake.queryd.wait_for_line("query failed", "of the quiet one")
    burst_s = time.monotonic() - started
    lines = new_lake.queryd.lines("query failed query_id")
    assert len(lines) <= 5 * (burst_s + 1) + 2
    assert all(len(line) < 1000 for line in lines)

    def lines_of_noisy(message: str) -> list[str]:
        return [line for line in new_lake.queryd.lines(message) if "user=noisy" in line]

    def told() -> int:
        written = lines_of_noisy("query failed query_id")
        reports = new_lake.queryd.lines("lines left out client=noisy")
        return len(written) + left_out(reports, '"query failed"')

    wait_until(lambda: told() == failures, lambda: f"all are in the log, not only {told()}")


def test_cached_queries_of_one_token_have_a_limited_number_of_lines(new_lake):
    """They are pipelined on one connection."""
    new_lake.set("log", client_lines_per_second=5)
    tokens = Tokens(new_lake)
    noisy_token, quiet_token = tokens.create("noisy", "query"), tokens.create("quiet", "query")
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9")
    new_lake.start_queryd()
    noisy, quiet = new_lake.query.with_token(noisy_token), new_lake.query.with_token(quiet_token)
    assert noisy.sql("SELECT 42").rows() == [[42]]
    body = b'{"sql":"SELECT 42"}'
    count = 3000
    started = time.monotonic()
    with noisy.connect() as connection:
        for number in range(count):
            connection.sendall(
                b"POST /sql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + f"Authorization: Bearer {noisy_token}\r\nX-Query-Id: {number:064}\r\n".encode()
                + f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            received = b""
            while number % 20 == 19 and received.count(b'"row_count":1}') < 20:
                received += connection.recv(1 << 16)
    assert quiet.sql("SELECT 43").rows() == [[43]]
    new_lake.queryd.wait_for_line("queryd: query query_id", "user=quiet")
    assert noisy.sql("SELECT error('of the noisy one')").status == 400
    new_lake.queryd.wait_for_line("query failed", "of the noisy one")
    burst_s = time.monotonic() - started

    def lines_of_noisy() -> list[str]:
        lines = new_lake.queryd.lines("queryd: query query_id")
        return [line for line in lines if "user=noisy" in line]

    assert len(lines_of_noisy()) <= 5 * (burst_s + 1) + 2

    def told() -> int:
        reports = new_lake.queryd.lines("lines left out client=noisy")
        return len(lines_of_noisy()) + left_out(reports, "query")

    wait_until(lambda: told() == count + 1, lambda: f"all are in the log, not only {told()}")


def test_changes_of_one_token_have_a_limited_number_of_lines(new_lake):
    new_lake.set("log", client_lines_per_second=5)
    tokens = Tokens(new_lake)
    noisy_token = tokens.create("noisy", "catalog")
    new_lake.start_catalogd()
    noisy = new_lake.catalog.with_token(noisy_token)
    started = time.monotonic()
    count = 200
    assert noisy.put("d", {"objects": [{"key": "a"}]}).status == 201
    for _ in range(count - 1):
        assert noisy.request("PUT", "/catalog/datasets/d?touch=true").status == 200
    burst_s = time.monotonic() - started
    assert len(new_lake.catalogd.lines("dataset changed query_id")) <= 5 * (burst_s + 1) + 2

    def told() -> int:
        lines = new_lake.catalogd.lines("dataset changed query_id")
        reports = new_lake.catalogd.lines("lines left out client=noisy")
        return len(lines) + left_out(reports, '"dataset changed"')

    wait_until(lambda: told() == count, lambda: f"all are in the log, not only {told()}")


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
