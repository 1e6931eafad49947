"""Queries: the editor, the result, its errors and its end."""

import json
from decimal import Decimal

import pytest
from harness.console import FAILS_LATE
from harness.waiting import wait_until
from playwright.sync_api import expect


def test_datasets_have_columns_row_counts_and_sizes(console):
    numbers = console.dataset("numbers")
    expect(numbers).to_contain_text("1,234 rows")
    expect(numbers).to_contain_text("KB")
    console.dataset("cities").click()
    columns = console.page.locator(".column")
    expect(columns).to_have_text(["nameVARCHAR", "latDECIMAL(3,1)"])


def test_rows_of_a_dataset_are_one_press_away(console):
    console.button("Show rows of cities").click()
    expect(console.state).to_contain_text("3 rows in")
    assert console.row(1) == ["Bergen", "60.4"]
    assert console.row(3) == ["NULL", "NULL"]


# The text of a cell is the text of the value in JSON.
VALUES = [
    "9223372036854775807",
    "170141183460469231731687303715884105727",
    "18446744073709551615::UBIGINT",
    "(-123456789012345678.90)::DECIMAL(20,2)",
    "-0.05::DECIMAL(3,2)",
    "0.1::DOUBLE",
    "true",
    "'Zürich <b>'",
    "''",
    "'x'::ENUM('w', 'x')",
    "DATE '2026-01-31'",
    "DATE '1969-12-31'",
    "DATE '44-03-15 (BC)'",
    "DATE '12026-01-31'",
    "'infinity'::DATE",
    "TIME '03:04:05.5'",
    "'03:04:05.123456789'::TIME_NS",
    "TIMESTAMP '1966-02-28 23:59:59.000001'",
    "TIMESTAMP_S '2026-01-31 03:04:05'",
    "TIMESTAMP_MS '2026-01-31 03:04:05.678'",
    "TIMESTAMP_NS '2026-01-31 03:04:05.123456789'",
    "'-infinity'::TIMESTAMP",
    "TIMESTAMPTZ '2026-01-31 03:04:05+02'",
    "INTERVAL '1 year -3 days 04:05:06.5'",
    "'6b9c2f8e-1f2b-4c3d-9e4f-0a1b2c3d4e5f'::UUID",
]


def test_cells_have_every_digit_of_a_value(console, served):
    sql = "SELECT " + ", ".join(f"{value} AS c{i}" for i, value in enumerate(VALUES))
    row = served.sql(sql, big_numbers="string").rows()[0]
    console.page.set_viewport_size({"width": 6000, "height": 700})
    console.run(sql)
    texts = {True: "true", "": ""}
    assert console.row(1) == [texts.get(value, str(value)) for value in row]


def test_nested_cells_are_json(console, served):
    values = "[1, NULL, 3] AS l, {'a': 1, 'b': ['x', 'ü']} AS s, {'d': DATE '2026-01-31'} AS d"
    values += ", MAP {1: 'x', 2: NULL} AS m, [[1], []] AS ll"
    values += ", [9007199254740993] AS big, [1.50] AS decimals"
    sql = f"SELECT {values}"
    row = served.sql(sql).rows()[0]
    console.page.set_viewport_size({"width": 3000, "height": 700})
    console.run(sql)
    cells = console.row(1)
    assert [json.loads(cell, parse_float=Decimal) for cell in cells] == row
    assert "9007199254740993" in cells[-2]
    assert "1.50" in cells[-1]


def test_floats_have_the_digits_that_were_written(console):
    floats = ["0.1", "16777216", "3.4028235e+38", "1e-7", "NaN", "Infinity", "-0"]
    console.page.set_viewport_size({"width": 3000, "height": 700})
    values = ", ".join(f"'{value}'::FLOAT AS c{i}" for i, value in enumerate(floats))
    console.run(f"SELECT {values}, [0.1::FLOAT] AS l, -0.0::DOUBLE AS z")
    assert console.row(1) == [*floats, "[0.1]", "-0"]


