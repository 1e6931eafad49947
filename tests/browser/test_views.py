"""The other views of a result and of the server: chart, plan, queries, history, links."""

import threading

import pytest
from harness.waiting import wait_until
from playwright.sync_api import expect


def drawn_pixels(console) -> int:
    """Returns the number of pixels of the chart in the colour of its first series."""
    return console.page.evaluate(
        """() => {
          const canvas = document.querySelector('.chart-canvas canvas');
          const probe = document.createElement('span');
          probe.style.color = 'var(--series-1)';
          document.body.append(probe);
          const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
          probe.remove();
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          let count = 0;
          for (let i = 0; i < data.length; i += 4) {
            if (data[i] === r && data[i + 1] === g && data[i + 2] === b) ++count;
          }
          return count;
        }"""
    )


@pytest.mark.parametrize(
    ("sql", "kind", "over", "what"),
    [
        ("SELECT 'c' || n AS city, n FROM range(1, 9) t(n)", "Bars", "city", "n"),
        (
            "SELECT DATE '2026-01-01' + n::INTEGER AS day, n FROM range(50) t(n)",
            "Lines",
            "day",
            "n",
        ),
        ("SELECT sin(n) AS a, cos(n) AS b FROM range(200) t(n)", "Points", "a", "b"),
        ("SELECT n AS x, n * n AS y FROM range(50) t(n)", "Lines", "x", "y"),
        # The values ascend only at the beginning.
        ("SELECT sin(n / 1e3) AS a, cos(n / 1e3) AS b FROM range(9000) t(n)", "Points", "a", "b"),
    ],
)
def test_the_types_suggest_the_chart(console, sql, kind, over, what):
    console.run(sql)
    panel = console.show("Chart")
    expect(panel.get_by_label("Draw").locator("option:checked")).to_have_text(kind)
    expect(panel.get_by_label("over").locator("option:checked")).to_have_text(over)
    name = f"Chart of {what} over {over}; its values are in the result"
    expect(panel.get_by_role("img")).to_have_accessible_name(name)
    wait_until(lambda: drawn_pixels(console) > 50, "something is drawn")


def test_another_chart_can_be_chosen(console):
    console.run("SELECT n AS a, n * n AS b, n * 3 AS c FROM range(20) t(n)")
    panel = console.show("Chart")
    panel.get_by_label("Draw").select_option(label="Bars")
    panel.get_by_label("c", exact=True).check()
    expect(panel.get_by_role("img")).to_have_accessible_name(
        "Chart of c over a; its values are in the result"
    )
    wait_until(lambda: drawn_pixels(console) > 50, "something is drawn")


def test_choice_for_a_chart_is_kept(console):
    console.run("SELECT n AS a, n * n AS b FROM range(20) t(n)")
    panel = console.show("Chart")
    draw = panel.get_by_label("Draw")
    draw.focus()
    draw.select_option(label="Points")
    # The focus stays on the control.
    expect(draw).to_be_focused()
    console.run("SELECT n AS a, n * 3 AS b FROM range(30) t(n)")
    expect(draw.locator("option:checked")).to_have_text("Points")
    console.run("SELECT n AS x, n * 3 AS y FROM range(30) t(n)")
    expect(draw.locator("option:checked")).to_have_text("Lines")


def test_chart_panel_shows_running_and_failed_queries(console):
    console.expected_statuses |= {400, 409}
    console.run("SELECT n FROM range(9) t(n)")
    panel = console.show("Chart")
    console.start("SELECT n FROM range(100000000000) t(n) WHERE n % 100000000 = 1")
    expect(panel).to_contain_text("Drawn when all rows are here")
    expect(console.page.get_by_label("Progress of the query")).to_be_visible()
    console.button("Cancel").click()
    expect(console.state).to_contain_text("Cancelled")
    expect(panel).not_to_contain_text("no column of numbers")
    console.start("SELECT nowhere")
    expect(console.problem).to_contain_text("nowhere")
    expect(panel).to_be_visible()
    console.complaints = [text for text in console.complaints if "ERR_" not in text]


def test_a_result_without_numbers_says_so(console):
    console.run("SELECT 'x' AS text")
    expect(console.show("Chart")).to_contain_text("This result has no column of numbers")


def test_the_plan_shows_operators_with_their_times(console):
    console.write("SELECT c.name, count(*) FROM numbers n JOIN cities c ON c.lat < n.n GROUP BY 1")
    console.button("Plan").click()
    panel = console.page.get_by_role("tabpanel", name="Plan")
    expect(panel.get_by_text("Hash group by").first).to_be_visible()
    operators = panel.locator(".operator")
    assert operators.count() >= 4
    for text in operators.all_text_contents():
        assert "s · " in text and "%" in text and "rows" in text
    # The two inputs of the join are beside each other.
    assert (
        panel.locator("li > ul")
        .filter(has=console.page.locator(":scope > li:nth-child(2)"))
        .count()
    )


