"""The routes of the Iceberg REST catalog: responses, pages, errors and limits."""

import threading

import pytest
from harness.iceberg import TABLES, add, attach, expect_error, load, pyiceberg, register
from harness.recorder import Recorder
from harness.tokens import Tokens
from harness.waiting import wait_until

NAMESPACES = "/iceberg/v1/namespaces"


def prefix(lake) -> str:
    return f".iceberg-{lake.files.prefix}/"


@pytest.fixture(scope="module")
def protocol_lake(shared_lake):
    add(shared_lake, "one", "SELECT 1 AS id")
    return shared_lake


def test_config_lists_exactly_the_endpoints(protocol_lake):
    config = protocol_lake.catalog.get("/iceberg/v1/config?warehouse=any").json()
    assert config == {
        "defaults": {},
        "overrides": {},
        "endpoints": [
            "GET /v1/{prefix}/namespaces",
            "GET /v1/{prefix}/namespaces/{namespace}",
            "HEAD /v1/{prefix}/namespaces/{namespace}",
            "GET /v1/{prefix}/namespaces/{namespace}/tables",
            "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
            "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",
        ],
    }


def test_there_is_one_namespace(protocol_lake):
    catalog = protocol_lake.catalog
    assert catalog.get(NAMESPACES).json() == {"namespaces": [["lake"]]}
    assert catalog.get(f"{NAMESPACES}?parent=lake").json() == {"namespaces": []}
    assert catalog.get(f"{NAMESPACES}/lake").json() == {"namespace": ["lake"], "properties": {}}
    assert catalog.request("HEAD", f"{NAMESPACES}/lake").status == 204
    assert catalog.request("HEAD", f"{NAMESPACES}/other").status == 404
    for path in ("?parent=other", "/other", "/lake%1Fother", "/other/tables"):
        expect_error(catalog.get(NAMESPACES + path), 404, "NoSuchNamespaceException")


def test_unknown_tables_and_namespaces_are_unknown_tables(protocol_lake):
    catalog = protocol_lake.catalog
    for path in (f"{TABLES}/none", f"{NAMESPACES}/other/tables/one", f"{TABLES}/ONE"):
        expect_error(catalog.get(path), 404, "NoSuchTableException")
        assert catalog.request("HEAD", path).status == 404
    assert catalog.request("HEAD", f"{TABLES}/one").status == 204


def test_tables_are_listed_in_pages(make_lake):
    lake = make_lake().start()
    names = ["a b", "a", "b/c", "größe", "z"]
    for name in names:
        add(lake, name, "SELECT 1 AS id")

    def page(query: str) -> tuple[list[str], str | None]:
        found = lake.catalog.get(f"{TABLES}?{query}").json()
        assert all(one["namespace"] == ["lake"] for one in found["identifiers"])
        return [one["name"] for one in found["identifiers"]], found.get("next-page-token")

    assert page("") == (sorted(names), None)
    found: list[str] = []
    token: str | None = ""
    while token is not None:
        one, token = page(f"pageSize=2&pageToken={token.replace('%', '%25')}")
        assert 1 <= len(one) <= 2
        found += one
    assert found == sorted(names)
    expect_error(lake.catalog.get(f"{TABLES}?pageSize=0"), 400, "BadRequestException")
    expect_error(lake.catalog.get(f"{TABLES}?pageToken=%2500"), 400, "BadRequestException")
    assert [name for _, name in pyiceberg(lake).list_tables("lake")] == sorted(names)
    for name in names:
        assert load(lake.catalog, name).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", NAMESPACES),
        ("DELETE", f"{NAMESPACES}/lake"),
        ("POST", TABLES),
        ("POST", f"{TABLES}/one"),
        ("DELETE", f"{TABLES}/one"),
        ("POST", f"{TABLES}/one/metrics"),
        ("POST", "/iceberg/v1/tables/rename"),
        ("POST", "/iceberg/v1/oauth/tokens"),
        ("GET", f"{NAMESPACES}/lake/views"),
    ],
)
def test_other_requests_are_refused_with_an_error_document(protocol_lake, method, path):
    answer = protocol_lake.catalog.request(method, path, body="{}" if method == "POST" else None)
    assert answer.status in (404, 405)
    message = expect_error(answer, answer.status, "UnsupportedOperationException")
    assert "read-only" in message


