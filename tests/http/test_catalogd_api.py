"""catalogd: list, get, put and delete datasets; revisions and times."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
FULL = {
    "objects": [{"key": "a/b.parquet", "size": 123, "etag": '"0f0f"'}, {"key": "a/c.parquet"}],
    "row_count": 9007199254740993,
    "schema_fingerprint": "sha256:ünï",
}


@pytest.fixture
def catalog(new_lake):
    """A new and empty catalogue."""
    new_lake.start_catalogd()
    return new_lake.catalog


def test_empty_catalogue(catalog):
    answer = catalog.list()
    assert answer["manifests"] == []
    assert isinstance(answer["revision"], int)


def test_put_creates_with_201_and_returns_the_manifest(catalog):
    answer = catalog.put("sales", FULL)
    assert answer.status == 201
    assert answer.content_type.split(";")[0] == "application/json"
    manifest = answer.json()
    assert manifest["name"] == "sales"
    assert manifest["dataset_id"]
    assert manifest["objects"][0] == FULL["objects"][0]
    assert manifest["objects"][1]["key"] == "a/c.parquet"
    assert manifest["row_count"] == FULL["row_count"]
    assert manifest["schema_fingerprint"] == FULL["schema_fingerprint"]
    assert TIME.fullmatch(manifest["created_at"])
    assert TIME.fullmatch(manifest["updated_at"])


def test_list_and_get_return_the_same_manifest(catalog):
    manifest = catalog.put("sales", FULL).json()
    assert catalog.manifest("sales").json() == manifest
    assert catalog.list()["manifests"] == [manifest]


def test_manifest_has_every_field_of_the_list(catalog):
    catalog.put_keys("bare", "x")
    (manifest,) = catalog.list()["manifests"]
    assert manifest.keys() >= {
        "name",
        "dataset_id",
        "schema_fingerprint",
        "objects",
        "row_count",
        "created_at",
        "updated_at",
    }


def test_same_content_again_is_200_and_changes_nothing(catalog):
    first = catalog.put("sales", FULL)
    revision = catalog.revision()
    again = catalog.put("sales", FULL)
    assert again.status == 200
    assert again.json() == first.json()
    assert catalog.revision() == revision


def test_same_content_in_other_json_changes_nothing(catalog):
    first = catalog.put("x", '{"objects":[{"key":"k","size":1}],"row_count":2}')
    other = b' { "row_count" : 2 ,\n"objects": [ {"size":1, "key":"\\u006b"} ] } '
    again = catalog.put("x", other)
    assert again.status == 200
    assert again.json() == first.json()


CHANGES = [
    {"objects": [{"key": "a/b.parquet", "size": 124, "etag": '"0f0f"'}, {"key": "a/c.parquet"}]},
    {"objects": [{"key": "a/b.parquet", "size": 123, "etag": '"0f0e"'}, {"key": "a/c.parquet"}]},
    {"objects": [{"key": "a/B.parquet", "size": 123, "etag": '"0f0f"'}, {"key": "a/c.parquet"}]},
    {"objects": FULL["objects"][::-1]},
    {"objects": FULL["objects"][:1]},
    {"row_count": 9007199254740992},
    {"row_count": None},
    {"schema_fingerprint": "sha256:other"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change)[:60])
def test_new_content_has_a_strictly_later_updated_at(catalog, change):
    first = catalog.put("sales", FULL).json()
    revision = catalog.revision()
    answer = catalog.put("sales", FULL | change)
    assert answer.status == 200
    changed = answer.json()
    assert changed["updated_at"] > first["updated_at"]
    assert changed["created_at"] == first["created_at"]
    assert changed["dataset_id"] == first["dataset_id"]
    assert catalog.revision() == revision + 1


def test_updated_at_is_strictly_later_in_rapid_changes(catalog):
    times = [catalog.put_keys("busy", f"key-{n}")["updated_at"] for n in range(100)]
    assert times == sorted(set(times))


def test_updated_at_is_strictly_later_after_a_delete_and_create(catalog):
    """A client that compares only updated_at must see that the dataset is another one."""
    for _ in range(20):
        first = catalog.put_keys("phoenix", "key")
        assert catalog.delete("phoenix").status == 204
        second = catalog.put_keys("phoenix", "key")
        assert second["updated_at"] > first["updated_at"]
        assert second["dataset_id"] != first["dataset_id"]


def test_delete_is_204_and_then_404(catalog):
    catalog.put("sales", FULL)
    gone = catalog.delete("sales")
    assert (gone.status, gone.body) == (204, b"")
    assert catalog.delete("sales").status == 404
    assert catalog.manifest("sales").status == 404
    assert catalog.list()["manifests"] == []


def test_unknown_dataset_is_404(catalog):
    catalog.put("sales", FULL)
    assert "Sales" in catalog.manifest("Sales").expect_error(404, "")
    problem = catalog.get("/catalog/datasets/nowhere", {"Accept": "application/json"})
    assert problem.status == 404
    assert problem.content_type.split(";")[0] == "application/problem+json"
    assert problem.json()["status"] == 404


def test_revision_increments_only_with_each_change(catalog):
    start = catalog.revision()

    def grown() -> int:
        return catalog.revision() - start

    catalog.put("a", FULL)
    assert grown() == 1
    catalog.put("b", FULL)
    assert grown() == 2
    catalog.put("a", FULL)
    assert grown() == 2
    catalog.put("a", FULL | {"row_count": 1})
    assert grown() == 3
    assert catalog.delete("nowhere").status == 404
    assert catalog.put("a", {"objects": []}).status == 400
    assert catalog.manifest("a").status == 200
    assert grown() == 3
    assert catalog.delete("b").status == 204
    assert grown() == 4
    assert catalog.delete("b").status == 404
    assert grown() == 4


def test_dataset_of_many_objects(catalog):
    objects = [{"key": f"part-{n:05}.parquet", "size": n} for n in range(5000)]
    assert catalog.put("many", {"objects": objects}).status == 201
    assert [o["key"] for o in catalog.manifest("many").json()["objects"]] == [
        o["key"] for o in objects
    ]


def test_list_has_many_datasets(catalog):
    names = [f"dataset-{n:03}" for n in range(300)]
    for name in names:
        catalog.put_keys(name, f"{name}.parquet")
    listed = catalog.list()
    assert sorted(manifest["name"] for manifest in listed["manifests"]) == names


def test_concurrent_changes_have_different_revisions(catalog):
    start = catalog.revision()

    def write(worker: int) -> list[str]:
        return [catalog.put_keys("contended", f"key-{worker}-{n}")["updated_at"] for n in range(15)]

    with ThreadPoolExecutor(8) as pool:
        times = [time for chunk in pool.map(write, range(8)) for time in chunk]
    assert len(set(times)) == 120
    assert catalog.revision() == start + 120
    assert catalog.manifest("contended").json()["updated_at"] == max(times)


def test_list_shows_exactly_one_revision(catalog):
    """The list has exactly the content of its revision."""
    start = catalog.revision()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [catalog.put_keys(f"d{n}", "k") for n in range(100)])
        while not writing.done():
            snapshot = catalog.list()
            assert snapshot["revision"] - start == len(snapshot["manifests"])
        writing.result()


def test_name_of_the_maximum_length(catalog):
    for name in ("n" * 255, "é" * 127, "🦆" * 63):
        assert catalog.put("x", FULL).status in (200, 201)
        assert catalog.put(name, FULL).status == 201
        assert catalog.manifest(name).json()["name"] == name


def test_key_of_the_maximum_length(catalog):
    for key in ("k" * 1024, "é" * 512):
        assert catalog.put_keys("long", key)["objects"][0]["key"] == key


def test_names_that_differ_in_one_byte_are_different(catalog):
    names = ["a", "É", "a ", " a", "é", "e\u0301", "a/b", "a%2Fb", "a+b", "a b", ".", ".."]
    for name in names:
        assert catalog.put_keys(name, f"key of {name}")["name"] == name
    for name in names:
        assert catalog.manifest(name).json()["objects"][0]["key"] == f"key of {name}"
    assert len(catalog.list()["manifests"]) == len(names)
