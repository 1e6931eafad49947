"""Copies parts of a result to the clipboard."""

import pytest
from playwright.sync_api import expect

SQL = """SELECT n AS id, CASE WHEN n % 2 = 0 THEN 'text ' || n END AS name,
  E'a "b"\\nc\\td' AS odd FROM range(1000) t(n)"""


@pytest.fixture
def result(console):
    console.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.run(SQL)
    console.grid.focus()
    return console


def copied(console) -> str:
    """Copies the selection and returns the text of the clipboard."""
    # The hint of an earlier copy can still be there, so a change of the clipboard is awaited.
    console.page.evaluate("navigator.clipboard.writeText('not copied')")
    console.page.keyboard.press("Control+c")
    expect(console.page.locator(".hint")).to_contain_text("Copied")
    console.page.wait_for_function(
        "async () => await navigator.clipboard.readText() !== 'not copied'"
    )
    return console.page.evaluate("navigator.clipboard.readText()")


def test_a_cell_is_copied_as_it_is(result):
    result.page.keyboard.press("End")
    assert copied(result) == 'a "b"\nc\td'


def test_cells_are_selected_with_shift(result):
    for key in ["ArrowDown", "Shift+ArrowDown", "Shift+ArrowRight"]:
        result.page.keyboard.press(key)
    expect(result.grid.locator("[aria-selected=true]")).to_have_count(4)
    # NULL is an empty cell in a spreadsheet.
    assert copied(result) == "1\t\n2\ttext 2"
    result.page.keyboard.press("ArrowUp")
    expect(result.grid.locator("[aria-selected=true]")).to_have_count(0)
    assert result.axe() == []


def test_cells_are_selected_with_the_mouse(result):
    box = result.box("#cell-2-1")
    result.grid.locator("#cell-0-0").hover()
    result.page.mouse.down()
    result.page.mouse.move(box["x"] + 5, box["y"] + 5, steps=3)
    result.page.mouse.up()
    assert copied(result) == "0\ttext 0\n1\t\n2\ttext 2"
    result.grid.locator("#cell-3-2").click(modifiers=["Shift"])
    assert copied(result).endswith('\n3\t\t"a ""b""\nc\td"')


def test_all_of_it_is_copied_with_its_names(result):
    result.page.keyboard.press("Control+a")
    text = copied(result)
    assert text.startswith('id\tname\todd\n0\ttext 0\t"a ""b""')
    assert text.count("\n") == 2 * 1000


def test_too_much_is_not_copied(console):
    console.run("SELECT n, n AS m FROM range(600000) t(n)")
    console.grid.focus()
    console.page.keyboard.press("Control+a")
    console.page.keyboard.press("Control+c")
    expect(console.page.locator(".hint")).to_contain_text("1,200,002 cells are too many")


def test_copying_works_on_plain_http_of_another_machine(new_console, served):
    """Without HTTPS, a page has no navigator.clipboard."""
    console = new_console(served.address)
    console.context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'clipboard', {value: undefined})"
    )
    console.open().run("SELECT 'by the older way' AS a")
    console.grid.focus()
    console.page.keyboard.press("Control+c")
    expect(console.page.locator(".hint")).to_have_text("Copied")
    console.write("")
    console.page.keyboard.press("Control+v")
    expect(console.editor).to_have_text("by the older way")


def double_click(console, part: str) -> None:
    """Presses the button twice for long enough that the grid is drawn again meanwhile."""
    box = console.box(part)
    console.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for count in [1, 2]:
        console.page.mouse.down(click_count=count)
        console.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        console.page.mouse.up(click_count=count)


def test_a_double_click_shows_the_whole_value(console):
    console.run("SELECT 1 AS a, repeat('wide ', 300) AS b")
    double_click(console, "#cell-0-1")
    expect(console.page.get_by_role("dialog")).to_contain_text("wide " * 299)


def test_a_column_is_made_as_wide_as_its_values(console):
    console.run("SELECT 1 AS a, repeat('wide ', 30) AS b")
    width = "() => parseFloat(document.querySelector('#cell-0-1')?.style.width)"
    # The widest that a column becomes by itself. The grid is drawn again in the next frame.
    console.page.wait_for_function(f"{width} === 420")
    double_click(console, ".grip[data-column='1']")
    expect(console.page.get_by_role("dialog")).to_have_count(0)
    console.page.wait_for_function(f"{width} > 620")
