"""Messages of DuckDB that advise to change its settings name Tarn's settings instead."""

import pytest


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        (
            "SELECT " + " + ".join(["1"] * 600),
            "query: Parser Error: Max expression depth limit of 500 exceeded "
            "(queryd.expression_depth_max)\n",
        ),
        (
            "SELECT (SELECT range FROM range(2))",
            "query: Invalid Input Error: More than one row returned by a subquery used as an "
            "expression - scalar subqueries can only return a single row.\n",
        ),
        (
            "SELECT 1 ORDER BY 'a'",
            "query: Binder Error: ORDER BY non-integer literal has no effect.\n\nLINE 1:",
        ),
    ],
    ids=["depth", "subquery", "order"],
)
def test_no_message_offers_a_setting_that_is_locked(lake, sql, error):
    text = lake.query.sql(sql).expect_error(400, error)
    assert "SET " not in text
