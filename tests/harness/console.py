"""The web console in a browser, used as a user would."""

from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from harness.programs import REPO
from harness.waiting import wait_until

# Large, because a machine with two cores can be slow. Tests that pass never wait this long.
LIMIT_MS = 30_000
AXE = REPO / "console" / "node_modules" / "axe-core" / "axe.min.js"


def _fails_with(message: str) -> str:
    value = f"CASE WHEN n = 900000 THEN error({message}) ELSE n END"
    return f"SELECT n, {value} AS e FROM range(1000000) t(n)"


# Queries that fail after most of their rows were sent. One fails at once, the other after a pause,
# when the client has received all rows and the response could look complete.
FAILS_LATE = {
    "within a batch": _fails_with("'row too far'"),
    "between batches": _fails_with(
        "'row too far' || len(list_transform(range(n * 3), x -> md5(x::VARCHAR)))"
    ),
}


class Console:
    """A page. Closing it fails if the page sent requests to other servers or reported errors."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.url = f"http://{address}/"
        self.page: Page
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        # The browser's message for a status other than 2xx. Tests that cause such responses allow
        # it.
        self.expected_statuses: set[int] = set()
        context.set_default_timeout(LIMIT_MS)
        context.on("page", self._watch)
        expect.set_options(timeout=LIMIT_MS)

    def open(self, fragment: str = "") -> "Console":
        self.page = self.context.new_page()
        self.page.goto(self.url + fragment)
        return self

    def close(self) -> None:
        self.context.close()
        assert not self.elsewhere, "the page sent a request to another server"
        assert not self.complaints

    def _watch(self, page: Page) -> None:
        # The browser also reports violations of the page's policy as messages.
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _hear(self, kind: str, text: str) -> None:
        expected = any(f"status of {status}" in text for status in self.expected_statuses)
        if kind in ("error", "warning") and not expected:
            self.complaints.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith((self.url, "blob:" + self.url)):
            self.elsewhere.append(url)

    # --- parts of the page

    @property
    def editor(self) -> Locator:
        return self.page.get_by_role("textbox", name="SQL")

    @property
    def grid(self) -> Locator:
        return self.page.get_by_role("grid", name="Result")

    @property
    def state(self) -> Locator:
        return self.page.locator(".run-state p[role=status]")

    @property
    def problem(self) -> Locator:
        return self.page.locator(".run-state [role=alert]")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def dataset(self, name: str) -> Locator:
        navigation = self.page.get_by_role("navigation", name="Datasets")
        return navigation.locator(".dataset").filter(has_text=name)

    def show(self, tab: str) -> Locator:
        self.page.get_by_role("tab", name=tab).click()
        return self.page.get_by_role("tabpanel", name=tab)

    # --- actions of a user

    def write(self, sql: str) -> None:
        self.editor.focus()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(sql)

    def start(self, sql: str) -> None:
        self.write(sql)
        self.page.keyboard.press("Control+Enter")

    def run(self, sql: str) -> None:
        """Runs a statement and waits for all rows."""
        self.start(sql)
        expect(self.state).to_contain_text(" in ")
        expect(self.button("Run")).to_be_visible()

    def row(self, number: int) -> list[str]:
        """Returns the cells of a visible row, counted from 1."""
        line = self.grid.locator(f"[aria-rowindex='{number + 1}']")
        return line.get_by_role("gridcell").all_text_contents()

    def row_count(self) -> int:
        return int(self.grid.get_attribute("aria-rowcount") or 0) - 1

    def download(self, name: str) -> Path:
        with self.page.expect_download() as download:
            self.button("Download").click()
            self.page.get_by_role("menuitem", name=name, exact=True).click()
        return download.value.path()

    def box(self, cell: str) -> dict[str, float]:
        """Returns the position of a cell. Repeats this if the grid is just being redrawn."""
        return wait_until(self.grid.locator(cell).bounding_box, f"a position of {cell}")

    def axe(self) -> list[str]:
        """Returns the violations that axe finds on the page, with their elements."""
        self.page.evaluate(AXE.read_text())
        found: Any = self.page.evaluate("axe.run(document)")
        assert found["passes"], "axe has checked nothing"
        return [
            f"{violation['id']}: {violation['help']}: {[n['html'] for n in violation['nodes']]}"
            for violation in found["violations"]
        ]
