"""POST /sql with `params`: the SQL values of JSON values."""

import json
from decimal import Decimal

import pytest
from harness.client import Client
from harness.parameters import ITEMS, ask, value_and_type
from harness.store import local_duckdb


@pytest.fixture(scope="module")
def client(shared_lake) -> Client:
    shared_lake.add("items", ITEMS)
    shared_lake.wait_for_refresh("created=1")
    return shared_lake.query


# --- by position and by name


def test_params_list_is_by_position(client):
    assert ask(client, "SELECT ? - ?, ?", [7, 2, "x"]).rows() == [[5, "x"]]
    assert ask(client, "SELECT $2 - $1, $2", [7, 2]).rows() == [[-5, 2]]


def test_params_object_is_by_name(client):
    params = {"low": 3, "high": 5}
    text = "SELECT id FROM items WHERE id BETWEEN $low AND $high ORDER BY id"
    assert ask(client, text, params).rows() == [[3], [4], [5]]
    assert ask(client, "SELECT $x || $y || $x", {"y": "b", "x": "a"}).rows() == [["aba"]]


def test_parameter_names_ignore_case(client):
    assert ask(client, "SELECT $Name", {"nAME": 1}).rows() == [[1]]


def test_empty_params_are_accepted(client):
    for params in ("null", "[]", "{}"):
        assert ask(client, "SELECT 1", params).rows() == [[1]]


@pytest.mark.parametrize("format_name", ["json", "ndjson", "csv", "arrow"])
def test_parameters_in_every_format(client, format_name):
    body = {"sql": "SELECT name FROM items WHERE id = ?", "params": [7]}
    answer = client.request("POST", f"/sql?format={format_name}", json.dumps(body))
    assert answer.status == 200
    assert b"name 7" in answer.body
    assert b"name 8" not in answer.body


# --- types of values


