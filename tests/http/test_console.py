"""How queryd serves the web console. tests/browser tests the console in a browser."""

import gzip
import re

import pytest
from harness.tokens import Tokens


@pytest.fixture(scope="module")
def client(shared_lake):
    return shared_lake.query


def assets(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/[^"]+)"', page)


def test_page_and_all_its_assets(client):
    page = client.get("/")
    assert page.status == 200
    assert page.content_type == "text/html; charset=utf-8"
    assert page.headers["Cache-Control"] == "no-cache"
    names = assets(page.text)
    assert {name.rpartition(".")[2] for name in names} == {"js", "css", "svg"}
    for name in names:
        answer = client.get(name)
        assert answer.status == 200, name
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
        assert answer.content_type.startswith(kind[name.rpartition(".")[2]])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_compressed_if_accepted(client):
    for path in ("/", *assets(client.get("/").text)):
        plain = client.get(path)
        zipped = client.get(path, {"Accept-Encoding": "gzip, deflate, br, zstd"})
        assert "Content-Encoding" not in plain.headers
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(zipped.body) == plain.body


def test_content_security_policy_allows_no_other_server_and_nothing_unsafe(client):
    policy = client.get("/").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"unsafe|http|\*|data:", policy)
    # All other responses keep the strictest policy.
    other = client.get("/healthz").headers["Content-Security-Policy"]
    assert other == "default-src 'none'; frame-ancestors 'none'"


def test_other_paths_of_the_console_are_404(client):
    for path in ("/console", "/console/", "/console/nowhere.js", "/console/../sql", "/index.html"):
        assert client.get(path).status == 404, path
    assert client.request("POST", "/").status == 405


def test_pages_of_other_sites_cannot_load_it(client):
    other = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "no-cors",
        "Sec-Fetch-Dest": "script",
    }
    assert client.get(assets(client.get("/").text)[0], other).status == 403


def test_only_the_page_needs_no_token(new_lake):
    Tokens(new_lake).create("a")
    new_lake.start()
    page = new_lake.query.get("/")
    assert page.status == 200
    assert all(new_lake.query.get(name).status == 200 for name in assets(page.text))
    assert new_lake.query.sql("SELECT 1").status == 401
