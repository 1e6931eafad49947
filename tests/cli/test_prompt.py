"""The prompt of tarn sql, in a pseudo-terminal."""

import stat
from collections.abc import Iterator

import pytest
from harness.terminal import Terminal
from harness.tool import command, environment
from harness.waiting import wait_until

PROMPT = "tarn> "
ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7;"


def rows(shown: str) -> list[list[str]]:
    """Returns the cells of all boxes, including their headers."""
    lines = [line for line in shown.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def start(lake, *arguments: str, **options) -> Terminal:
    env = environment(lake, **({"PAGER": "cat"} | options.pop("env", {})))
    return Terminal(command("sql", *arguments), env, str(lake.folder), **options)


@pytest.fixture
def prompt(lake) -> Iterator[Terminal]:
    lake.add("flights", "SELECT 'ATL' AS origin, range AS distance FROM range(3)")
    lake.wait_for_rows("flights", [["ATL", i] for i in range(3)])
    with start(lake) as terminal:
        terminal.wait_for(PROMPT)
        yield terminal


def test_statements_on_several_lines_and_several_statements_on_a_line(prompt):
    assert rows(prompt.run("SELECT 1 AS hello;")) == [["hello"], ["INTEGER"], ["1"]]
    prompt.type("SELECT sum(distance) AS s\r")
    prompt.wait_for("..> ")
    prompt.type("FROM flights; SELECT 'a;b' AS t;\r")
    shown = prompt.wait_for(PROMPT)
    assert rows(shown) == [["s"], ["HUGEINT"], ["3"], ["t"], ["VARCHAR"], ["a;b"]]
    assert shown.count("(1 row, ") == 2


def test_prompt_continues_after_an_error(prompt):
    shown = prompt.run("SELECT nothing; SELECT 'not run';")
    assert 'column "nothing"' in shown
    assert "(1 row" not in shown
    assert "42" in prompt.run("SELECT 42;")


def test_ctrl_c_clears_the_input(prompt):
    prompt.type("SELECT 'never\r")
    prompt.wait_for("..> ")
    prompt.type("ends\x03")
    prompt.wait_for(PROMPT)
    assert "42" in prompt.run("SELECT 42;")


def test_ctrl_c_cancels_the_query_but_does_not_end_the_prompt(lake, prompt):
    def state() -> str:
        """Ignores the query that reads the names."""
        queries = lake.query.get("/queries").json()["queries"]
        return next((query["state"] for query in queries if query["sql"] in ENDLESS), "")

    prompt.type(ENDLESS + "\r")
    wait_until(lambda: state() == "running", "the query runs")
    prompt.type("\x03")
    assert "Cancelled." in prompt.wait_for(PROMPT)
    wait_until(lambda: state() == "cancelled", "the query has ended")
    assert "42" in prompt.run("SELECT 42;")


def test_long_query_shows_its_progress(lake, prompt):
    prompt.type(ENDLESS + "\r")
    prompt.wait_for("running")
    prompt.type("\x03")
    prompt.wait_for("Cancelled.")


def test_ctrl_d_ends_the_prompt(prompt):
    prompt.type("\x04")
    assert prompt.wait_for_exit() == 0


def _completes(prompt: Terminal, typed: str, rest: str) -> bool:
    prompt.type(typed)
    prompt.wait_for(typed)
    prompt.type("\t")
    if prompt.shows_soon(rest):
        return True
    prompt.type("\x15")  # Clears the line.
    return False


def test_tab_completes_names(prompt):
    # The names are read in the background.
    wait_until(lambda: _completes(prompt, "SELECT max(dist", "ance "), "the names can be completed")
    prompt.type("\x7f) FROM fli\t;\r")
    shown = prompt.wait_for("(1 row")
    assert "FROM flights" in shown
    assert "2" in shown
    prompt.wait_for(PROMPT)
    prompt.type("SEL\t1;\r")
    assert "(1 row" in prompt.wait_for("(1 row")


def test_commands(prompt):
    assert "flights" in prompt.run(".tables")
    shown = prompt.run(".schema flights")
    assert "origin" in shown
    assert "BIGINT" in shown
    prompt.run(".format csv")
    assert "origin,distance\nATL,0\n" in prompt.run("FROM flights LIMIT 1;")
    prompt.run(".format table")
    prompt.run(".limit 2")
    assert "(2 rows and more" in prompt.run("FROM flights;")
    prompt.run(".timing off")
    assert "rows" not in prompt.run("FROM flights;")
    assert "unknown command .nonsense" in prompt.run(".nonsense")
    assert ".pager on|off" in prompt.run(".help")
    prompt.type(".quit\r")
    assert prompt.wait_for_exit() == 0


def test_history_is_saved_and_private(lake, prompt):
    prompt.run("SELECT 'remember me';")
    prompt.type(".quit\r")
    assert prompt.wait_for_exit() == 0
    path = lake.folder / ".local/state/tarn/history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with start(lake) as again:
        again.wait_for(PROMPT)
        again.type("\x1b[A\x1b[A\r")
        assert "remember me" in again.wait_for("(1 row")


def test_history_keeps_the_lines_of_a_statement(lake, prompt):
    """The next line is not part of a comment at the end of a line."""
    prompt.type("SELECT 1 AS n, -- the first\r")
    prompt.wait_for("..> ")
    prompt.run("'two lines' AS x;")
    for _ in range(2):
        # Reads the history from memory, and then from the file.
        prompt.type("\x1b[A")
        prompt.wait_for("AS x;")
        prompt.type("\r")
        assert rows(prompt.wait_for("(1 row")) == [
            ["n", "x"],
            ["INTEGER", "VARCHAR"],
            ["1", "two lines"],
        ]
    prompt.type(".quit\r")
    assert prompt.wait_for_exit() == 0
    with start(lake) as again:
        again.wait_for(PROMPT)
        again.type("\x1b[A\x1b[A")
        again.wait_for("AS x;")
        again.type("\r")
        assert "(1 row" in again.wait_for("(1 row")


def test_concurrent_prompts_share_one_history(lake, prompt):
    with start(lake) as other:
        other.wait_for(PROMPT)
        other.run("SELECT 'of the other';")
        prompt.run("SELECT 'of the first';")
        other.type(".quit\r")
        assert other.wait_for_exit() == 0
    prompt.type(".quit\r")
    assert prompt.wait_for_exit() == 0
    history = (lake.folder / ".local/state/tarn/history").read_text()
    assert history.count("_HiStOrY_V2_") == 1
    assert history.index("of\\040the\\040other") < history.index("of\\040the\\040first")


def test_comment_after_a_statement_does_not_start_another(prompt):
    assert "42" in prompt.run("SELECT 42; -- done")
    assert "flights" in prompt.run(".tables;")


def test_tabs_in_pasted_text_become_spaces(prompt):
    prompt.type("SELECT\t1\tAS\tdistan,\t2 AS\tbeside;\r")
    assert rows(prompt.wait_for("(1 row"))[0] == ["distan", "beside"]


def test_tab_completes_names_with_the_necessary_quotes(lake):
    lake.add("two words", 'SELECT 1 AS "group", 2 AS name')
    lake.wait_for_rows("two words", [[1, 2]])
    with start(lake) as terminal:
        terminal.wait_for(PROMPT)
        wait_until(
            lambda: _completes(terminal, "SELECT grou", '"group" '), "the names can be completed"
        )
        assert _completes(terminal, ", nam", "e "), "a keyword needs no quotes"
        assert _completes(terminal, " FROM tw", '"two words" ')
        terminal.type(";\r")
        assert rows(terminal.wait_for("(1 row"))[0] == ["group", "name"]


def test_long_results_are_paged(lake):
    seen = lake.folder / "paged"
    with start(lake, env={"PAGER": f"cat > {seen}"}, lines=20) as terminal:
        terminal.wait_for(PROMPT)
        terminal.run("FROM range(5);")
        assert not seen.exists()
        terminal.run("FROM range(100);")
        assert seen.read_text().count("\n") == 105
    with start(lake, env={"PAGER": "/no/such/pager"}, lines=20) as terminal:
        terminal.wait_for(PROMPT)
        assert "│     99 │\n" in terminal.run("FROM range(100);")


def test_rows_that_do_not_fit_are_shown_as_lists(lake):
    with start(lake, columns=60) as terminal:
        terminal.wait_for(PROMPT)
        columns = ", ".join(f"{n} AS column{n}" for n in range(12))
        shown = terminal.run(f"SELECT {columns} FROM range(2);").splitlines()
        assert [line.split() for line in shown if line.startswith("column11")] == [
            ["column11", "11"],
            ["column11", "11"],
        ]
        assert len([line for line in shown if "[ row " in line]) == 2
        assert "┌" not in "".join(shown)


def test_text_formats_do_not_control_the_terminal(prompt):
    prompt.run(".format csv")
    shown = prompt.run("SELECT chr(27) || ']0;title' || chr(7) AS x;")
    assert "\\x1b]0;title\\x07" in shown


def test_table_fits_the_terminal(lake):
    with start(lake, columns=40) as terminal:
        terminal.wait_for(PROMPT)
        shown = terminal.run("SELECT repeat('x', 100) AS a, 'short' AS b;")
        assert max(len(line) for line in shown.splitlines() if "x…" in line) <= 40


def test_statement_on_a_terminal_is_a_table(lake):
    with start(lake, "SELECT 1 AS n") as terminal:
        assert rows(terminal.wait_for("(1 row")) == [["n"], ["INTEGER"], ["1"]]
        assert terminal.wait_for_exit() == 0


def test_missing_daemon_is_reported_at_once(lake):
    with start(lake, "--queryd", "http://127.0.0.1:1") as terminal:
        assert "connect to 127.0.0.1:1" in terminal.wait_for("\n")
        assert terminal.wait_for_exit() == 1