@pytest.mark.parametrize(
    ("raw", "value", "type_name"),
    [
        ("null", None, "INTEGER"),
        ("true", True, "BOOLEAN"),
        ("false", False, "BOOLEAN"),
        ('"text"', "text", "VARCHAR"),
        ('""', "", "VARCHAR"),
        ("0", 0, "INTEGER"),
        ("-0", 0, "INTEGER"),
        ("2147483647", 2**31 - 1, "INTEGER"),
        ("-2147483648", -(2**31), "INTEGER"),
        ("2147483648", 2**31, "BIGINT"),
        ("-2147483649", -(2**31) - 1, "BIGINT"),
        ("9007199254740993", 2**53 + 1, "BIGINT"),
        ("9223372036854775807", 2**63 - 1, "BIGINT"),
        ("-9223372036854775808", -(2**63), "BIGINT"),
        ("9223372036854775808", 2**63, "HUGEINT"),
        ("-9223372036854775809", -(2**63) - 1, "HUGEINT"),
        ("18446744073709551616", 2**64, "HUGEINT"),
        (str(2**127 - 1), 2**127 - 1, "HUGEINT"),
        (str(-(2**127)), -(2**127), "HUGEINT"),
        (str(2**127), 2**127, "UHUGEINT"),
        (str(2**128 - 1), 2**128 - 1, "UHUGEINT"),
        ("0.5", Decimal("0.5"), "DECIMAL(2,1)"),
        ("-0.05", Decimal("-0.05"), "DECIMAL(3,2)"),
        ("1.10", Decimal("1.10"), "DECIMAL(3,2)"),
        ("12345678901234567.891", Decimal("12345678901234567.891"), "DECIMAL(20,3)"),
        ("9007199254740993.0", Decimal("9007199254740993.0"), "DECIMAL(17,1)"),
        ("0." + "1" * 37, Decimal("0." + "1" * 37), "DECIMAL(38,37)"),
        (
            "-" + "9" * 19 + "." + "9" * 19,
            Decimal("-" + "9" * 19 + "." + "9" * 19),
            "DECIMAL(38,19)",
        ),
        ("1e3", Decimal(1000), "DOUBLE"),
        ("1.5E-3", Decimal("0.0015"), "DOUBLE"),
        ("[1, 2]", [1, 2], "INTEGER[]"),
        ("[1, 9223372036854775808]", [1, 2**63], "HUGEINT[]"),
        ("[1, 2.25, null]", [Decimal("1.00"), Decimal("2.25"), None], "DECIMAL(3,2)[]"),
        ('["a", null]', ["a", None], "VARCHAR[]"),
        ("[[1], [], null]", [[1], [], None], "INTEGER[][]"),
        ("[true, false]", [True, False], "BOOLEAN[]"),
        ('{"a": 1, "b": ["x"]}', {"a": 1, "b": ["x"]}, "STRUCT(a INTEGER, b VARCHAR[])"),
        (
            '[{"a": 1}, {"a": 2.5, "b": "x"}]',
            [{"a": Decimal("1.0"), "b": None}, {"a": Decimal("2.5"), "b": "x"}],
            "STRUCT(a DECIMAL(2,1), b VARCHAR)[]",
        ),
        ('{"a b": {"q\\"": null}}', {"a b": {'q"': None}}, None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_value_and_its_type(client, raw, value, type_name):
    got, got_type = value_and_type(client, raw)
    assert got == value
    assert type_name is None or got_type == type_name
    # All zeros of a decimal; true is not 1.
    assert got_type == "DOUBLE" or str(got) == str(value)


@pytest.mark.parametrize("raw", ["1" * 40, "0." + "1" * 39, "-" + "9" * 39 + ".5"])
def test_number_beyond_all_exact_types_is_a_double(client, raw):
    value, type_name = value_and_type(client, raw)
    assert type_name == "DOUBLE"
    assert float(value) == float(raw)


@pytest.mark.parametrize("raw", ["1e400", "-1e400"])
def test_number_beyond_a_double_is_refused(client, raw):
    ask(client, "SELECT ? AS v", f"[{raw}]").expect_error(400, "decode body: ")


# --- comparisons with columns


@pytest.mark.parametrize(
    ("condition", "raw", "ids"),
    [
        ("id = ?", "7", [7]),
        ("id = ?", '"7"', [7]),
        ("id = ?", "7.0", [7]),
        ("id = ?", "7.5", []),
        ("id = ?", "7e0", [7]),
        ("id = ?", "9223372036854775808", []),
        ("big = ?", "70", [7]),
        ("big < ?", "18446744073709551616", list(range(20))),
        ("huge = ?", "7", [7]),
        ("ratio = ?", "1.75", [7]),
        ("price = ?", "7.25", [7]),
        ("price = ?", '"7.25"', [7]),
        ("price = ?", "7.250", [7]),
        ("price > ?", "18.26", [19]),
        ("name = ?", '"name 7"', [7]),
        ("name LIKE ?", '"name 1_"', list(range(10, 20))),
        ("even = ?", "true", list(range(0, 20, 2))),
        ("even = ?", "false", list(range(1, 20, 2))),
        ("day = ?", '"2026-01-08"', [7]),
        ("day = ?::DATE", '"2026-01-08"', [7]),
        ("moment = ?", '"2026-01-01T07:00:00"', [7]),
        ("moment = ?", '"2026-01-01 07:00:00"', [7]),
        ("list = ?", "[7, 8]", [7]),
        ("pair = ?", '{"k": 7, "t": "7"}', [7]),
        ("uuid = ?", '"8f14e45f-ceea-167a-5a36-dedd4bea2543"', [7]),
        ("blob = ?", '"blob 7"', [7]),
        ("hole IS NOT DISTINCT FROM ?", "null", [0, 5, 10, 15]),
        ("hole = ?", "null", []),
        ("id IN ?", "[3, 5, null, 99]", [3, 5]),
        ("id = ANY(?)", "[3, 5]", [3, 5]),
        ("id = ANY(?)", "[]", []),
        ("name = ANY(?)", '["name 3", "nobody"]', [3]),
        ("list_contains(?, id)", "[3, 5]", [3, 5]),
        ("id IN (SELECT unnest(?))", "[3, 5]", [3, 5]),
        ("id = ?.a", '{"a": 4}', [4]),
        ("(? IS NULL OR id = 1)", "null", list(range(20))),
    ],
    ids=lambda value: str(value)[:40],
)
def test_parameters_compared_with_columns(client, condition, raw, ids):
    text = f"SELECT id FROM items WHERE {condition} ORDER BY id"
    assert ask(client, text, f"[{raw}]").rows() == [[n] for n in ids]


def test_text_that_is_not_a_value_of_the_column_type_is_an_error(client):
    message = ask(client, "FROM items WHERE day = ?", ["tomorrow"]).expect_error(400, "query: ")
    assert "tomorrow" in message


def test_parameter_equals_its_literal(client):
    """Compares with DuckDB's result for the literal, as documented."""
    literals = ["1", "2147483648", "1.5", "'x'", "NULL", "true", "[1, 2]", "{'a': 1}"]
    params = [1, 2147483648, 1.5, "x", None, True, [1, 2], {"a": 1}]
    for expression in ("typeof({})", "{} IS NULL", "[{}]", "coalesce({}, NULL)"):
        for literal, value in zip(literals, params, strict=True):
            if (literal, expression) == ("NULL", "typeof({})"):
                continue  # The literal '"NULL"' has a type that no parameter has.
            expected = local_duckdb().execute(f"SELECT ({expression.format(literal)})::VARCHAR")
            answer = ask(client, f"SELECT ({expression.format('?')})::VARCHAR", [value])
            assert answer.rows() == [list(expected.fetchone())], (expression, literal)


# --- positions of parameters


def test_limit_and_offset(client):
    text = "SELECT id FROM items ORDER BY id LIMIT ? OFFSET ?"
    assert ask(client, text, [2, 3]).rows() == [[3], [4]]
    assert ask(client, text, [3, 18]).rows() == [[18], [19]]
    ask(client, text, [-1, 0]).expect_error(400, "query: ")
    ask(client, text, ["many", 0]).expect_error(400, "query: ")


def test_unnest(client):
    assert ask(client, "SELECT unnest(?) AS n", [[3, None, 1]]).rows() == [[3], [None], [1]]
    rows = ask(client, "SELECT unnest(?, recursive := true)", [[{"a": 1, "b": "x"}]]).rows()
    assert rows == [[1, "x"]]
    text = "SELECT i.name FROM items i JOIN (SELECT unnest(?) AS id) w USING (id) ORDER BY id"
    assert ask(client, text, [[2, 4]]).rows() == [["name 2"], ["name 4"]]


def test_order_of_rows_is_kept_without_a_dataset(client):
    text = "SELECT * FROM (SELECT unnest(?) AS n) ORDER BY n DESC"
    numbers = list(range(5000))
    assert ask(client, text, [numbers]).rows() == [[n] for n in reversed(numbers)]


def test_subquery_with_join_and_case(client):
    text = (
        "WITH w AS (SELECT id, CASE WHEN even THEN $yes ELSE $no END AS label FROM items) "
        "SELECT label, count(*) FROM w WHERE id < $limit GROUP BY label HAVING count(*) > $least "
        "ORDER BY label"
    )
    params = {"yes": "even", "no": "odd", "limit": 5, "least": 1}
    assert ask(client, text, params).rows() == [["even", 3], ["odd", 2]]


@pytest.mark.parametrize(
    "text", ["SELECT ? -- end", "SELECT ?;", "SELECT ? /* ; */ ; ", "SELECT ?\n"]
)
def test_statements_with_all_kinds_of_endings(client, text):
    assert ask(client, text, [5]).rows() == [[5]]


def test_explain(client):
    plan = ask(client, "EXPLAIN SELECT name FROM items WHERE id = ?", [7]).rows()
    assert plan[0][0] == "physical_plan"
    assert "7" in plan[0][1]
    ran = ask(client, "EXPLAIN ANALYZE SELECT count(*) FROM items WHERE id < $n", {"n": 7}).rows()
    assert "Total Time" in ran[0][1]
    ask(client, "EXPLAIN SELECT ?", []).expect_text_error(
        400, "query: params: 0 given, the statement takes 1"
    )


def test_describe_and_summarize(client):
    assert ask(client, "DESCRIBE SELECT ? AS v", ["x"]).rows()[0][:2] == ["v", "VARCHAR"]
    assert ask(client, "SUMMARIZE SELECT id FROM items WHERE id < ?", [5]).rows()[0][2:4] == [
        "0",
        "4",
    ]


@pytest.mark.parametrize(
    "text", ["FROM ?", "SELECT * FROM $1", "SELECT ?(1)", "SELECT i.? FROM items i"]
)
def test_parameters_are_not_names(client, text):
    ask(client, text, ["items"]).expect_error(400, "query: ")


def test_parameter_with_the_name_of_a_column_is_a_text(client):
    assert ask(client, "SELECT ? FROM items LIMIT 1", ["id"]).rows() == [["id"]]


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        *((name, f"table function {name}") for name in ("read_parquet", "read_csv", "glob")),
        ("query", "query() with an argument that is not a string literal"),
        ("query_table", "query_table() with an argument that is not the literal name of a dataset"),
    ],
)
def test_parameters_do_not_bypass_the_gate(client, name, refused):
    answer = ask(client, f"FROM {name}(?)", ["/etc/passwd"])
    answer.expect_text_error(400, f"query: not allowed: {refused}")


def test_column_names_are_unchanged_with_and_without_a_dataset(client):
    for end in ("", " FROM items WHERE id = 1"):
        answer = ask(client, "SELECT ? AS a, ? AS b" + end, [1, 2])
        assert [column["name"] for column in answer.json()["columns"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("end", "names"), [("", ["a", "a_1"]), (" FROM items WHERE id = 1", ["a", "a"])]
)
def test_columns_of_the_same_name(client, end, names):
    """Without a dataset the columns are numbered, because the gate wraps the statement (gate.h)."""
    answer = ask(client, "SELECT ? AS a, ? AS a" + end, [1, 2])
    assert [column["name"] for column in answer.json()["columns"]] == names
