"""Fixtures: a real Chromium, and the console of a real queryd in it."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import programs
from harness.client import Client
from harness.console import Console
from harness.processes import Daemon
from harness.store import parquet
from playwright.sync_api import Browser, sync_playwright

_URL = re.compile(r"http://(127\.0\.0\.1:[0-9]+)")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing: run set-up first"
    with sync_playwright() as playwright:
        # Without Chromium's sandbox, which does not work for root. It loads only our own pages.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(session_folder: Path, recorder, request) -> Iterator[Client]:
    """`tarn up` on a folder with two datasets."""
    folder = session_folder / f"console-{request.module.__name__}"
    folder.mkdir()
    cities = "SELECT * FROM (VALUES ('Bergen', 60.4), ('Quito', -0.2), (NULL, NULL)) t(name, lat)"
    (folder / "cities.parquet").write_bytes(parquet(cities))
    (folder / "numbers.parquet").write_bytes(parquet("SELECT n FROM range(1234) t(n)"))
    argv = [programs.program("tarn"), "up", folder, "--bind", "127.0.0.1:0"]
    with Daemon(argv, folder=folder / "home", recorder=recorder) as daemon:
        url = daemon.wait_for(lambda: _URL.search(daemon.stdout), "the URL on stdout", limit_s=60)
        yield Client(url.group(1), recorder)


@pytest.fixture
def new_console(browser: Browser) -> Iterator[Callable[..., Console]]:
    """Opens consoles in a new browser context without stored data."""
    open_ones: list[Console] = []

    def new(address: str, **options) -> Console:
        open_ones.append(Console(browser.new_context(**options), address))
        return open_ones[-1]

    yield new
    for console in open_ones:
        console.close()


@pytest.fixture
def console(new_console, served: Client) -> Console:
    return new_console(served.address).open()