def test_fields_and_keys_stay_in_their_order(console):
    """Objects in JavaScript sort names that look like numbers first."""
    console.run("SELECT {'b': 1, '2': 2, '1': 3} AS s, MAP {'b': 1, '7': 2, 'a': NULL} AS m")
    assert console.row(1) == ['{"b":1,"2":2,"1":3}', '{"b":1,"7":2,"a":null}']


def test_a_cell_shows_the_beginning_and_the_dialog_all(console):
    sql = "SELECT range(3000) AS list, repeat('ü€𝄞', 3000) AS text, E'a\\r\\nb\\nc' AS lines"
    console.run(sql)
    listed, text, lines = console.row(1)
    whole = "[" + ",".join(str(n) for n in range(3000)) + "]"
    assert whole.startswith(listed.removesuffix("…")) and len(listed) < 300
    assert ("ü€𝄞" * 100).startswith(text.removesuffix("…")) and text.endswith("…")
    assert lines == "a↵b↵c"
    console.grid.focus()
    console.page.keyboard.press("Enter")
    value = console.page.get_by_role("dialog").get_by_label("Value").inner_text()
    assert json.loads(value) == list(range(3000))


def test_run_and_plan_have_keys_everywhere(console):
    console.run("SELECT 'once' AS a")
    console.grid.focus()
    console.page.keyboard.press("Control+Shift+Enter")
    expect(console.page.locator(".operator").first).to_be_visible()
    console.show("History")
    console.page.keyboard.press("Control+Enter")
    expect(console.grid).to_be_visible()
    expect(console.state).to_contain_text("1 row in")


def test_an_error_says_why_and_marks_the_line(console):
    console.run("SELECT 1 AS one")
    console.expected_statuses.add(400)
    console.start("SELECT n\nFROM numbers\nWHERE nowhere = 1")
    expect(console.problem).to_contain_text('Referenced column "nowhere" not found')
    expect(console.page.locator(".cm-error-line")).to_have_text("WHERE nowhere = 1")
    # Otherwise the rows of the previous query could be mistaken for those of this query.
    expect(console.grid).to_be_hidden()
    console.write("SELECT n FROM numbers")
    expect(console.page.locator(".cm-error-line")).to_have_count(0)


def test_of_several_statements_the_one_at_the_cursor_runs(console):
    console.start("SELECT 'first' AS a;\n\nSELECT 'second' AS b")
    expect(console.state).to_contain_text("1 row in")
    assert console.row(1) == ["second"]


def test_the_limit_is_shown(console):
    console.page.get_by_label("Rows at most").select_option("1000")
    console.run("FROM numbers")
    expect(console.state).to_contain_text("1,000 rows")
    expect(console.state).to_contain_text("there are more")
    console.run("FROM numbers LIMIT 1000")
    expect(console.state).not_to_contain_text("there are more")


@pytest.mark.parametrize("where", FAILS_LATE)
def test_an_answer_that_is_cut_short_says_why(console, where):
    """The query fails after its first rows were sent, so its status is 200."""
    console.start(FAILS_LATE[where])
    expect(console.problem).to_contain_text("row too far")
    console.complaints = [text for text in console.complaints if "ERR_INCOMPLETE" not in text]


def test_rows_are_shown_as_they_come_and_cancel_ends_the_query(console, served):
    # The query may have ended before the cancel, because the client has disconnected.
    console.expected_statuses.add(409)
    console.page.get_by_label("Rows at most").select_option("5000000")
    console.start("SELECT n, md5(n::VARCHAR) AS m FROM range(100000000) t(n) WHERE n % 7 = 0")
    expect(console.button("Cancel")).to_be_visible()
    wait_until(lambda: console.row_count() > 0, "rows are there")
    console.button("Cancel").click()
    expect(console.state).to_contain_text("Cancelled after")
    expect(console.problem).to_be_hidden()
    expect(console.button("Run")).to_be_visible()

    def states() -> list[str]:
        queries = served.get("/queries").json()["queries"]
        return [query["state"] for query in queries if "n % 7" in query["sql"]]

    wait_until(lambda: states() == ["cancelled"], lambda: f"it is cancelled: {states()}")
    console.complaints = [text for text in console.complaints if "ERR_" not in text]


