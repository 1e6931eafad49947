"""Tests the daemons with requests that are generated from GET /openapi.json."""

import re
import subprocess

import pytest
from harness import programs
from harness.tokens import Tokens

# Exceptions. A text that fits the document may be invalid SQL, and an object may be named twice, so
# valid requests may be refused. 503 and 504 come from the queue and the deadline, and 304 from a
# condition. Deleted datasets have a history and can be restored.
CONFIGURATION = """
[checks]
positive_data_acceptance.enabled = false
not_a_server_error.expected-statuses = ["2xx", "304", "4xx", "503", "504"]

[[operations]]
include-path-regex = "/(history|restore)$"
checks.use_after_free.enabled = false
"""
METHODS = ("get", "put", "post", "delete")


@pytest.fixture(scope="module")
def described(module_lake):
    # Requests that wait for a change are tested too.
    module_lake.set("catalogd", wait_max="100ms").start()
    module_lake.add("numbers", "SELECT 42 AS n")
    module_lake.wait_for_rows("numbers", [[42]])
    return module_lake


@pytest.fixture(scope="module", params=["query", "catalog"])
def client(request, described):
    return getattr(described, request.param)


def test_document_names_every_route(client):
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["info"]["version"])
    for path, item in document["paths"].items():
        # 405 lists the methods of a path.
        allowed = client.request("BREW", re.sub(r"\{\w+\}", "x", path)).headers["Allow"]
        assert set(allowed.lower().split(", ")) - {"head"} == set(item) & set(METHODS), path
    listed = {route for route in client.get("/metrics").text.split('"') if route.startswith("/")}
    assert listed <= set(document["paths"]), "a used route is not in the document"


def test_document_needs_no_token(new_lake):
    Tokens(new_lake).create("a")
    new_lake.start()
    for daemon in (new_lake.query, new_lake.catalog):
        assert daemon.get("/openapi.json").status == 200


def test_schemathesis(client, scratch):
    """Sends requests from the document, and some that it forbids. Every response must fit it."""
    configuration = scratch / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    command = [
        str(programs.DEPS_DIR / "venv" / "bin" / "schemathesis"),
        f"--config-file={configuration}",
        "run",
        f"http://{client.address}/openapi.json",
        "--max-examples=40",
        "--seed=20261122",
        "--no-color",
        "--request-timeout=30",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=scratch)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
