"""JSON whose tree would be much larger than its text is refused before the tree is built."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

BYTES = 16_000_000
REQUESTS = 4
DEEP = "lists and objects are nested more than 64 deep"
MANY = "manifest too large: more than 500000 values (catalogd.json_values_max)"


def filled(start: bytes, repeated: bytes, end: bytes) -> bytes:
    return start + repeated * ((BYTES - len(start) - len(end)) // len(repeated)) + end


BOMBS = {
    "lists in lists": (filled(b"", b"[", b""), 400, DEEP),
    "objects in objects": (filled(b"", b'{"a":', b""), 400, DEEP),
    "lists in a field": (filled(b'{"objects":', b"[", b""), 400, DEEP),
    "empty lists": (filled(b'{"objects":[', b"[],", b"[]]}"), 413, MANY),
    "empty objects": (filled(b'{"objects":[', b"{},", b"{}]}"), 413, MANY),
    "fields": (filled(b'{"objects":[', b'{"":0},', b"{}]}"), 413, MANY),
    "numbers": (filled(b'{"schema":[', b"0,", b"0]}"), 413, MANY),
}


@pytest.fixture(scope="module")
def lake(module_lake):
    module_lake.start_catalogd()
    return module_lake


def peak_bytes(lake) -> int:
    status = Path(f"/proc/{lake.catalogd.process.pid}/status").read_text()
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB", status, re.M)
    return int(kilobytes) * 1024


@pytest.mark.parametrize("name", BOMBS)
def test_json_bomb_uses_no_more_memory_than_its_text(lake, name):
    body, status, message = BOMBS[name]
    with ThreadPoolExecutor(REQUESTS) as pool:
        answers = list(pool.map(lambda _: lake.catalog.put("bomb", body), range(REQUESTS)))
    for answer in answers:
        assert message in answer.expect_error(status, "")
    # The server has each body once, in a buffer of up to twice its size.
    assert peak_bytes(lake) < 100_000_000 + REQUESTS * 2 * BYTES
    assert lake.catalog.list()["manifests"] == []


def test_manifest_within_the_limits_is_accepted(lake):
    objects = [{"key": f"k{n}", "size": n, "etag": "e"} for n in range(100_000)]
    answer = lake.catalog.put("large", {"objects": objects})
    assert answer.status == 201
    assert lake.catalog.delete("large").status == 204


def test_restore_accepts_only_a_small_body(lake):
    target = "/catalog/datasets/x/restore"
    many = b'{"version":[' + b"0," * 200 + b"0]}"
    assert lake.catalog.request("POST", target, many).status == 413
    assert DEEP in lake.catalog.request("POST", target, b"[" * 1000).expect_error(400, "")
