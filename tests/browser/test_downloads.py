"""Files of a result: their content, and the messages about them."""

import io
import json

import duckdb
import pyarrow as pa
import pytest
from harness.console import FAILS_LATE
from playwright.sync_api import expect

# Values that a file must contain exactly: digits, fractions of a second, NULL, quotes, nested ones.
MIXED = """SELECT i, 9007199254740993 + i AS big, i * 1.10::DECIMAL(18,2) AS money, i / 3 AS third,
  i % 2 = 0 AS even, CASE WHEN i % 3 > 0 THEN 'text "' || i || '", ü' END AS text,
  DATE '1969-12-30' + i::INTEGER AS day,
  TIMESTAMP '1969-12-31 23:59:59.123456' + to_days(i::INTEGER) AS at,
  TIMESTAMPTZ '2026-01-31 03:04:05+00' AS zoned, TIME '03:04:05.5' AS clock,
  '\\xAA\\x00'::BLOB AS bytes,
  (i % 2)::UTINYINT AS tiny, 18446744073709551615::UBIGINT AS huge, i::FLOAT AS single
FROM range(5000) t(i) ORDER BY i"""


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
    # The smallest integer type has 32 bits there, with the same values.
    assert [t for t, w in zip(types, wanted, strict=True) if t != w] == ["INTEGER"]


def test_a_download_has_more_rows_than_the_grid(console):
    console.page.get_by_label("Rows at most").select_option("1000")
    console.run("FROM numbers")
    assert len(console.download("CSV").read_text().splitlines()) == 1 + 1234
    expect(console.page.locator(".download-line")).to_contain_text("CSV: 1,234 rows")
    # The file is not that of the next query.
    console.run("SELECT 1")
    expect(console.page.locator(".download-line")).to_be_hidden()


INFINITE = """SELECT 'infinity'::TIMESTAMP_S AS s, '-infinity'::TIMESTAMP_MS AS ms,
  'infinity'::TIMESTAMP AS us, '-infinity'::TIMESTAMPTZ AS tz, 'infinity'::DATE AS d"""


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (INFINITE, [("infinity", "-infinity", "infinity", "-infinity", "infinity")]),
        ("SELECT 1 AS a, 'x' AS b WHERE false", []),
        ("SELECT NULL AS n, NULL::VARCHAR AS t", [(None, None)]),
    ],
)
def test_parquet_of_extreme_values(console, sql, rows):
    console.run(sql)
    path = console.download("Parquet")
    texts = f"SELECT COLUMNS(*)::VARCHAR FROM read_parquet('{path}')"
    assert duckdb.connect().execute(texts).fetchall() == rows


def test_with_keys_every_format_can_be_reached(console):
    page = console.page
    console.run("SELECT 42 AS n")
    menu = console.button("Download")
    menu.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="CSV")).to_be_focused()
    assert console.axe() == []
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(page.get_by_role("menu")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem", name="Parquet")).to_be_focused()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "result.parquet"
    expect(menu).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Tab")
    expect(page.get_by_role("menu")).to_be_hidden()


@pytest.mark.parametrize("format", ["CSV", "Parquet"])
def test_a_file_that_is_cut_off_says_so(new_lake, new_console, format):
    new_lake.set("queryd", row_limit=10).start()
    new_lake.add("many", "SELECT n FROM range(100) t(n)")
    new_lake.wait_for_rows("many", [[n] for n in range(10)])
    console = new_console(new_lake.query.address)
    console.expected_statuses = {404}
    console.open()
    console.run("FROM many")
    expect(console.state).to_contain_text("a limit of the server")
    console.download(format)
    expect(console.page.locator(".download-line")).to_contain_text("10 rows")
    expect(console.page.locator(".download-line")).to_contain_text("there are more")


@pytest.mark.parametrize("where", FAILS_LATE)
@pytest.mark.parametrize("format", ["CSV", "Parquet"])
def test_incomplete_result_is_not_saved(console, format, where):
    console.page.get_by_label("Rows at most").select_option("1000")
    console.run(FAILS_LATE[where])
    console.button("Download").click()
    console.page.get_by_role("menuitem", name=format, exact=True).click()
    expect(console.page.locator(".download-line")).to_contain_text("row too far")
    console.complaints = [text for text in console.complaints if "ERR_" not in text]


def test_a_download_can_be_cancelled(console):
    console.expected_statuses.add(409)
    console.page.get_by_label("Rows at most").select_option("1000")
    console.run("SELECT n, md5(n::VARCHAR) AS m FROM range(10000000000) t(n)")
    console.button("Download").click()
    console.page.get_by_role("menuitem", name="CSV", exact=True).click()
    line = console.page.locator(".download-line")
    expect(line).to_contain_text("MB")
    # Other queries run meanwhile.
    console.run("SELECT 1 AS a")
    console.button("Cancel the download").click()
    expect(line).to_contain_text("CSV: cancelled")
    expect(console.button("Download")).to_be_enabled()
    console.complaints = [text for text in console.complaints if "ERR_" not in text]