def test_a_million_rows_can_be_scrolled_through(console):
    console.run("SELECT n, n * 2 AS twice, 'row ' || n AS text FROM range(1000000) t(n)")
    expect(console.state).to_contain_text("1,000,000 rows")
    assert console.row_count() == 1_000_000
    assert console.row(1) == ["0", "0", "row 0"]
    rows = console.grid.get_by_role("row")
    for part in range(1, 20):
        console.grid.evaluate(
            "(grid, part) => grid.scrollTo(0, grid.scrollHeight * part / 20)", part
        )
        first = 1_000_000 * part / 20
        console.page.wait_for_function(
            """near => Math.abs(
              [...document.querySelectorAll('.grid-row')].at(0).ariaRowIndex - near) < 100""",
            arg=first,
        )
        index = int(rows.nth(3).get_attribute("aria-rowindex"))
        n = index - 2
        assert console.row(index - 1) == [str(n), str(2 * n), f"row {n}"]
        # The page has elements only for visible rows.
        assert rows.count() < 60
    # One pixel of the scroll bar is several pixels of the grid here, but not for the wheel.
    before = int(rows.nth(3).get_attribute("aria-rowindex"))
    console.grid.hover()
    for _ in range(10):
        console.page.mouse.wheel(0, 26 / 2)
    expect(rows.nth(3)).to_have_attribute("aria-rowindex", str(before + 5))
    console.grid.focus()
    console.page.keyboard.press("Control+End")
    expect(console.grid.locator(".cell.active")).to_have_text("row 999999")
    around = console.grid.bounding_box()
    bottom = around["y"] + around["height"] + 1

    def can_be_seen() -> bool:
        box = console.box(".cell.active")
        return box["y"] + box["height"] <= bottom

    wait_until(can_be_seen, "the last row is above the lower edge")
    console.page.keyboard.press("ArrowUp")
    expect(console.grid.locator(".cell.active")).to_have_text("row 999998")


def test_an_unreachable_server_is_reported(console):
    console.context.set_offline(True)
    console.start("SELECT 1")
    expect(console.problem).to_have_text("The server does not answer")
    console.context.set_offline(False)
    console.run("SELECT 2 AS two")
    expect(console.problem).to_be_hidden()
    console.complaints = [text for text in console.complaints if "ERR_INTERNET" not in text]


def test_many_columns_are_drawn_as_they_are_seen(console):
    console.run("SELECT " + ", ".join(f"{i} AS column_{i}" for i in range(1000)))
    assert len(console.row(1)) < 60
    console.grid.focus()
    console.page.keyboard.press("End")
    expect(console.grid.locator(".cell.active")).to_have_text("999")


@pytest.mark.parametrize("sql", ["SELECT 1 AS a WHERE false", "SELECT n FROM numbers LIMIT 0"])
def test_no_rows_still_have_names(console, sql):
    console.run(sql)
    expect(console.state).to_contain_text("0 rows")
    expect(console.grid.get_by_role("columnheader")).to_have_count(1)


def test_names_of_the_catalogue_are_completed(console):
    expect(console.dataset("cities")).to_be_visible()
    console.write("SELECT ")
    console.page.keyboard.type("* FROM cit")
    option = console.page.locator(".cm-tooltip-autocomplete [role=option]").first
    expect(option).to_contain_text("cities")
    console.page.keyboard.press("Escape")
    console.write("SELECT  FROM cities")
    for _ in range(len(" FROM cities")):
        console.page.keyboard.press("ArrowLeft")
    console.page.keyboard.type("la")
    expect(console.page.locator(".cm-tooltip-autocomplete")).to_contain_text("DECIMAL(3,1)")


def test_completion_does_not_come_when_the_editor_was_left(console):
    console.write("FROM cities ORDER BY lat DESC")
    console.button("Plan").click()
    expect(console.page.locator(".operator").first).to_be_visible()
    # A completion list would have appeared before the plan.
    expect(console.page.locator(".cm-tooltip-autocomplete")).to_have_count(0)
