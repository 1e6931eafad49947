"""Parameters of a statement that runs repeatedly, and faults of DuckDB with them."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from harness.client import Client
from harness.parameters import ITEMS, ask


@pytest.fixture(scope="module")
def client(shared_lake) -> Client:
    shared_lake.add("items", ITEMS)
    shared_lake.wait_for_refresh("created=1")
    return shared_lake.query


def test_cached_plan_with_other_parameters(client):
    """Plans are cached, but a call uses no values of the previous one."""
    text = "SELECT id, ? AS v FROM items WHERE id = ?"
    for n in range(20):
        assert ask(client, text, [f"v{n}", n]).rows() == [[n, f"v{n}"]]


@pytest.mark.parametrize(
    "text", ["SELECT $1 AS v, typeof($1) AS t", "SELECT ? AS v FROM items LIMIT 1"]
)
def test_cached_plan_with_other_types(client, text):
    values = (1, "x", Decimal("1.25"), None, [1, 2], {"a": 1}, True, 2**63, 1)
    for value in values:
        answer = ask(client, text, json.dumps([value], default=float))
        assert answer.rows()[0][0] == value
        assert len(answer.json()["rows"]) == 1


def test_cached_plan_after_an_error(client):
    text = "SELECT ?::INTEGER + 1"
    for _ in range(3):
        assert ask(client, text, ["41"]).rows() == [[42]]
        ask(client, text, ["no number"]).expect_error(400, "query: ")
        ask(client, text, []).expect_error(400, "query: params: ")
        ask(client, text, {"a": 1}).expect_error(400, "query: params: ")
    assert ask(client, text, ["41"]).rows() == [[42]]


def test_plans_with_and_without_parameters_are_different(client):
    text = "SELECT count(*) FROM items WHERE id < ?"
    assert ask(client, text, [5]).rows() == [[5]]
    client.sql(text).expect_text_error(400, "query: params: 0 given, the statement takes 1")
    assert ask(client, text, [6]).rows() == [[6]]


def test_same_statement_from_many_clients_at_once(client):
    text = "SELECT count(*) + ? - ? FROM items WHERE id < ?"

    def one(n: int) -> list:
        return ask(client, text, [n, n, n % 20]).rows()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(200))) == [[[n % 20]] for n in range(200)]


def test_cached_plan_sees_new_rows(lake):
    """The same text and parameters after a change of the dataset."""
    lake.add("growing", "SELECT 1 AS n", "one.parquet")
    lake.wait_for_rows("growing", [[1]])
    text = "SELECT count(*), sum(n) FROM growing WHERE n >= ?"
    assert ask(lake.query, text, [0]).rows() == [[1, 1]]
    lake.add("growing", "SELECT unnest([1, 2, 3]) AS n", "two.parquet")
    lake.wait_for_rows("growing", [[1], [2], [3]])
    assert ask(lake.query, text, [0]).rows() == [[3, 6]]
    assert lake.catalog.delete("growing").status == 204
    lake.wait_until_gone("growing")
    ask(lake.query, text, [0]).expect_error(400, "query: ")


# --- faults of DuckDB


@pytest.mark.parametrize(
    "text",
    [
        "SELECT typeof($1), $1::VARCHAR",
        "SELECT typeof(?), ?::VARCHAR, ?",
        "SELECT $1, $1::INTEGER, $1::VARCHAR",
        "SELECT CASE WHEN $1 IS NULL THEN $1 ELSE $1 END",
        "SELECT [$1, $1]",
        "SELECT typeof($1), $1::VARCHAR FROM items LIMIT 1",
        "SELECT ? UNION ALL SELECT ?",
        "VALUES (?), (?)",
    ],
)
def test_parameters_of_unknown_type_do_not_affect_the_service(shared_lake, client, text):
    """DuckDB reports an internal error for some of these if it plans them without values."""
    count = max(1, text.count("?"))
    starts = shared_lake.queryd.log.count("engine starting")
    for value in (1, "2", None, 2.5, [1], 1):
        answer = ask(client, text, [value] * count)
        assert answer.status in (200, 400), answer.text
        assert client.sql("SELECT count(*) FROM items").rows() == [[20]]
    if "INTEGER" not in text:
        assert answer.status == 200, answer.text
    assert shared_lake.queryd.log.count("engine starting") == starts