def test_clients_cannot_write(protocol_lake):
    catalog = pyiceberg(protocol_lake)
    with pytest.raises(Exception, match="405|UnsupportedOperation|not support"):
        catalog.drop_table(("lake", "one"))
    with pytest.raises(Exception, match="read-only|not support|405|404"):
        attach(protocol_lake).execute("INSERT INTO ice.lake.one VALUES (2)")
    assert catalog.load_table(("lake", "one")).scan().to_arrow()["id"].to_pylist() == [1]


def test_a_folder_has_no_iceberg_catalog(make_lake, scratch):
    lake = make_lake()
    (scratch / "lake").mkdir()
    lake.set("s3", endpoint=f"file://{scratch}")
    lake.start_catalogd()
    answer = lake.catalog.get("/iceberg/v1/config")
    message = expect_error(answer, 404, "UnsupportedOperationException")
    assert "need a bucket" in message
    lake.catalogd.stop()
    lake.set("iceberg", enabled=True)
    exited = lake.run_to_exit("catalogd")
    assert exited.status == 1
    assert "iceberg.enabled: Iceberg tables need a bucket" in exited.stderr


def test_invalid_settings_are_refused(make_lake):
    lake = make_lake()
    for setting, value in [
        ("namespace", "a.b"),
        ("metadata_prefix", "/x/"),
        ("metadata_prefix", "x"),
        ("metadata_prefix", "x/../"),
        ("metadata_prefix", "x y/"),
        ("vended_access_key_id", lake.files.store.credentials.access_key_id),
    ]:
        lake.settings["iceberg"] = {setting: value}
        exited = lake.run_to_exit("catalogd")
        assert exited.status == 1
        assert f"iceberg.{setting}" in exited.stderr


def test_errors_name_the_object(make_lake):
    lake = make_lake()
    lake.start()
    key = lake.files.put_rows("a.parquet", "SELECT 1 AS id")
    lake.catalog.put_keys("without_etag", key)
    message = expect_error(load(lake.catalog, "without_etag"), 400, "BadRequestException")
    assert f'object "{key}": it is registered without its ETag' in message

    register(lake, "overwritten", key)
    lake.files.put_rows("a.parquet", "SELECT 2 AS id")
    message = expect_error(load(lake.catalog, "overwritten"), 400, "BadRequestException")
    assert f'object "{key}": it was overwritten' in message

    broken = lake.files.put("b.parquet", b"PAR1 no footer")
    register(lake, "broken", broken)
    message = expect_error(load(lake.catalog, "broken"), 400, "BadRequestException")
    assert f'object "{broken}": it is not a Parquet file' in message

    short = lake.files.put("c.parquet", b"PAR1\xff\xff\x00\x00PAR1")
    register(lake, "short", short)
    message = expect_error(load(lake.catalog, "short"), 400, "BadRequestException")
    assert f'object "{short}": its footer is damaged' in message

    gone = lake.files.put_rows("d.parquet", "SELECT 1 AS id")
    register(lake, "gone", gone)
    lake.files.delete("d.parquet")
    message = expect_error(load(lake.catalog, "gone"), 400, "BadRequestException")
    assert f'object "{gone}": it does not exist' in message
    metrics = lake.catalog.get("/metrics").text
    assert 'tarn_iceberg_loads_total{answer="failed"} 5' in metrics
    assert "cannot load an Iceberg table" in lake.catalogd.log


def test_long_footers_are_read_with_a_second_request(make_lake):
    lake = make_lake().start()
    columns = ", ".join(f"{i} AS column_with_a_long_name_{i:04}" for i in range(2500))
    add(lake, "wide", f"SELECT {columns}")
    arrow = pyiceberg(lake).load_table(("lake", "wide")).scan().to_arrow()
    assert arrow.num_columns == 2500
    assert arrow["column_with_a_long_name_2499"].to_pylist() == [2499]


