"""catalogd: invalid input is an error 400 that names the field and the reason, and nothing is
stored."""

import json

import pytest

GOOD = {"objects": [{"key": "k"}]}

BODIES = [
    ("not JSON", b""),
    ("", b"not json"),
    ("", b"{"),
    ("", b'{"objects":[{"key":"k"}]} trailing'),
    ("", b'{"objects":[{"key":"\xff"}]}'),
    ("", b'{"objects":[{"key":"\\ud800"}]}'),
    ("", b"[" * 100000),
    ("body", b"null"),
    ("body", b"[]"),
    ("body", b'"text"'),
    ("body", b"1"),
    ("objects", {}),
    ("objects", {"objects": None}),
    ("objects", {"objects": []}),
    ("objects", {"objects": {}}),
    ("objects", {"objects": "k"}),
    ("objects", {"objects": 1}),
    ("objects[0]", {"objects": ["k"]}),
    ("objects[0]", {"objects": [None]}),
    ("objects[0].key", {"objects": [{}]}),
    ("objects[0].key", {"objects": [{"size": 1}]}),
    ("objects[0].key", {"objects": [{"key": None}]}),
    ("objects[0].key", {"objects": [{"key": 1}]}),
    ("objects[0].key", {"objects": [{"key": ["k"]}]}),
    ("objects[0].key", {"objects": [{"key": ""}]}),
    ("objects[0].key", {"objects": [{"key": "k" * 1025}]}),
    ("objects[0].key", {"objects": [{"key": "é" * 513}]}),
    ("objects[0].key", {"objects": [{"key": "nul\u0000"}]}),
    ("objects[1].key", {"objects": [{"key": "k"}, {"key": ""}]}),
    ("objects[1].key", {"objects": [{"key": "k"}, {"key": "k"}]}),
    ("objects[0].size", {"objects": [{"key": "k", "size": -1}]}),
    ("objects[0].size", {"objects": [{"key": "k", "size": 1.5}]}),
    ("objects[0].size", {"objects": [{"key": "k", "size": "1"}]}),
    ("objects[0].size", {"objects": [{"key": "k", "size": True}]}),
    ("objects[0].size", b'{"objects":[{"key":"k","size":9223372036854775808}]}'),
    ("objects[0].size", b'{"objects":[{"key":"k","size":1e400}]}'),
    ("objects[0].etag", {"objects": [{"key": "k", "etag": 5}]}),
    ("objects[0].colour", {"objects": [{"key": "k", "colour": "red"}]}),
    ("row_count", GOOD | {"row_count": -1}),
    ("row_count", GOOD | {"row_count": "5"}),
    ("row_count", GOOD | {"row_count": 5.5}),
    ("schema_fingerprint", GOOD | {"schema_fingerprint": 5}),
    ("schema_fingerprint", GOOD | {"schema_fingerprint": {}}),
    ("colour", GOOD | {"colour": "red"}),
    ("updated_at", GOOD | {"updated_at": "2026-01-01T00:00:00Z"}),
    ("name", GOOD | {"name": "other"}),
]


@pytest.fixture(scope="module")
def catalog(module_lake):
    module_lake.start_catalogd()
    return module_lake.catalog


def assert_refused(catalog, target: str, body: bytes, field: str) -> None:
    before = catalog.get("/catalog/list").body
    answer = catalog.request("PUT", target, body)
    message = answer.expect_error(400, "")
    assert field in message
    assert len(message) < 2000, "names the reason, without the complete input"
    problem = catalog.request("PUT", target, body, {"Accept": "application/json"})
    assert problem.status == 400
    assert problem.json()["detail"] == message
    assert catalog.get("/catalog/list").body == before, "the catalogue is unchanged"


@pytest.mark.parametrize(("field", "body"), BODIES, ids=[f"{f}:{str(b)[:40]}" for f, b in BODIES])
def test_bad_body(catalog, field, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if b"1e400" in raw:
        field = ""  # The number may already be an error of the JSON parser.
    assert_refused(catalog, "/catalog/datasets/x", raw, field)


@pytest.mark.parametrize(
    "escaped",
    [
        "n" * 256,
        "%C3%A9" * 128,
        "tab%09here",
        "line%0Abreak",
        "%00",
        "%1F",
        "%7F",
        "%C2%85",  # U+0085, a control character of two bytes
        "%FF",
        "%C3",
        "%C0%AF",  # "/", overlong
        "%ED%A0%80",  # a surrogate
        "%F4%90%80%80",  # beyond U+10FFFF
    ],
)
def test_bad_name(catalog, escaped):
    assert_refused(catalog, f"/catalog/datasets/{escaped}", json.dumps(GOOD).encode(), "name")


@pytest.mark.parametrize("escaped", ["%", "%4", "%zz", "a%2"])
def test_invalid_percent_escape(catalog, escaped):
    assert_refused(catalog, f"/catalog/datasets/{escaped}", json.dumps(GOOD).encode(), "%")


def test_empty_name(catalog):
    before = catalog.get("/catalog/list").body
    answer = catalog.request("PUT", "/catalog/datasets/", json.dumps(GOOD))
    assert answer.status in (400, 404)
    assert catalog.get("/catalog/list").body == before


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("escaped", ["%FF", "%zz", "%00", "n" * 256])
def test_invalid_names_in_get_and_delete(catalog, method, escaped):
    assert catalog.request(method, f"/catalog/datasets/{escaped}").status in (400, 404)


def test_body_over_its_limit_is_413(new_lake):
    new_lake.set("catalogd", body_bytes_max=2048).start_catalogd()
    small = {"objects": [{"key": "k" * 500}, {"key": "l" * 500}]}
    large = {"objects": [{"key": f"{n:0500}"} for n in range(10)]}
    assert new_lake.catalog.put("x", small).status == 201
    assert new_lake.catalog.put("x", large).status == 413
    assert new_lake.catalog.manifest("x").json()["objects"][0]["key"] == "k" * 500


def test_incomplete_body_stores_nothing(catalog):
    before = catalog.get("/catalog/list").body
    with catalog.connect() as connection:
        connection.sendall(
            b"PUT /catalog/datasets/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
            + b'{"objects":[{"key":"k"}]}'
        )
    assert catalog.get("/catalog/list").body == before


def test_name_is_not_sql_in_the_catalogue(catalog):
    names = ["'; DROP TABLE datasets; --", '"; DELETE FROM manifests; --', "x' OR '1'='1"]
    for name in names:
        assert catalog.put(name, GOOD).status == 201
    assert {item["name"] for item in catalog.list()["manifests"]} >= set(names)
    for name in names:
        assert catalog.delete(name).status == 204
        assert catalog.manifest(name).status == 404
