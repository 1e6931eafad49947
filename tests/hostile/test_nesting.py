"""Deeply nested statements and values. Without a limit each of these takes from seconds to years
and cannot be interrupted, or overflows the stack of the engine process."""

import pytest
from harness.engine import engine_pid, failures


def nested(levels: int, opening: str, middle: str, closing: str = "") -> str:
    return opening * levels + middle + closing * levels


STATEMENTS = {
    "comments": "SELECT 1 " + nested(16_000, "/*", "", "*/"),
    "comments in a row": "SELECT 1 " + "/**/" * 15_000,
    "lists": "SELECT " + nested(900, "[", "1", "]"),
    "structs": "SELECT " + nested(490, "{'a':", "1", "}"),
    "calls": "SELECT " + nested(900, "abs(", "1", ")"),
    "sums": "SELECT 1" + "+1" * 900,
    "operators": "SELECT 1 " + "+" * 60_000 + "1",
    "scalar subqueries": "SELECT " + nested(60, "(SELECT ", "1", ")"),
    "EXISTS": "SELECT 1 WHERE " + nested(60, "EXISTS (SELECT 1 WHERE ", "true", ")"),
    "query()": "FROM query('SELECT " + nested(900, "[", "1", "]") + "')",
    "EXPLAIN": "EXPLAIN SELECT " + nested(900, "[", "1", "]"),
}

DEEP_LIST = "(repeat('[', 300000) || repeat(']', 300000))"
DEEP_OBJECT = "(repeat('{\"a\":', 300000) || '1' || repeat('}', 300000))"
VALUES = [
    f"json_contains({DEEP_LIST}, '1')",
    f"json_structure({DEEP_LIST})",
    f"from_json({DEEP_LIST}, '\"JSON\"')",
    f"json_merge_patch({DEEP_OBJECT}, '{{}}')",
    f"{DEEP_LIST}::JSON::VARIANT",
    f"hash({DEEP_LIST}::JSON::VARIANT)",
    f"to_json({DEEP_LIST}::JSON::VARIANT)",
]


@pytest.mark.parametrize("sql", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_deep_statements_are_refused(lake, sql):
    engine = engine_pid(lake.queryd)
    answer = lake.query.sql(sql)
    assert answer.status == 400, answer.text[:300]
    assert answer.text.startswith(
        ("query: not allowed: ", "query: Parser Error: Max expression depth")
    ), answer.text[:300]
    assert len(answer.text) < 400
    assert engine_pid(lake.queryd) == engine


def test_ordinary_nesting_is_accepted(lake):
    for sql in (
        "SELECT len(" + nested(50, "[", "1", "]") + ")",
        "SELECT " + nested(90, "(", "1", ")"),
        "SELECT count(*) FROM " + nested(40, "(FROM ", "range(1)", ")"),
        "SELECT 1" + "+1" * 150,
        "SELECT 1 AS x WHERE " + " OR ".join(f"x = {n}" for n in range(2000)),
        "SELECT " + nested(8, "(SELECT ", "1", ")"),
        "SELECT 1 /" + "*" * 5000 + "/",
    ):
        answer = lake.query.sql(sql)
        assert answer.status == 200, f"{sql[:80]}: {answer.text[:300]}"


def test_deep_json_is_a_query_error(lake):
    engine = engine_pid(lake.queryd)
    for value in VALUES:
        for sql in (f"SELECT {value}", f"SELECT count(DISTINCT {value}) FROM range(3000)"):
            error = lake.query.sql(sql).expect_error(400, "query: ")
            assert "nested too deep (queryd.json_depth_max)" in error, sql
            assert len(error) < 1000
    assert engine_pid(lake.queryd) == engine
    assert failures(lake.query) == 0


def test_nesting_limits_are_settings(new_lake):
    lake = new_lake.set(
        "queryd", nesting_max=10, subquery_depth_max=2, expression_depth_max=60, json_depth_max=20
    ).start()

    def error_of(expression: str) -> str:
        answer = lake.query.sql(f"SELECT {expression}")
        return "" if answer.status == 200 else answer.text

    assert error_of(nested(10, "(", "1", ")")) == ""
    assert "queryd.nesting_max" in error_of(nested(11, "(", "1", ")"))
    assert error_of(nested(2, "(SELECT ", "1", ")")) == ""
    assert "queryd.subquery_depth_max" in error_of(nested(3, "(SELECT ", "1", ")"))
    assert error_of("1" + "+1" * 30) == ""
    assert "depth limit of 60" in error_of("1" + "+1" * 70)
    assert error_of(f"json_structure('{nested(20, '[', '', ']')}')") == ""
    assert "queryd.json_depth_max" in error_of(f"json_structure('{nested(21, '[', '', ']')}')")
