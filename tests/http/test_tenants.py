"""Two tenants: tokens that are limited to datasets see their own datasets and no trace
of others."""

import re

import pytest
from harness.tokens import Tokens
from harness.waiting import wait_until

# Names that no error may show to the other tenant.
BLUE = ("blue_orders", "shared_days")
RED = ("red_orders", "red_secret_plans", "shared_days")


@pytest.fixture(scope="module")
def tenants(module_lake):
    lake = module_lake
    tokens = Tokens(lake)
    tokens.let_queryd_in()
    catalog = tokens.create("loader", "catalog")
    lake.blue_token = tokens.create("blue", "query", datasets=("blue_*", "shared_days"))
    lake.red_token = tokens.create("red", "query", datasets=("red_*", "shared_days"))
    lake.all_token = tokens.create("all", "query")
    lake.blue_loader_token = tokens.create("blue-loader", "catalog", datasets=("blue_*",))
    lake.start()
    lake.catalog.token = catalog
    lake.add("blue_orders", "SELECT range AS blue_id FROM range(10)", key="blue.parquet")
    lake.add("red_orders", "SELECT range AS red_id FROM range(20)", key="red.parquet")
    lake.add("red_secret_plans", "SELECT 'plan' AS red_column", key="plans.parquet")
    lake.add("shared_days", "SELECT DATE '2026-01-01' AS day", key="days.parquet")
    lake.blue = lake.query.with_token(lake.blue_token)
    lake.red = lake.query.with_token(lake.red_token)
    lake.all = lake.query.with_token(lake.all_token)
    wait_until(
        lambda: lake.all.sql("FROM shared_days").status == 200, "all datasets can be queried"
    )
    return lake


def test_tenants_see_the_sizes_of_their_own_datasets(tenants):
    def sizes(client) -> dict[str, dict]:
        datasets = client.get("/catalog/datasets").json()["datasets"]
        return {dataset.pop("name"): dataset for dataset in datasets}

    assert set(sizes(tenants.blue)) == set(BLUE)
    assert set(sizes(tenants.red)) == set(RED)
    assert set(sizes(tenants.all)) == {*BLUE, *RED}
    assert tenants.query.get("/catalog/datasets").status == 401


def test_each_tenant_reads_its_own_datasets(tenants):
    assert tenants.blue.sql("SELECT count(*) FROM blue_orders").rows() == [[10]]
    assert tenants.red.sql("SELECT count(*) FROM red_orders").rows() == [[20]]
    for client in (tenants.blue, tenants.red, tenants.all):
        assert client.sql("SELECT count(*) FROM shared_days").rows() == [[1]]
    assert tenants.all.sql("SELECT count(*) FROM blue_orders, red_orders").rows() == [[200]]


# Each requests existing names and names of the other tenant.
PROBES = [
    "FROM red_orders",
    "FROM main.red_orders",
    "FROM memory.main.red_orders",
    'FROM "RED_ORDERS"',
    "SELECT * FROM blue_orders JOIN red_orders ON true",
    "SELECT (SELECT count(*) FROM red_orders)",
    "WITH x AS (FROM red_orders) FROM x",
    "FROM query('FROM red_orders')",
    "FROM query_table('red_orders')",
    "DESCRIBE red_orders",
    "DESCRIBE FROM red_orders",
    "SHOW red_orders",
    "SUMMARIZE red_orders",
    "EXPLAIN FROM red_orders",
    "EXPLAIN ANALYZE FROM red_orders",
    "FROM red_order",
    "FROM rad_orders",
    "FROM red_secret_plan",
    "SELECT red_colum FROM blue_orders",
    "SELECT blue_orders.red_id FROM blue_orders",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SHOW DATABASES",
    "FROM information_schema.tables",
    "FROM information_schema.columns",
    "FROM information_schema.views",
    "FROM duckdb_views()",
    "FROM duckdb_tables()",
    "FROM duckdb_columns()",
    "FROM pg_catalog.pg_class",
    "FROM pg_catalog.pg_views",
    "FROM sqlite_master",
    "FROM pragma_table_info('red_orders')",
    "SELECT 'red_orders'::REGCLASS",
    "SELECT COLUMNS('red.*') FROM blue_orders",
]
RED_WORDS = re.compile(r"red_secret_plans|red_column|red_id|red\.parquet|plans\.parquet")


