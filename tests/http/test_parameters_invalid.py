"""Parameters never become SQL, and invalid ones are refused."""

import pytest
from harness.client import Client
from harness.parameters import ITEMS, ask


@pytest.fixture(scope="module")
def client(shared_lake) -> Client:
    shared_lake.add("items", ITEMS)
    shared_lake.wait_for_refresh("created=1")
    return shared_lake.query


HOSTILE = [
    "'",
    "''",
    "' OR 1=1 --",
    "'; DROP VIEW items; --",
    '"',
    "\\",
    "\\'",
    "$1",
    "?",
    "$name",
    "$$",
    "%s%n",
    "/* */",
    "line\r\nline",
    "\x00",
    "a\x00b",
    "\x00" * 3,
    "\x01\x1f\x7f",
    "ü 🦆 \u2028 \ufeff \uffff",
    "\U0010ffff",
    "e\u0301",
    "]]>",
    "x" * 20000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
def test_text_is_never_sql(client, text):
    assert ask(client, "SELECT ? AS v", [text]).rows() == [[text]]
    assert ask(client, "SELECT count(*) FROM items WHERE name = ?", [text]).rows() == [[0]]
    assert ask(client, "SELECT $v || '.' || $v", {"v": text}).rows() == [[text + "." + text]]
    assert ask(client, "SELECT ?", [[text, {"a": text}["a"]]]).rows() == [[[text, text]]]
    assert ask(client, "SELECT ?", [{"a": text}]).rows() == [[{"a": text}]]


def test_text_with_nul_keeps_its_length(client):
    answer = ask(client, "SELECT length(?), octet_length(encode(?))", ["a\x00b", "a\x00b"])
    assert answer.rows() == [[3, 3]]


@pytest.mark.parametrize("raw", [b'"\xff"', b'"\\ud800"', b'"\xed\xa0\x80"', b'"\xc0\x80"'])
def test_text_that_is_not_unicode_is_refused(client, raw):
    body = b'{"sql":"SELECT ?","params":[' + raw + b"]}"
    client.request("POST", "/sql", body).expect_error(400, "decode body: ")


# --- invalid parameters


@pytest.mark.parametrize(
    ("text", "params", "message"),
    [
        ("SELECT ?", "[]", "query: params: 0 given, the statement takes 1"),
        ("SELECT ?", "null", "query: params: 0 given, the statement takes 1"),
        ("SELECT ?, ?", "[1]", "query: params: 1 given, the statement takes 2"),
        ("SELECT ?", "[1, 2]", "query: params: 2 given, the statement takes 1"),
        ("SELECT 1", "[1]", "query: params: 1 given, the statement takes 0"),
        ("SELECT id FROM items", "[1]", "query: params: 1 given, the statement takes 0"),
        ("SELECT 1", '{"a": 1}', "query: params: $a is not in the statement"),
        ("SELECT $a", "null", "query: params: $a is missing"),
        ("SELECT $a, $b, $c", '{"b": 1}', "query: params: $a, $c are missing"),
        ("SELECT $a", '{"a": 1, "b": 2}', "query: params: $b is not in the statement"),
        ("SELECT $a", '{"a": 1, "A": 2}', "query: params: $A is given twice"),
        (
            "SELECT $a",
            "[1]",
            "query: params: the statement takes named parameters: send an object",
        ),
        (
            "SELECT ?",
            '{"a": 1}',
            "query: params: the statement takes parameters by position: send a list",
        ),
        (
            "SELECT $2",
            "[1, 2]",
            "query: params: $1 is missing in the statement, which uses higher numbers",
        ),
        (
            "SELECT ?",
            '[[1, "a"]]',
            "query: params: $1: a list has a number and a text: its elements must have one type",
        ),
        ("SELECT ?", "[{}]", "query: params: $1: an empty object has no type in SQL: use null"),
        (
            "SELECT $x",
            '{"x": {"a": 1, "A": 2}}',
            'query: params: $x: an object names "a" twice: SQL ignores the case of names',
        ),
        ("SELECT 1", "5", "decode body: params must be a list or an object"),
        ("SELECT 1", '"[1]"', "decode body: params must be a list or an object"),
        ("SELECT 1", "true", "decode body: params must be a list or an object"),
    ],
)
def test_invalid_parameters_are_reported(client, text, params, message):
    ask(client, text, params).expect_text_error(400, message)


@pytest.mark.parametrize(
    "raw",
    [
        "[1,]",
        "[01]",
        "[+1]",
        "[.5]",
        "[1.]",
        "[NaN]",
        "[Infinity]",
        "[0x10]",
        "['x']",
        '{"a":1,"a":2}',
    ],
)
def test_params_that_are_not_json(client, raw):
    text = "SELECT $a" if raw.startswith("{") else "SELECT ?"
    ask(client, text, raw).expect_error(400, "decode body: ")


def test_deep_nesting_is_refused_or_correct(client):
    for depth in (50, 500, 5000):
        answer = ask(client, "SELECT ? AS v", "[" + "[" * depth + "1" + "]" * depth + "]")
        if answer.status == 200:
            assert f'"rows":[[{"[" * depth}1{"]" * depth}]]' in answer.text
        else:
            assert answer.status == 400, answer.text[:200]
        assert client.sql("SELECT 1").rows() == [[1]]


def test_thousands_of_parameters(client):
    text = "SELECT list_sum([" + ", ".join("?" for _ in range(2000)) + "])"
    assert ask(client, text, [1] * 2000).rows() == [[2000]]
    marks = ", ".join("?" for _ in range(3000))
    text = f"SELECT count(*) FROM items WHERE id IN ({marks})"
    assert ask(client, text, list(range(3000))).rows() == [[20]]
