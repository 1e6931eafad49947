"""catalogd: conditional changes (RFC 9110, 13), and the types of a schema."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Answer, Client, dataset_path

BODY = '{"objects":[{"key":"%s"}]}'


@pytest.fixture(scope="module")
def catalog(module_lake):
    module_lake.start_catalogd()
    return module_lake.catalog


def put_if(catalog: Client, name: str, key: str, **headers: str) -> Answer:
    sent = {header.replace("_", "-"): value for header, value in headers.items()}
    return catalog.request("PUT", dataset_path(name), BODY % key, sent)


def delete_if(catalog: Client, name: str, **headers: str) -> Answer:
    sent = {header.replace("_", "-"): value for header, value in headers.items()}
    return catalog.request("DELETE", dataset_path(name), headers=sent)


# --- ETags


def test_each_manifest_has_the_etag_of_its_version(catalog):
    created = put_if(catalog, "tagged", "a")
    dataset_id = created.json()["dataset_id"]
    assert created.headers["ETag"] == f'"{dataset_id}.1"'
    assert created.json()["version"] == 1
    updated = put_if(catalog, "tagged", "b")
    assert updated.headers["ETag"] == f'"{dataset_id}.2"'
    assert put_if(catalog, "tagged", "b").headers["ETag"] == f'"{dataset_id}.2"'
    assert catalog.manifest("tagged").headers["ETag"] == f'"{dataset_id}.2"'
    assert catalog.manifest("tagged").json() == updated.json()


def test_versions_start_again_with_a_new_dataset_id(catalog):
    put_if(catalog, "anew", "a")
    put_if(catalog, "anew", "b")
    old = catalog.manifest("anew").json()
    delete_if(catalog, "anew")
    new = put_if(catalog, "anew", "a").json()
    assert (old["version"], new["version"]) == (2, 1)
    assert old["dataset_id"] != new["dataset_id"]


def test_get_of_a_known_version_is_304(catalog):
    etag = put_if(catalog, "known", "a").headers["ETag"]
    for known in (etag, f"W/{etag}", "*"):
        answer = catalog.get(dataset_path("known"), {"If-None-Match": known})
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["ETag"] == etag
    put_if(catalog, "known", "b")
    assert catalog.get(dataset_path("known"), {"If-None-Match": etag}).status == 200
    assert catalog.get(dataset_path("nowhere"), {"If-None-Match": "*"}).status == 404


# --- If-Match and If-None-Match


def test_if_match_with_the_current_version_allows_the_change(catalog):
    first = put_if(catalog, "matched", "a").headers["ETag"]
    second = put_if(catalog, "matched", "b", If_Match=first)
    assert second.status == 200
    stale = put_if(catalog, "matched", "c", If_Match=first)
    assert stale.expect_error(412, "If-Match failed: ") == (
        f"If-Match failed: the current version is 2, ETag {second.headers['ETag']}"
    )
    assert catalog.manifest("matched").json() == second.json()
    assert put_if(catalog, "matched", "c", If_Match="*").status == 200


def test_if_match_of_a_missing_dataset_is_412(catalog):
    for tag in ("*", '"x.1"'):
        answer = put_if(catalog, "unborn", "a", If_Match=tag)
        answer.expect_text_error(412, "If-Match failed: there is no such dataset")
    assert catalog.manifest("unborn").status == 404
    assert delete_if(catalog, "unborn", If_Match="*").status == 404


def test_weak_tags_never_allow_a_change(catalog):
    etag = put_if(catalog, "weak", "a").headers["ETag"]
    assert put_if(catalog, "weak", "b", If_Match=f"W/{etag}").status == 412
    assert delete_if(catalog, "weak", If_Match=f"W/{etag}").status == 412
    assert put_if(catalog, "weak", "b", If_Match=f'W/{etag}, "x", {etag}').status == 200


def test_if_none_match_creates_and_never_replaces(catalog):
    assert put_if(catalog, "created", "a", If_None_Match="*").status == 201
    again = put_if(catalog, "created", "a", If_None_Match="*")
    again.expect_error(412, "If-None-Match failed: the current version is 1")
    assert put_if(catalog, "created", "b", If_None_Match="*").status == 412
    assert catalog.manifest("created").json()["version"] == 1
    assert delete_if(catalog, "created").status == 204
    assert put_if(catalog, "created", "b", If_None_Match="*").status == 201


def test_delete_if_match(catalog):
    first = put_if(catalog, "deleted", "a").headers["ETag"]
    second = put_if(catalog, "deleted", "b").headers["ETag"]
    assert delete_if(catalog, "deleted", If_Match=first).status == 412
    assert delete_if(catalog, "deleted", If_Match=second).status == 204


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("value", ["", "x", '"x', "1.2"])
def test_invalid_condition_changes_nothing(catalog, header, value):
    """Ignoring an invalid condition could overwrite data that the client wants to protect."""
    answer = catalog.request("PUT", dataset_path("odd"), BODY % "a", {header: value})
    answer.expect_error(400, f"{header}: ")
    assert catalog.manifest("odd").status == 404


def test_condition_as_a_problem_document(catalog):
    headers = {"If-Match": "*", "Accept": "application/json"}
    answer = catalog.request("PUT", dataset_path("unborn"), BODY % "a", headers)
    assert answer.status == 412
    assert answer.json()["title"] == "Precondition Failed"


def test_counters_with_if_match_lose_no_update(catalog):
    """Concurrent updates that read, change and write under a condition are all in the result."""
    put_if(catalog, "counter", "0")

    def count(_: int) -> int:
        refused = 0
        while True:
            known = catalog.manifest("counter")
            value = int(known.json()["objects"][0]["key"])
            answer = put_if(catalog, "counter", str(value + 1), If_Match=known.headers["ETag"])
            if answer.status == 200:
                return refused
            assert answer.status == 412
            refused += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(80)))
    assert catalog.manifest("counter").json()["objects"][0]["key"] == "80"
    assert catalog.manifest("counter").json()["version"] == 81


# --- schema


def put_types(catalog: Client, name: str, query: str = "", **types: str) -> Answer:
    schema = ",".join(f'{{"name":"{column}","type":"{type_}"}}' for column, type_ in types.items())
    body = f'{{"objects":[{{"key":"{types}"}}],"schema":[{schema}]}}'
    return catalog.request("PUT", dataset_path(name) + query, body)


def test_schema_is_stored_and_returned(catalog):
    schema = [
        {"name": "id", "type": "BIGINT", "nullable": False},
        {"name": "päth", "type": "STRUCT(a INTEGER, b VARCHAR[])"},
    ]
    manifest = catalog.put("described", {"objects": [{"key": "k"}], "schema": schema}).json()
    assert manifest["schema"] == schema
    assert manifest in catalog.list()["manifests"]
    again = catalog.put("described", {"objects": [{"key": "k"}], "schema": schema}).json()
    assert again == manifest
    assert "schema" not in catalog.put_keys("described", "k")


def test_types_may_widen_and_columns_may_be_added_or_dropped(catalog):
    assert put_types(catalog, "grows", id="INTEGER", x="FLOAT", gone="DATE").status == 201
    assert put_types(catalog, "grows", id="BIGINT", x="DOUBLE", new="DATE").status == 200
    assert put_types(catalog, "grows", new="DATE", gone="VARCHAR").status == 200


def test_incompatible_type_changes_are_409(catalog):
    first = put_types(catalog, "typed", id="BIGINT", x="DECIMAL(18,2)", y="VARCHAR").json()
    answer = put_types(catalog, "typed", id="INTEGER", x="DECIMAL(18,4)", y="VARCHAR")
    assert answer.expect_error(409, "") == (
        'this would change types of "typed" and may break its readers: '
        'column "id" from BIGINT to INTEGER, column "x" from DECIMAL(18,2) to DECIMAL(18,4); '
        "set ?allow_schema_change=true to allow it"
    )
    assert catalog.manifest("typed").json() == first
    allowed = put_types(catalog, "typed", "?allow_schema_change=true", id="INTEGER")
    assert allowed.status == 200
    refused = put_types(catalog, "typed", "?allow_schema_change=false", id="TINYINT")
    assert refused.status == 409
    odd = put_types(catalog, "typed", "?allow_schema_change=yes", id="INTEGER")
    odd.expect_text_error(400, "allow_schema_change: must be true or false")