@pytest.mark.parametrize("sql", PROBES)
def test_no_statement_shows_datasets_of_other_tenants(tenants, sql):
    answer = tenants.blue.sql(sql)
    # An error may quote the statement, but nothing else.
    left = answer.text.lower()
    for word in re.findall(r"\w+", sql.lower()):
        left = re.sub(rf"\b{re.escape(word)}\b", "", left)
    assert not RED_WORDS.search(left), answer.text
    assert "red_orders" not in left, answer.text


@pytest.mark.parametrize("sql", [sql for sql in PROBES if "red_orders" in sql])
def test_name_of_the_other_tenant_is_like_an_unknown_one(tenants, sql):
    """The response is the same as for a name that does not exist."""
    asked = tenants.blue.sql(sql)
    nowhere = tenants.blue.sql(sql.replace("red_orders", "rxd_orders"))
    assert asked.status == nowhere.status
    assert asked.text.replace("red_orders", "rxd_orders") == nowhere.text


def test_lists_have_only_the_datasets_of_the_tenant(tenants):
    names = "SELECT table_name FROM information_schema.tables ORDER BY 1"
    assert tenants.blue.sql(names).rows() == [[name] for name in BLUE]
    assert tenants.red.sql(names).rows() == [[name] for name in RED]
    assert tenants.blue.sql("SHOW TABLES").rows() == [[name] for name in BLUE]


def test_history_has_only_the_datasets_of_the_tenant(tenants):
    tenants.red.sql("SELECT 'in red''s history'", {"X-Query-Id": "red-1"})
    assert "red's" not in tenants.blue.get("/queries").text
    assert "red" not in {q["user"] for q in tenants.blue.get("/queries").json()["queries"]}
    for method in ("GET", "DELETE"):
        asked = tenants.blue.request(method, "/queries/red-1")
        assert (asked.status, asked.text) == (404, "there is no such query\n")


def test_new_dataset_of_a_tenant_appears_and_disappears(tenants):
    tenants.add("blue_new", "SELECT 7 AS n", key="new.parquet")
    wait_until(
        lambda: tenants.blue.sql("FROM blue_new").status == 200, "blue can query the dataset"
    )
    assert tenants.red.sql("FROM blue_new").status == 400
    tenants.catalog.delete("blue_new")
    wait_until(
        lambda: tenants.blue.sql("FROM blue_new").status == 400,
        "the dataset can no longer be queried",
    )


def test_loader_of_a_tenant_changes_only_its_own_datasets(tenants):
    loader = tenants.catalog.with_token(tenants.blue_loader_token)
    names = [manifest["name"] for manifest in loader.list()["manifests"]]
    assert names == ["blue_orders"]
    for method, body in (("GET", None), ("DELETE", None)):
        asked = loader.request(method, "/catalog/datasets/red_orders", body)
        nowhere = loader.request(method, "/catalog/datasets/rxd_orders", body)
        assert asked.status == nowhere.status == 404
        assert asked.text.replace("red_orders", "rxd_orders") == nowhere.text
    for name in ("red_orders", "rxd_orders"):
        refused = loader.put(name, {"objects": [{"key": "k"}]})
        refused.expect_text_error(403, "this token may not change a dataset of that name")
    assert tenants.red.sql("SELECT count(*) FROM red_orders").rows() == [[20]]


def test_plan_cache_is_not_shared(tenants):
    sql = "SELECT count(*) FROM red_orders -- the same text"
    for _ in range(3):
        assert tenants.red.sql(sql).status == 200
        assert tenants.blue.sql(sql).status == 400
        assert tenants.all.sql(sql).status == 200


def test_token_without_datasets_sees_none(new_lake):
    """An empty list of datasets does not allow all datasets."""
    tokens = Tokens(new_lake)
    token = tokens.create("nothing", "query", datasets=("x",))
    tokens.path.write_text(tokens.path.read_text().replace('["x"]', "[]"))
    tokens.let_queryd_in()
    catalog, everything = tokens.create("c", "catalog"), tokens.create("e")
    new_lake.start()
    new_lake.catalog.token, new_lake.query.token = catalog, everything
    new_lake.add("x", "SELECT 1 AS n")
    new_lake.wait_for_rows("x", [[1]])
    client = new_lake.query.with_token(token)
    assert client.sql("SELECT 1").rows() == [[1]]
    assert client.sql("SHOW TABLES").rows() == []
    assert client.sql("FROM x").status == 400
