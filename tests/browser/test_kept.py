"""Stored data: the text of each tab, and the history of all tabs."""

from harness.console import Console
from playwright.sync_api import expect


def another_tab(console: Console) -> None:
    console.page = console.context.new_page()
    console.page.goto(console.url)


def test_a_draft_is_newer_than_the_link_of_the_last_run(console):
    console.run("SELECT 'run' AS a")
    console.write("SELECT 'written since'")
    console.page.reload()
    expect(console.editor).to_have_text("SELECT 'written since'")
    # A link shows its statement in place of the stored one.
    console.page.goto("about:blank")
    console.page.goto(console.url + "#sql=SELECT%20'linked'")
    expect(console.editor).to_have_text("SELECT 'linked'")


def test_each_tab_keeps_its_own_text(console):
    first = console.page
    console.write("SELECT 'first'")
    another_tab(console)
    # A new tab begins with the text that was edited last.
    expect(console.editor).to_have_text("SELECT 'first'")
    console.write("SELECT 'second'")
    console.page = first
    console.page.reload()
    expect(console.editor).to_have_text("SELECT 'first'")


def test_the_history_is_that_of_all_tabs(console):
    first = console.page
    another_tab(console)
    second = console.page
    console.page = first
    console.run("SELECT 'in the first' AS a")
    panel = console.show("History")
    console.page = second
    console.run("SELECT 'in the second' AS a")
    expect(panel.get_by_role("listitem")).to_have_count(2)
    console.page = first
    console.run("SELECT 'in the first again' AS a")
    panel = console.show("History")
    expect(panel.get_by_role("listitem")).to_have_count(3)
    panel.get_by_role("button", name="Clear").click()
    console.page = second
    console.show("History")
    expect(panel.get_by_role("listitem")).to_have_count(0)


def test_history_of_long_texts_drops_only_its_oldest_entries(console):
    """A browser stores up to five megabytes."""
    old = [
        {"sql": f"SELECT {i} -- " + "x" * 60_000, "at": "2026-01-01", "ms": 1} for i in range(80)
    ]
    console.page.evaluate("old => localStorage.setItem('tarn.history', JSON.stringify(old))", old)
    long = "SELECT 'new' AS a -- " + "y" * 60_000
    for i in range(12):
        console.run(f"SELECT {i} AS n -- {'y' * 60_000}")
    console.run(long)
    console.page.goto("about:blank")
    console.page.goto(console.url)
    items = console.show("History").get_by_role("listitem")
    expect(items.first).to_contain_text("SELECT 'new'")
    assert items.count() > 20


def test_replaced_text_can_be_undone(console):
    """Rows and History replace the text. Ctrl-Z undoes that."""
    console.write("SELECT 'half of a query'")
    console.button("Show rows of cities").click()
    expect(console.editor).to_have_text("FROM cities LIMIT 1000")
    console.page.keyboard.press("Control+z")
    expect(console.editor).to_have_text("SELECT 'half of a query'")
