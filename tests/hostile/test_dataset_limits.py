"""No tenant can fill the catalogue: its datasets, and the list that queryd reads, have limits."""

import json

import pytest
from harness.client import Answer, Client
from harness.engine import metric
from harness.tokens import Tokens
from harness.waiting import wait_until

LIST_BYTES = 1_000_000


def keys(kilobytes: int, name: str = "k") -> dict:
    return {"objects": [{"key": f"{name}/{number:05}" + "x" * 960} for number in range(kilobytes)]}


def refused(answer: Answer, setting: str) -> str:
    assert answer.status == 413, f"{answer.status}: {answer.text[:200]}"
    assert f"(catalogd.{setting})" in answer.text
    return answer.text


@pytest.fixture
def tenants(new_lake):
    lake = new_lake
    lake.set("catalogd", datasets_bytes_max=LIST_BYTES, datasets_max_per_token=5)
    lake.settings["http"] = {}
    tokens = Tokens(lake)
    tokens.let_queryd_in()
    made = {
        color: tokens.create(
            color, "catalog", datasets=(f"{color}_*",), prefixes=("k/", f"{lake.files.prefix}/")
        )
        for color in ("red", "blue")
    }
    made["loader"] = tokens.create("loader", "catalog")
    made["admin"] = tokens.create("admin", "admin", "query")
    lake.start_catalogd()
    lake.clients = {name: lake.catalog.with_token(token) for name, token in made.items()}
    lake.made = made
    return lake


def of(lake, *names: str) -> list[Client]:
    return [lake.clients[name] for name in names]


def test_tenant_is_limited_to_a_quarter_of_the_list(tenants):
    red, blue, loader, admin = of(tenants, "red", "blue", "loader", "admin")
    assert red.put("red_1", keys(100)).status == 201
    assert red.put("red_2", keys(100)).status == 201
    text = refused(red.put("red_3", keys(100)), "datasets_bytes_max_per_token")
    assert "more than 250000 " in text
    assert metric(admin, "tarn_catalog_too_large_total") == 1
    tenants.catalogd.wait_for_line("change refused: over a limit", "user=red ")
    assert blue.put("blue_1", keys(200)).status == 201
    assert loader.put("all", keys(300)).status == 201
    # Also after a restart, and for versions from the history.
    tenants.catalogd.stop()
    tenants.start_catalogd()
    refused(red.put("red_2", keys(200)), "datasets_bytes_max_per_token")
    assert red.put("red_1", keys(1)).status == 200
    assert red.put("red_3", keys(100)).status == 201
    restore = "/catalog/datasets/red_1/restore"
    refused(red.request("POST", restore, '{"version":1}'), "datasets_bytes_max_per_token")
    assert red.delete("red_3").status == 204
    assert red.request("POST", restore, '{"version":1}').status == 200


def test_tenant_has_a_limited_number_of_datasets(tenants):
    red, loader = of(tenants, "red", "loader")
    for number in range(5):
        assert red.put(f"red_{number}", keys(1)).status == 201
    refused(red.put("red_5", keys(1)), "datasets_max_per_token")
    assert red.put("red_4", keys(2)).status == 200
    for number in range(10):
        assert loader.put(f"other_{number}", keys(1)).status == 201


def test_list_is_never_larger_than_its_limit_and_queryd_reads_it(tenants):
    lake = tenants
    red, loader, admin = of(lake, "red", "loader", "admin")
    key = lake.files.put_rows("data.parquet", "SELECT 7 AS n")
    assert red.put("red_data", {"objects": [{"key": key}]}).status == 201
    count = 0
    while (answer := loader.put(f"large_{count}", keys(90))).status == 201:
        count += 1
    refused(answer, "datasets_bytes_max")
    assert count == 11
    assert LIST_BYTES - 100_000 < len(loader.get("/catalog/list").body) <= LIST_BYTES + 100
    assert LIST_BYTES - 100_000 < metric(admin, "tarn_catalog_manifest_bytes") <= LIST_BYTES
    assert metric(admin, "tarn_catalog_datasets") == count + 1
    refused(red.put("red_2", keys(100)), "datasets_bytes_max")
    lake.start_queryd()
    query = lake.query.with_token(lake.made["admin"])
    wait_until(lambda: query.sql("FROM red_data").status == 200, "queryd has read the list")


def test_sums_of_a_restored_backup_are_correct(tenants):
    lake = tenants
    red, admin = of(lake, "red", "admin")
    assert red.put("red_1", keys(100)).status == 201
    backup = admin.get("/catalog/backup").body
    assert red.put("red_2", keys(100)).status == 201
    lake.catalogd.stop()
    for path in (lake.folder / "catalog").glob("catalog.sqlite*"):
        path.unlink()
    (lake.folder / "catalog" / "catalog.sqlite").write_bytes(backup)
    lake.start_catalogd()
    assert 95_000 < metric(admin, "tarn_catalog_manifest_bytes") < 105_000
    assert red.put("red_2", keys(100)).status == 201
    refused(red.put("red_3", keys(100)), "datasets_bytes_max_per_token")


def test_history_of_a_tenant_has_a_limit(tenants):
    lake = tenants
    lake.catalogd.stop()
    lake.set("catalogd", history_bytes_max_per_token=1_000_000).start_catalogd()
    red, blue, loader = of(lake, "red", "blue", "loader")
    assert blue.put("blue_1", keys(90)).status == 201
    assert blue.put("blue_1", keys(91)).status == 200
    database = lake.folder / "catalog" / "catalog.sqlite"
    for number in range(40):
        assert red.put("red_1", keys(90, f"k/{number}")).status in (200, 201)
    size = database.stat().st_size
    for number in range(100):
        assert red.put("red_1", keys(90, f"k/{number}")).status == 200
    assert database.stat().st_size < size + 1_000_000, "100 versions have 9 MB"
    history = "/catalog/datasets/red_1/history"
    versions = loader.get(history).json()["versions"]
    assert 8 <= len(versions) <= 12 and versions[0]["version"] == 140
    restore = "/catalog/datasets/red_1/restore"
    red.request("POST", restore, '{"version":1}').expect_error(404, "the history has no version 1")
    oldest = json.dumps({"version": versions[-1]["version"]})
    assert red.request("POST", restore, oldest).status == 200
    assert len(blue.get("/catalog/datasets/blue_1/history").json()["versions"]) == 2


def test_lowered_limit_allows_smaller_manifests(tenants):
    lake = tenants
    (loader,) = of(lake, "loader")
    lake.catalogd.stop()
    lake.set("catalogd", datasets_bytes_max=3_000_000).start_catalogd()
    assert loader.put("large", keys(2000)).status == 201
    lake.catalogd.stop()
    lake.set("catalogd", datasets_bytes_max=LIST_BYTES).start_catalogd()
    lake.catalogd.wait_for_line("the manifests exceed catalogd.datasets_bytes_max")
    refused(loader.put("small", keys(1)), "datasets_bytes_max")
    assert loader.put("large", keys(1500)).status == 200
    assert loader.put("large", keys(500)).status == 200
    assert loader.put("small", keys(1)).status == 201


def test_limit_of_a_token_above_that_of_all_is_an_error(new_lake):
    new_lake.set("catalogd", datasets_bytes_max=2_000_000, datasets_bytes_max_per_token=2_000_001)
    exited = new_lake.run_to_exit("catalogd")
    assert exited.status == 1
    assert "catalogd.datasets_bytes_max_per_token: must be at most" in exited.stderr
