"""What else is shown of a result and of the server: chart, plan, queries, history, downloads."""

import io
import json
import threading

import duckdb
import pyarrow as pa
import pytest
from harness.waiting import wait_until
from playwright.sync_api import expect

# Values that a file must have whole: digits, fractions of a second, NULL, quotes, nested ones.
MIXED = """SELECT i, 9007199254740993 + i AS big, i * 1.10::DECIMAL(18,2) AS money, i / 3 AS third,
  i % 2 = 0 AS even, CASE WHEN i % 3 > 0 THEN 'text "' || i || '", ü' END AS text,
  DATE '1969-12-30' + i::INTEGER AS day,
  TIMESTAMP '1969-12-31 23:59:59.123456' + to_days(i::INTEGER) AS at,
  TIMESTAMPTZ '2026-01-31 03:04:05+00' AS zoned, TIME '03:04:05.5' AS clock,
  '\\xAA\\x00'::BLOB AS bytes,
  (i % 2)::UTINYINT AS tiny, 18446744073709551615::UBIGINT AS huge, i::FLOAT AS single
FROM range(5000) t(i) ORDER BY i"""


def drawn_pixels(console) -> int:
    """How many pixels of the chart have the colour of its first series."""
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


def test_a_result_without_numbers_says_so(console):
    console.run("SELECT 'x' AS text")
    expect(console.show("Chart")).to_contain_text("There is no number in this result")


def test_the_plan_shows_operators_with_their_times(console):
    console.write("SELECT c.name, count(*) FROM numbers n JOIN cities c ON c.lat < n.n GROUP BY 1")
    console.button("Plan").click()
    panel = console.page.get_by_role("tabpanel", name="Plan")
    expect(panel.get_by_text("Hash group by").first).to_be_visible()
    operators = panel.locator(".operator")
    assert operators.count() >= 4
    for text in operators.all_text_contents():
        assert "s · " in text and "%" in text and "rows" in text
    # Two inputs of the join are beside each other.
    assert (
        panel.locator("li > ul")
        .filter(has=console.page.locator(":scope > li:nth-child(2)"))
        .count()
    )


def test_the_plan_of_what_cannot_run_says_why(console):
    console.expected_statuses.add(400)
    console.write("SELECT nowhere FROM numbers")
    console.button("Plan").click()
    alert = console.page.get_by_role("tabpanel", name="Plan").get_by_role("alert")
    expect(alert).to_contain_text('Referenced column "nowhere" not found')


def test_a_query_of_somebody_else_can_be_seen_and_cancelled(console, served):
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


def test_what_the_console_asks_for_itself_is_not_listed(console):
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


@pytest.mark.parametrize("format", ["CSV", "JSON", "NDJSON"])
def test_texts_are_downloaded_as_the_server_writes_them(console, served, format):
    console.run(MIXED)
    answer = served.request("POST", f"/sql?format={format.lower()}", json.dumps({"sql": MIXED}))
    assert console.download(format).read_bytes() == answer.body


def test_arrow_is_downloaded(console, served):
    console.run(MIXED)
    answer = served.request("POST", "/sql?format=arrow", json.dumps({"sql": MIXED}))
    theirs = pa.ipc.open_stream(console.download("Arrow").read_bytes()).read_all()
    assert theirs == pa.ipc.open_stream(io.BytesIO(answer.body)).read_all()


def test_parquet_is_downloaded_with_every_digit(console):
    console.run(MIXED)
    path = console.download("Parquet")
    database = duckdb.connect()

    def texts(source: str) -> list[tuple]:
        return database.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {source}").fetchall()

    assert texts(f"read_parquet('{path}')") == texts(f"({MIXED})")
    types = database.execute(
        f"SELECT typeof(COLUMNS(*)) FROM read_parquet('{path}') LIMIT 1"
    ).fetchall()[0]
    wanted = database.execute(f"SELECT typeof(COLUMNS(*)) FROM ({MIXED}) LIMIT 1").fetchall()[0]
    # The smallest integers are of 32 bits there, and hold the same.
    assert [t for t, w in zip(types, wanted, strict=True) if t != w] == ["INTEGER"]


def test_a_download_has_more_rows_than_the_grid(console):
    console.page.get_by_label("Rows at most").select_option("1000")
    console.run("FROM numbers")
    assert len(console.download("CSV").read_text().splitlines()) == 1 + 1234
