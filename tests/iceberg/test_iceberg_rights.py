"""Tokens see the tables of their own datasets and no trace of others."""

import pytest
from harness.iceberg import TABLES, add, attach, expect_error, load, pyiceberg
from harness.tokens import Tokens
from pyiceberg.exceptions import NoSuchTableError


@pytest.fixture(scope="module")
def tenants(module_lake):
    lake = module_lake
    tokens = Tokens(lake)
    loader = tokens.create("loader", "catalog")
    lake.blue_token = tokens.create("blue", "catalog", datasets=("blue_*",))
    lake.red_token = tokens.create("red", "catalog", datasets=("red_*",))
    lake.query_token = tokens.create("reader", "query")
    lake.start_catalogd()
    lake.catalog.token = loader
    add(lake, "blue_orders", "SELECT 1 AS id")
    add(lake, "red_orders", "SELECT 2 AS id")
    return lake


def test_each_tenant_reads_its_own_tables(tenants):
    for token, own, other, rows in [
        (tenants.blue_token, "blue_orders", "red_orders", [1]),
        (tenants.red_token, "red_orders", "blue_orders", [2]),
    ]:
        catalog = pyiceberg(tenants, token)
        assert catalog.list_tables("lake") == [("lake", own)]
        assert catalog.load_table(("lake", own)).scan().to_arrow()["id"].to_pylist() == rows
        assert catalog.table_exists(("lake", own))
        assert not catalog.table_exists(("lake", other))
        with pytest.raises(NoSuchTableError):
            catalog.load_table(("lake", other))
        connection = attach(tenants, token)
        assert connection.execute(f"SELECT id FROM ice.lake.{own}").fetchall() == [(rows[0],)]


def test_a_foreign_table_and_a_missing_one_look_the_same(tenants):
    blue = tenants.catalog.with_token(tenants.blue_token)
    for name in ("red_orders", "red_none"):
        message = expect_error(load(blue, name), 404, "NoSuchTableException")
        assert message == f'no such dataset: "{name}"'


def test_requests_without_the_role_are_refused(tenants):
    for path in ("/iceberg/v1/config", "/iceberg/v1/namespaces", TABLES, f"{TABLES}/blue_orders"):
        without = tenants.catalog.with_token("")
        expect_error(without.get(path), 401, "NotAuthorizedException")
        reader = tenants.catalog.with_token(tenants.query_token)
        expect_error(reader.get(path), 403, "ForbiddenException")