def test_a_store_that_refuses_writes_is_named(make_lake, recorder):
    lake = make_lake()
    reader = recorder.new_credentials()
    lake.files.store.accept(readers=(reader,))
    lake.settings["iceberg"] = {
        "access_key_id": reader.access_key_id,
        "secret_access_key": reader.secret_access_key,
        "metadata_prefix": prefix(lake),
    }
    lake.start()
    add(lake, "t", "SELECT 1 AS id")
    answer = load(lake.catalog, "t")
    message = expect_error(answer, 503, "ServiceUnavailableException")
    assert "iceberg.metadata_prefix" in message
    assert "iceberg.access_key_id" in message
    assert answer.headers["Retry-After"] == "1"
    metrics = lake.catalog.get("/metrics").text
    assert 'tarn_iceberg_object_failures_total{change="write"} 1' in metrics
    # The same table is made once the key may write.
    lake.files.store.accept(reader)
    wait_until(lambda: load(lake.catalog, "t").status == 200, "the table is made")
    assert pyiceberg(lake).load_table(("lake", "t")).scan().to_arrow().num_rows == 1
    lake.files.store.accept()


def test_concurrent_loads_share_one_making(make_lake):
    lake = make_lake().start()
    add(lake, "shared", *(f"SELECT {i} AS id" for i in range(40)))
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(load(lake.catalog, "shared").status))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16
    metrics = lake.catalog.get("/metrics").text
    assert 'tarn_iceberg_loads_total{answer="made"} 1' in metrics
    assert 'tarn_iceberg_footers_total{source="store"} 40' in metrics


def test_limits_are_errors_that_name_their_setting(make_lake):
    lake = make_lake()
    lake.settings["iceberg"] = {"footers_bytes_max": 1_000_000, "metadata_bytes_max": 100_000}
    lake.start()
    columns = ", ".join(f"1 AS c{i}" for i in range(3000))
    add(lake, "heavy", *(f"SELECT {columns}" for _ in range(4)))
    message = expect_error(load(lake.catalog, "heavy"), 400, "BadRequestException")
    assert "iceberg.footers_bytes_max" in message
    columns = ", ".join(f"1 AS column_with_a_long_name_{i}" for i in range(1000))
    add(lake, "long", f"SELECT {columns}")
    message = expect_error(load(lake.catalog, "long"), 400, "BadRequestException")
    assert "iceberg.metadata_bytes_max" in message


def test_only_tokens_of_all_datasets_get_vended_keys(make_lake):
    lake = make_lake()
    # Of another recorder, because responses have it.
    vended = Recorder().new_credentials()
    lake.files.store.accept(readers=(vended,))
    tokens = Tokens(lake)
    everything = tokens.create("all", "catalog")
    tenant = tokens.create("tenant", "catalog", datasets=("t",))
    lake.settings["iceberg"] = {
        "vended_access_key_id": vended.access_key_id,
        "vended_secret_access_key": vended.secret_access_key,
    }
    lake.start_catalogd()
    lake.catalog.token = everything
    add(lake, "t", "SELECT 1 AS id")
    loaded = load(lake.catalog, "t").json()
    assert loaded["config"]["s3.access-key-id"] == vended.access_key_id
    assert len(loaded["storage-credentials"]) == 2
    limited = load(lake.catalog.with_token(tenant), "t").json()
    assert limited["config"] == {}
    assert "storage-credentials" not in limited
    catalog = pyiceberg(lake, everything, credentials=None)
    assert catalog.load_table(("lake", "t")).scan().to_arrow()["id"].to_pylist() == [1]
    connection = attach(lake, everything, vended=True)
    assert connection.execute("SELECT id FROM ice.lake.t").fetchall() == [(1,)]
    lake.files.store.accept()