def test_plan_of_an_invalid_statement_shows_the_error(console):
    console.expected_statuses.add(400)
    console.write("SELECT nowhere FROM numbers")
    console.button("Plan").click()
    alert = console.page.get_by_role("tabpanel", name="Plan").get_by_role("alert")
    expect(alert).to_contain_text('Referenced column "nowhere" not found')


def test_a_mistake_in_a_plan_marks_its_line(console):
    console.expected_statuses.add(400)
    console.write("\n-- why?\nEXPLAIN SELECT n\nFROM numbers\nWHERE nowhere = 1")
    console.button("Plan").click()
    expect(console.page.locator(".cm-error-line")).to_have_text("WHERE nowhere = 1")


@pytest.mark.parametrize(
    "explain", ["EXPLAIN", "explain analyze", "EXPLAIN (ANALYZE, FORMAT JSON)", "/* x */ EXPLAIN"]
)
def test_explain_statement_has_a_plan(console, explain):
    console.write(f"{explain} SELECT count(*) FROM numbers;")
    console.button("Plan").click()
    expect(console.page.locator(".operator").first).to_be_visible()


def test_query_that_runs_no_operator_shows_its_plan(console):
    """DuckDB has no times for it: `{"result": "error"}`."""
    console.write("SELECT count(*) FROM numbers")
    console.button("Plan").click()
    panel = console.page.get_by_role("tabpanel", name="Plan")
    expect(panel).to_contain_text("The query was answered while it was planned")
    expect(panel.locator(".operator")).to_have_text(
        ["Column data scanDetailsEstimated Cardinality1"]
    )


def test_a_plan_can_be_cancelled(console, served):
    console.expected_statuses.add(409)
    sql = (
        "SELECT count(*) AS planned FROM range(10000000000) a(i), range(1000) b(j) WHERE i % 7 = j"
    )
    console.write(sql)
    console.page.keyboard.press("Control+Shift+Enter")
    console.button("Cancel").click()
    expect(console.page.get_by_role("tabpanel", name="Plan")).to_contain_text("Cancelled")
    expect(console.button("Run")).to_be_visible()

    def states() -> list[str]:
        queries = served.get("/queries").json()["queries"]
        return [query["state"] for query in queries if "planned" in query["sql"]]

    wait_until(lambda: states() in ([], ["cancelled"]), lambda: f"it is cancelled: {states()}")
    console.complaints = [text for text in console.complaints if "ERR_" not in text]


def test_queries_of_other_clients_are_listed_and_can_be_cancelled(console, served):
    slow = "SELECT count(*) AS slow FROM range(10000000000) a(i), range(1000) b(j) WHERE i % 7 = j"
    answers = []
    client = threading.Thread(target=lambda: answers.append(served.sql(slow)))
    client.start()
    try:
        panel = console.show("Queries")
        line = panel.get_by_role("row").filter(has_text="AS slow")
        expect(line).to_contain_text("running")
        line.get_by_role("button", name="Cancel").click()
        expect(line).to_contain_text("cancelled")
    finally:
        client.join()
    answers[0].expect_error(409, "query: cancelled by DELETE")


def test_own_queries_of_the_console_are_not_listed(console):
    console.run("SELECT 'mine' AS mine")
    panel = console.show("Queries")
    expect(panel.get_by_role("row").filter(has_text="'mine'").first).to_be_visible()
    expect(panel).not_to_contain_text("information_schema")


def test_history_is_there_after_a_reload(console):
    console.expected_statuses.add(400)
    console.run("SELECT 41 + 1 AS answer")
    console.start("SELECT nowhere")
    expect(console.problem).to_be_visible()
    console.page.goto("about:blank")
    console.page.goto(console.url)
    panel = console.show("History")
    expect(panel.get_by_role("listitem")).to_have_count(2)
    expect(panel.get_by_role("listitem").nth(0)).to_contain_text("Binder Error")
    panel.get_by_role("button", name="SELECT 41 + 1").click()
    expect(console.editor).to_have_text("SELECT 41 + 1 AS answer")
    console.show("History").get_by_role("button", name="Clear").click()
    expect(panel.get_by_role("listitem")).to_have_count(0)


def test_a_link_holds_the_query_and_runs_nothing(console, new_console, served):
    sql = "SELECT 'über 100% & #' AS link"
    console.run(sql)
    fragment = console.page.url.removeprefix(console.url)
    other = new_console(served.address).open(fragment)
    expect(other.editor).to_have_text(sql)
    expect(other.dataset("cities")).to_be_visible()
    expect(other.grid).to_be_hidden()
    runs = [q for q in served.get("/queries").json()["queries"] if q["sql"] == sql]
    assert len(runs) == 1


def test_the_link_is_copied(console):
    console.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.write("SELECT 'copied'")
    console.button("Copy link").click()
    expect(console.button("Link copied")).to_be_visible()
    copied = console.page.evaluate("navigator.clipboard.readText()")
    assert copied == console.url + "#sql=SELECT%20'copied'"
