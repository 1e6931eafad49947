"""The list at the left, with names that are hard to quote and to show."""

import pytest
from harness.client import Client
from harness.console import Console
from harness.store import parquet
from harness.up import Up
from playwright.sync_api import expect

HTML = "<img src=x onerror=document.title='run'>"
NAMES = {
    "order": """SELECT 1 AS "select", 2 AS plain""",
    "sales.2026": 'SELECT 3 AS "Two Words"',
    HTML: f"""SELECT '{HTML.replace("'", "''")}' AS "<b>bold</b>" """,
    "long_" + "x" * 150: "SELECT 1 AS n",
    'q"uote': 'SELECT 1 AS "a""b"',
} | {f"data_{i}": f"SELECT {i} AS n" for i in range(5)}


@pytest.fixture(scope="module")
def named(session_folder, recorder) -> Client:
    folder = session_folder / "names"
    folder.mkdir()
    for name, sql in NAMES.items():
        (folder / f"{name}.parquet").write_bytes(parquet(sql))
    up = Up(session_folder / "names-home", recorder, folder)
    with up.daemon:
        up.wait_for_names(*NAMES)
        yield up.client


@pytest.fixture
def listed(new_console, named) -> Console:
    return new_console(named.address).open()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_looked_at(listed, name):
    # The console requests row counts when a dataset becomes visible.
    listed.dataset(name).scroll_into_view_if_needed()
    expect(listed.dataset(name)).to_contain_text("1 row")
    listed.button(f"Show rows of {name}").click()
    expect(listed.state).to_contain_text("1 row in")


def test_names_and_values_are_no_html(listed):
    listed.dataset(HTML).click()
    listed.button(f"Show rows of {HTML}").click()
    expect(listed.state).to_contain_text("1 row in")
    assert listed.row(1) == [HTML]
    listed.grid.focus()
    listed.page.keyboard.press("Enter")
    expect(listed.page.get_by_role("dialog")).to_contain_text(HTML)
    listed.page.keyboard.press("Escape")
    for tab in ["Chart", "Plan", "Queries", "History"]:
        listed.show(tab)
    assert listed.page.locator("img, .side b, .grid b").count() == 0
    assert listed.page.title() == "Tarn"


def test_keywords_are_put_in_quotes(listed):
    listed.dataset("order").click()
    listed.write("")
    listed.page.keyboard.type("SELECT ")
    listed.page.locator(".column", has_text="select").click()
    listed.page.keyboard.type(" FROM ord")
    expect(listed.editor).to_have_text('SELECT "select" FROM ord')
    listed.page.keyboard.press("Control+Space")
    listed.page.locator(".cm-tooltip-autocomplete [role=option]", has_text="order").first.click()
    expect(listed.editor).to_have_text('SELECT "select" FROM "order"')
    listed.page.keyboard.press("Control+Enter")
    expect(listed.state).to_contain_text("1 row in")


def test_columns_behind_a_name_are_put_in_quotes(listed):
    expect(listed.dataset("sales.2026")).to_be_visible()
    listed.write('SELECT  FROM "sales.2026" s')
    for _ in range(len(' FROM "sales.2026" s')):
        listed.page.keyboard.press("ArrowLeft")
    listed.page.keyboard.type("s.Tw")
    expect(listed.editor).to_have_text('SELECT s.Tw FROM "sales.2026" s')
    listed.page.keyboard.press("Control+Space")
    listed.page.locator(".cm-tooltip-autocomplete [role=option]").first.click()
    expect(listed.editor).to_have_text('SELECT s."Two Words" FROM "sales.2026" s')


def test_datasets_are_found_by_name_and_column(listed):
    datasets = listed.page.locator(".dataset .name")
    expect(datasets).to_have_count(len(NAMES))
    find = listed.page.get_by_label("Find a dataset or column")
    find.fill("DATA_3")
    expect(datasets).to_have_text(["data_3"])
    find.fill("two w")
    expect(datasets).to_have_text(["sales.2026"])
    find.fill("nothing of the kind")
    expect(listed.page.get_by_text("No dataset or column has this text")).to_be_visible()


def test_open_datasets_stay_open(listed):
    listed.dataset("sales.2026").click()
    column = listed.page.locator(".column", has_text="Two Words")
    expect(column).to_be_visible()
    find = listed.page.get_by_label("Find a dataset or column")
    find.fill("data")
    expect(column).to_have_count(0)
    find.fill("")
    expect(column).to_be_visible()
    listed.button("Refresh").click()
    expect(column).to_be_visible()
    expect(listed.dataset("sales.2026")).to_have_attribute("aria-expanded", "true")
