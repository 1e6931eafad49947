"""catalogd: earlier versions of datasets, also of deleted ones, can be listed and restored."""

import pytest
from harness.client import Answer, Client, dataset_path
from harness.tokens import Tokens


@pytest.fixture(scope="module")
def catalog(module_lake):
    module_lake.start_catalogd()
    return module_lake.catalog


def history(catalog: Client, name: str, query: str = "") -> dict:
    answer = catalog.get(dataset_path(name) + "/history" + query)
    assert answer.status == 200, f"{answer.status}: {answer.text}"
    return answer.json()


def restore(catalog: Client, name: str, body: str, **headers: str) -> Answer:
    return catalog.request("POST", dataset_path(name) + "/restore", body, headers)


def test_history_has_each_version_newest_first(catalog):
    first = catalog.put("a", {"objects": [{"key": "1"}], "row_count": 1}).json()
    second = catalog.put_keys("a", "2")
    catalog.delete("a")
    listed = history(catalog, "a")
    assert listed["name"] == "a"
    assert [entry["version"] for entry in listed["versions"]] == [3, 2, 1]
    assert [entry["deleted"] for entry in listed["versions"]] == [True, False, False]
    assert "next_before" not in listed
    deleted, newer, older = listed["versions"]
    assert "content" not in deleted
    for manifest, entry in ((first, older), (second, newer)):
        assert entry["updated_at"] == manifest["updated_at"]
        assert entry["dataset_id"] == manifest["dataset_id"]
        assert entry["content"]["objects"] == manifest["objects"]
        assert entry["content"]["row_count"] == manifest["row_count"]
    assert deleted["revision"] > newer["revision"] > older["revision"]


def test_history_is_paged(catalog):
    for number in range(10):
        catalog.put_keys("paged", f"k{number}")
    versions, query = [], "?limit=4"
    while True:
        page = history(catalog, "paged", query)
        assert len(page["versions"]) <= 4
        versions += [entry["version"] for entry in page["versions"]]
        if "next_before" not in page:
            break
        query = f"?limit=4&before={page['next_before']}"
    assert versions == list(range(10, 0, -1))


def test_history_of_an_unknown_dataset_is_404(catalog):
    catalog.get("/catalog/datasets/never/history").expect_text_error(
        404, 'no such dataset: "never"'
    )


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "before=-1", "before=", "limit=1.5"])
def test_invalid_page_is_400(catalog, query):
    catalog.put_keys("page", "k")
    answer = catalog.get(f"/catalog/datasets/page/history?{query}")
    answer.expect_error(400, query.partition("=")[0] + ": ")


def test_restore_creates_a_new_version_from_an_old_one(catalog):
    first = catalog.put_keys("back", "good")
    catalog.put_keys("back", "bad")
    answer = restore(catalog, "back", '{"version":1}')
    assert answer.status == 200
    manifest = answer.json()
    assert manifest["version"] == 3
    assert manifest["objects"] == first["objects"]
    assert manifest["updated_at"] > first["updated_at"]
    assert answer.headers["ETag"] == f'"{first["dataset_id"]}.3"'
    assert catalog.manifest("back").json() == manifest
    assert restore(catalog, "back", '{"version":3}').json() == manifest, (
        "the content is already current"
    )


def test_restore_of_a_deleted_dataset(catalog):
    first = catalog.put_keys("phoenix", "k")
    catalog.delete("phoenix")
    where = catalog.get("/catalog/list").headers["ETag"].strip('"')
    answer = restore(catalog, "phoenix", '{"version":1}')
    assert answer.status == 201
    manifest = answer.json()
    assert manifest["dataset_id"] == first["dataset_id"]
    assert manifest["created_at"] == first["created_at"]
    assert manifest["version"] == 3
    listed = catalog.get(f"/catalog/list?since={where}").json()
    assert listed["manifests"] == [manifest]


def test_restore_of_a_former_dataset_with_the_same_name(catalog):
    first = catalog.put_keys("namesake", "first")
    catalog.delete("namesake")
    second = catalog.put_keys("namesake", "second")
    assert restore(catalog, "namesake", '{"version":2}').status == 404
    body = f'{{"version":1,"dataset_id":"{first["dataset_id"]}"}}'
    manifest = restore(catalog, "namesake", body).json()
    assert manifest["dataset_id"] == second["dataset_id"]
    assert manifest["objects"] == first["objects"]


def test_restore_of_deletions_and_unknown_versions(catalog):
    manifest = catalog.put_keys("gone", "k")
    catalog.delete("gone")
    restore(catalog, "gone", '{"version":2}').expect_text_error(
        409, 'version 2 of "gone" is its deletion'
    )
    restore(catalog, "gone", '{"version":3}').expect_error(
        404, f'the history has no version 3 of "gone" with the dataset_id "{manifest["dataset_id"]}'
    )
    restore(catalog, "never", '{"version":1}').expect_text_error(404, 'no such dataset: "never"')


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "not JSON: "),
        ("[]", "body: "),
        ("{}", "version: "),
        ('{"version":0}', "version: "),
        ('{"version":"1"}', "version: "),
        ('{"version":-1}', "version: "),
        ('{"version":1,"dataset_id":1}', "dataset_id: "),
        ('{"version":1,"when":2}', "when: unknown field"),
    ],
)
def test_invalid_restore_is_400(catalog, body, error):
    catalog.put_keys("odd", "k")
    restore(catalog, "odd", body).expect_error(400, error)


def test_restore_under_a_condition(catalog):
    etag = catalog.put("guarded", {"objects": [{"key": "1"}]}).headers["ETag"]
    catalog.put_keys("guarded", "2")
    assert restore(catalog, "guarded", '{"version":1}', **{"If-Match": etag}).status == 412
    assert restore(catalog, "guarded", '{"version":1}', **{"If-Match": "*"}).status == 200


def test_history_of_a_dataset_is_limited(new_lake):
    new_lake.set("catalogd", history_versions_max=3).start_catalogd()
    for number in range(10):
        new_lake.catalog.put_keys("a", f"k{number}")
    versions = [entry["version"] for entry in history(new_lake.catalog, "a")["versions"]]
    assert versions == [10, 9, 8]


def test_deleted_datasets_are_purged_after_their_retention(new_lake):
    new_lake.set("catalogd", deleted_keep="1us").start_catalogd()
    new_lake.catalog.put_keys("a", "k")
    new_lake.catalog.delete("a")
    new_lake.catalog.put_keys("b", "k")
    assert new_lake.catalog.get("/catalog/datasets/a/history").status == 404
    assert restore(new_lake.catalog, "a", '{"version":1}').status == 404


def test_history_of_others_is_not_visible(new_lake):
    tokens = Tokens(new_lake)
    everything = tokens.create("all", "catalog")
    blue = tokens.create("blue", "catalog", datasets=("blue_*",), prefixes=("1",))
    new_lake.start_catalogd()
    new_lake.catalog.token = everything
    for name in ("red", "blue_1"):
        new_lake.catalog.put_keys(name, "1")
        new_lake.catalog.put_keys(name, "2")
    limited = new_lake.catalog.with_token(blue)
    assert len(history(limited, "blue_1")["versions"]) == 2
    limited.get("/catalog/datasets/red/history").expect_text_error(404, 'no such dataset: "red"')
    assert restore(limited, "red", '{"version":1}').status == 403
    assert restore(limited, "blue_1", '{"version":1}').status == 200
