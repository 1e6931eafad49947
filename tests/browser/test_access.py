"""Accessibility: without a mouse, with a screen reader, in light and dark, with a token."""

import pytest
from harness.tokens import Tokens
from harness.waiting import wait_until
from playwright.sync_api import expect

TABS = ["Result", "Chart", "Plan", "Queries", "History"]
SQL = "SELECT 'city ' || n AS city, n AS flights, NULL AS none, [n] AS list FROM range(40) t(n)"


@pytest.fixture(params=["light", "dark"])
def themed(request, new_console, served):
    return new_console(served.address, color_scheme=request.param).open()


@pytest.mark.parametrize("tab", TABS)
def test_axe_finds_nothing(themed, tab):
    themed.dataset("cities").click()
    themed.run(SQL)
    themed.button("Plan").click()
    expect(themed.page.locator(".operator").first).to_be_visible()
    panel = themed.show(tab)
    expect(panel).to_be_visible()
    if tab == "Queries":
        expect(panel.get_by_role("row").nth(1)).to_be_visible()
    assert themed.axe() == []


def test_axe_finds_nothing_in_errors_and_dialogs(themed):
    themed.run(SQL)
    themed.grid.focus()
    themed.page.keyboard.press("Enter")
    expect(themed.page.get_by_role("dialog")).to_be_visible()
    assert themed.axe() == []
    themed.page.keyboard.press("Escape")
    themed.editor.focus()
    themed.page.keyboard.press("Control+F")
    expect(themed.page.get_by_role("textbox", name="Find")).to_be_focused()
    assert themed.axe() == []
    themed.page.keyboard.press("Escape")
    themed.expected_statuses.add(400)
    themed.start("SELECT nowhere")
    expect(themed.problem).to_be_visible()
    assert themed.axe() == []


def test_axe_finds_nothing_before_anything_was_asked(themed):
    expect(themed.dataset("numbers")).to_contain_text("rows")
    for tab in TABS:
        themed.show(tab)
        assert themed.axe() == []


def test_axe_finds_nothing_on_a_full_page(themed):
    themed.run(
        "SELECT " + ", ".join(f"n + {i} AS column_{i}" for i in range(100)) + " FROM numbers"
    )
    themed.show("Chart")
    expect(themed.page.get_by_label("column_99", exact=True)).to_be_attached()
    assert themed.axe() == []
    themed.download("CSV")
    expect(themed.page.locator(".download-line")).to_contain_text("1,234 rows")
    assert themed.axe() == []


def test_colours_follow_the_system_and_can_be_chosen(themed):
    background = "getComputedStyle(document.body).backgroundColor"
    system = themed.page.evaluate(background)
    colours = themed.page.get_by_label("Colours")
    colours.select_option("dark")
    dark = themed.page.evaluate(background)
    colours.select_option("light")
    light = themed.page.evaluate(background)
    assert light != dark
    assert system in (light, dark)
    themed.page.reload()
    assert themed.page.evaluate(background) == light


def test_a_query_without_a_mouse(console):
    """With keys from the editor, which has the focus first, to a value of the result and back."""
    page = console.page
    expect(console.editor).to_be_focused()
    expect(console.dataset("numbers")).to_contain_text("rows")
    page.keyboard.press("Control+A")
    page.keyboard.type("SELECT n, 'v' || n AS v FROM numbers")
    page.keyboard.press("Control+Enter")
    expect(console.state).to_contain_text("1,234 rows")
    page.keyboard.press("Tab")
    expect(page.get_by_role("separator", name="Height of the editor")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("tab", name="Result")).to_be_focused()
    page.keyboard.press("Tab")
    expect(console.grid).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(console.grid).to_have_attribute("aria-activedescendant", "cell-1-1")
    expect(page.locator("#cell-1-1")).to_have_text("v1")
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="v, row")
    expect(dialog).to_contain_text("VARCHAR")
    page.keyboard.press("Escape")
    expect(console.grid).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="History")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="History")).to_contain_text("FROM numbers")


def test_parts_can_be_resized_with_keys(console):
    line = console.page.get_by_role("separator", name="Height of the editor")
    editor = console.page.locator(".editor")
    before = editor.bounding_box()["height"]
    line.focus()
    console.page.keyboard.press("ArrowDown")
    wait_until(lambda: editor.bounding_box()["height"] == before + 20, "the editor has grown")


def test_it_fits_a_small_window(new_console, served):
    console = new_console(served.address, viewport={"width": 400, "height": 800}).open()
    console.run(SQL)
    assert console.row(1)
    assert console.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture
