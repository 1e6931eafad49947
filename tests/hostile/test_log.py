"""What clients cannot do to the log and to a terminal: forge it, control it."""


import pytest
from harness.terminal import Terminal
from harness.tool import Tool, command, environment, ok


# NEL, CSI, DEL, a right-to-left override, a line separator, an isolate.
CONTROLS = "\u0085\u009b\x7f\u202e\u2028\u2066"


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_shows_control_characters_as_escapes(new_lake, form):
    new_lake.set("log", format=form, level="debug").set("queryd", catalogd_url="http://127.0.0.1:9")
    new_lake.start_queryd()
    new_lake.query.sql(f'SELECT * FROM "a{CONTROLS}z"', {"X-Query-Id": "odd"})
    line = new_lake.queryd.wait_for_line("query failed", "odd")
    assert "\\u202e" in line
    assert not set(CONTROLS) & set(new_lake.queryd.log)


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
    # A pipe gets the data as they are.
    assert "a\u009b\u202ez" in ok(run("sql", "--format", "csv", text))
    lake.catalog.delete("odd\u202ename")