def guarded(new_lake):
    """queryd with a bucket, which requires tokens."""
    tokens = Tokens(new_lake)
    tokens.let_queryd_in()
    catalog = tokens.create("loader", "catalog")
    alice = tokens.create("alice")
    new_lake.start()
    new_lake.catalog = new_lake.catalog.with_token(catalog)
    new_lake.query = new_lake.query.with_token(alice)
    key = new_lake.files.put_rows("data.parquet", "SELECT 42 AS n")
    new_lake.catalog.put("secrets", {"objects": [{"key": key, "size": 1_500_000}]})
    new_lake.wait_for_rows("secrets", [[42]])
    return new_lake, alice


def test_signing_in_with_a_token(guarded, new_console):
    lake, token = guarded
    console = new_console(lake.query.address)
    console.expected_statuses = {401}
    console.open()
    dialog = console.page.get_by_role("dialog", name="Sign in")
    expect(dialog).to_be_visible()
    assert console.axe() == []
    field = dialog.get_by_label("Token")
    field.fill("tarn_alice_wrong")
    console.page.keyboard.press("Enter")
    expect(dialog).to_contain_text("the token is unknown")
    field.fill(token)
    console.page.keyboard.press("Enter")
    expect(console.dataset("secrets")).to_contain_text("1 row")
    expect(console.dataset("secrets")).to_contain_text("1.5 MB")
    console.run("SELECT n FROM secrets")
    assert console.row(1) == ["42"]
    # The token is stored only for this tab.
    console.page.reload()
    expect(console.dataset("secrets")).to_be_visible()
    assert token not in console.page.evaluate("JSON.stringify({...localStorage})")
    console.button("Sign out").click()
    expect(dialog).to_be_visible()


def test_without_a_token_nothing_is_shown(guarded, new_console):
    lake, _ = guarded
    console = new_console(lake.query.address)
    console.expected_statuses = {401}
    console.open()
    console.button("Not now").click()
    navigation = console.page.get_by_role("navigation", name="Datasets")
    expect(navigation).to_contain_text("a token is required")
    expect(navigation).not_to_contain_text("secrets")
    # The list of queries polls, but sends one request at a time.
    console.show("Queries")
    console.button("Not now").click()
    console.page.wait_for_timeout(2500)
    expect(console.page.get_by_role("dialog")).to_have_count(0)


def test_a_wrong_token_is_forgotten_and_a_late_one_fills_the_list(guarded, new_console):
    lake, token = guarded
    console = new_console(lake.query.address)
    console.expected_statuses = {401}
    console.open()
    dialog = console.page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Token").fill("tarn_alice_wrong")
    console.page.keyboard.press("Enter")
    expect(dialog).to_contain_text("the token is unknown")
    console.button("Not now").click()
    expect(dialog).to_have_count(0)
    # The delay of responses to wrong tokens grows.
    kept = "sessionStorage.getItem('tarn.token')"
    # A dialog is hidden before its event "close" is handled.
    wait_until(lambda: console.page.evaluate(kept) is None, "the wrong token is forgotten")
    console.start("SELECT n FROM secrets")
    dialog.get_by_label("Token").fill(token)
    console.page.keyboard.press("Enter")
    expect(console.state).to_contain_text("1 row in")
    expect(console.dataset("secrets")).to_be_visible()


def test_a_token_that_is_no_longer_good_is_asked_for_again(guarded, new_console):
    lake, token = guarded
    console = new_console(lake.query.address)
    console.expected_statuses = {401, 404}
    console.context.add_init_script(
        """if (location.protocol === 'http:' && sessionStorage.getItem('tarn.token') === null) {
          sessionStorage.setItem('tarn.token', 'tarn_a_b');
        }"""
    )
    console.open()
    dialog = console.page.get_by_role("dialog", name="Sign in")
    expect(dialog).to_contain_text("the token is unknown or has been revoked")
    dialog.get_by_label("Token").fill(token)
    console.page.keyboard.press("Enter")
    expect(console.dataset("secrets")).to_be_visible()


def test_parts_follow_the_window(new_console, served):
    console = new_console(served.address, viewport={"width": 1280, "height": 800}).open()
    side = console.page.get_by_role("navigation", name="Datasets")
    editor = console.page.locator(".editor")
    width = side.bounding_box()["width"]
    height = editor.bounding_box()["height"]
    console.page.set_viewport_size({"width": 800, "height": 420})
    console.run(SQL)
    wait_until(lambda: console.grid.bounding_box()["height"] > 60, "the grid can be seen")
    console.page.set_viewport_size({"width": 1280, "height": 800})
    wait_until(lambda: side.bounding_box()["width"] == width, "the list is as wide as before")
    wait_until(lambda: editor.bounding_box()["height"] == height, "the editor is as high as before")
