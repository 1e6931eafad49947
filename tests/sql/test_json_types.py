"""Every DuckDB type over HTTP: the exact bytes of the cell, and the name of the type. The bytes are
compared without a JSON parser, which would lose digits."""

import json
import re

import pytest

_ONE_CELL = re.compile(rb'"rows":\s*\[\s*\[(.*)\]\s*\]\s*,\s*"row_count":\s*1\s*\}\s*\Z', re.DOTALL)


@pytest.fixture(scope="module")
def client(shared_lake):
    return shared_lake.query


def cell(client, expression: str, **options) -> str:
    """Returns the text of the only cell in the response."""
    answer = client.sql(f"SELECT {expression} AS v", **options)
    assert answer.status == 200, answer.text
    json.loads(answer.body)
    match = _ONE_CELL.search(answer.body)
    assert match, answer.text
    return match.group(1).decode()


INTEGERS = [
    ("127::TINYINT", "127", "TINYINT"),
    ("(-128)::TINYINT", "-128", "TINYINT"),
    ("(-32768)::SMALLINT", "-32768", "SMALLINT"),
    ("2147483647", "2147483647", "INTEGER"),
    ("(-2147483648)::INTEGER", "-2147483648", "INTEGER"),
    ("9007199254740993", "9007199254740993", "BIGINT"),
    ("9223372036854775807", "9223372036854775807", "BIGINT"),
    ("'-9223372036854775808'::BIGINT", "-9223372036854775808", "BIGINT"),
    ("255::UTINYINT", "255", "UTINYINT"),
    ("65535::USMALLINT", "65535", "USMALLINT"),
    ("4294967295::UINTEGER", "4294967295", "UINTEGER"),
    ("18446744073709551615::UBIGINT", "18446744073709551615", "UBIGINT"),
    (f"'{2**127 - 1}'::HUGEINT", str(2**127 - 1), "HUGEINT"),
    (f"'{-(2**127)}'::HUGEINT", str(-(2**127)), "HUGEINT"),
    (f"'{10**18}'::HUGEINT", str(10**18), "HUGEINT"),
    (f"'{2**64}'::HUGEINT", str(2**64), "HUGEINT"),
    ("(-1)::HUGEINT", "-1", "HUGEINT"),
    (f"'{2**128 - 1}'::UHUGEINT", str(2**128 - 1), "UHUGEINT"),
    ("0::UHUGEINT", "0", "UHUGEINT"),
    (f"'{7**100}'::BIGNUM", str(7**100), "BIGNUM"),
    (f"'{-(7**100)}'::BIGNUM", str(-(7**100)), "BIGNUM"),
    ("'0'::BIGNUM", "0", "BIGNUM"),
    ("'-256'::BIGNUM", "-256", "BIGNUM"),
]

DECIMALS = [
    ("1.5", "1.5", "DECIMAL(2,1)"),
    ("0.05::DECIMAL(4,2)", "0.05", "DECIMAL(4,2)"),
    ("(-0.05)::DECIMAL(4,2)", "-0.05", "DECIMAL(4,2)"),
    ("1.10::DECIMAL(9,2)", "1.10", "DECIMAL(9,2)"),
    ("0::DECIMAL(18,3)", "0.000", "DECIMAL(18,3)"),
    ("12::DECIMAL(18,0)", "12", "DECIMAL(18,0)"),
    ("'9007199254740993.01'::DECIMAL(18,2)", "9007199254740993.01", "DECIMAL(18,2)"),
    ("'12345678901234567.89'::DECIMAL(19,2)", "12345678901234567.89", "DECIMAL(19,2)"),
    (f"'{'9' * 38}'::DECIMAL(38,0)", "9" * 38, "DECIMAL(38,0)"),
    (f"'-{'9' * 38}'::DECIMAL(38,0)", "-" + "9" * 38, "DECIMAL(38,0)"),
    (f"'0.{'0' * 37}1'::DECIMAL(38,38)", "0." + "0" * 37 + "1", "DECIMAL(38,38)"),
    (f"'-0.{'9' * 38}'::DECIMAL(38,38)", "-0." + "9" * 38, "DECIMAL(38,38)"),
]

FLOATS = [
    ("0.1::DOUBLE", "0.1", "DOUBLE"),
    ("0.1::FLOAT", "0.1", "FLOAT"),
    ("(1.0::DOUBLE / 3)", "0.3333333333333333", "DOUBLE"),
    ("16777216::FLOAT", "16777216", "FLOAT"),
    ("'nan'::DOUBLE", '"NaN"', "DOUBLE"),
    ("'inf'::DOUBLE", '"Infinity"', "DOUBLE"),
    ("'-inf'::DOUBLE", '"-Infinity"', "DOUBLE"),
    ("'nan'::FLOAT", '"NaN"', "FLOAT"),
    ("'inf'::FLOAT", '"Infinity"', "FLOAT"),
    ("'-inf'::FLOAT", '"-Infinity"', "FLOAT"),
]

TEXTS = [
    ("true", "true", "BOOLEAN"),
    ("false", "false", "BOOLEAN"),
    ("''", '""', "VARCHAR"),
    ("'longer than what is kept inline'", '"longer than what is kept inline"', "VARCHAR"),
    ("'\"\\/'", '"\\"\\\\/"', "VARCHAR"),
    ("chr(0) || chr(31)", '"\\u0000\\u001f"', "VARCHAR"),
    ("'é€🦆'", '"é€🦆"', "VARCHAR"),
    ("'b'::ENUM('a', 'b')", '"b"', "ENUM('a', 'b')"),
    (
        "'00112233-4455-6677-8899-AABBCCDDEEFF'::UUID",
        '"00112233-4455-6677-8899-aabbccddeeff"',
        "UUID",
    ),
    ("'{\"a\": [1, null]}'::JSON", '"{\\"a\\": [1, null]}"', "JSON"),
    ("''::BLOB", '""', "BLOB"),
    ("'a'::BLOB", '"YQ=="', "BLOB"),
    (r"'\x00\xFF\xFE'::BLOB", '"AP/+"', "BLOB"),
    ("'0101'::BIT", '"0101"', "BIT"),
    ("'110000000'::BIT", '"110000000"', "BIT"),
    ("'POINT(1 2)'::GEOMETRY", '"AQEAAAAAAAAAAADwPwAAAAAAAABA"', "GEOMETRY"),
]

DATES = [
    ("DATE '2026-01-02'", '"2026-01-02"', "DATE"),
    ("DATE '0001-01-01'", '"0001-01-01"', "DATE"),
    ("DATE '9999-12-31'", '"9999-12-31"', "DATE"),
    ("DATE '10000-01-01'", '"+010000-01-01"', "DATE"),
    ("DATE '5881580-07-10'", '"+5881580-07-10"', "DATE"),
    ("'infinity'::DATE", '"infinity"', "DATE"),
    ("'-infinity'::DATE", '"-infinity"', "DATE"),
    # ISO 8601 has a year 0, which is 1 BC.
    ("DATE '44-03-15 (BC)'", '"-000043-03-15"', "DATE"),
    ("DATE '1-12-31 (BC)'", '"0000-12-31"', "DATE"),
]

TIMES = [
    ("TIME '03:04:05'", '"03:04:05"', "TIME"),
    ("TIME '03:04:05.5'", '"03:04:05.500"', "TIME"),
    ("TIME '03:04:05.000001'", '"03:04:05.000001"', "TIME"),
    ("TIME '00:00:00'", '"00:00:00"', "TIME"),
    ("TIME '24:00:00'", '"24:00:00"', "TIME"),
    ("TIME_NS '03:04:05.123456789'", '"03:04:05.123456789"', "TIME_NS"),
    ("TIMETZ '03:04:05+02:00'", '"03:04:05+02:00"', "TIME WITH TIME ZONE"),
    ("TIMETZ '03:04:05.25-05:30'", '"03:04:05.250-05:30"', "TIME WITH TIME ZONE"),
    ("TIMETZ '03:04:05+00:00'", '"03:04:05+00:00"', "TIME WITH TIME ZONE"),
]

TIMESTAMPS = [
    ("TIMESTAMP '2026-01-02 03:04:05'", '"2026-01-02T03:04:05"', "TIMESTAMP"),
    ("TIMESTAMP '2026-01-02 03:04:05.1'", '"2026-01-02T03:04:05.100"', "TIMESTAMP"),
    ("TIMESTAMP '2026-01-02 03:04:05.123456'", '"2026-01-02T03:04:05.123456"', "TIMESTAMP"),
    ("TIMESTAMP '1969-12-31 23:59:59.999999'", '"1969-12-31T23:59:59.999999"', "TIMESTAMP"),
    (
        "TIMESTAMP '294247-01-10 04:00:54.775806'",
        '"+294247-01-10T04:00:54.775806"',
        "TIMESTAMP",
    ),
    ("'infinity'::TIMESTAMP", '"infinity"', "TIMESTAMP"),
    ("'-infinity'::TIMESTAMP", '"-infinity"', "TIMESTAMP"),
    ("'2026-01-02 03:04:05'::TIMESTAMP_S", '"2026-01-02T03:04:05"', "TIMESTAMP_S"),
    ("'2026-01-02 03:04:05.12'::TIMESTAMP_MS", '"2026-01-02T03:04:05.120"', "TIMESTAMP_MS"),
    (
        "'2026-01-02 03:04:05.123456789'::TIMESTAMP_NS",
        '"2026-01-02T03:04:05.123456789"',
        "TIMESTAMP_NS",
    ),
    ("'infinity'::TIMESTAMP_NS", '"infinity"', "TIMESTAMP_NS"),
    (
        "TIMESTAMPTZ '2026-01-02 03:04:05.5+02:30'",
        '"2026-01-02T00:34:05.500+00:00"',
        "TIMESTAMP WITH TIME ZONE",
    ),
    ("'infinity'::TIMESTAMPTZ", '"infinity"', "TIMESTAMP WITH TIME ZONE"),
]

INTERVALS = [
    ("INTERVAL '0 days'", '"PT0S"', "INTERVAL"),
    (
        "INTERVAL '1 year 2 months 3 days 4 hours 5 minutes 6.7 seconds'",
        '"P1Y2M3DT4H5M6.7S"',
        "INTERVAL",
    ),
    ("INTERVAL '-1 day' + INTERVAL '-2 hours'", '"P-1DT-2H"', "INTERVAL"),
    ("INTERVAL '12 months'", '"P1Y"', "INTERVAL"),
    ("INTERVAL '36 hours'", '"PT36H"', "INTERVAL"),
    ("INTERVAL '0.000001 seconds'", '"PT0.000001S"', "INTERVAL"),
    ("DATE '2026-03-01'::TIMESTAMP - DATE '2026-01-01'::TIMESTAMP", '"P59D"', "INTERVAL"),
]

NESTED = [
    ("[1, NULL, 3]", "[1,null,3]", "INTEGER[]"),
    ("[]::INTEGER[]", "[]", "INTEGER[]"),
    ("[[1], [], NULL, [2, 3]]", "[[1],[],null,[2,3]]", "INTEGER[][]"),
    ("[1, 2, 3]::INTEGER[3]", "[1,2,3]", "INTEGER[3]"),
    ("[[1, NULL], NULL]::INTEGER[2][]", "[[1,null],null]", "INTEGER[2][]"),
    (
        "{'a': 1, 'b': ['x', NULL], 'n': NULL::DATE}",
        '{"a":1,"b":["x",null],"n":null}',
        "STRUCT(a INTEGER, b VARCHAR[], n DATE)",
    ),
    ("{'a b': 1, 'q\"': 2}", '{"a b":1,"q\\"":2}', 'STRUCT("a b" INTEGER, "q""" INTEGER)'),
    (
        "{'s': {'l': [{'x': 1.50}]}}",
        '{"s":{"l":[{"x":1.50}]}}',
        "STRUCT(s STRUCT(l STRUCT(x DECIMAL(3,2))[]))",
    ),
    ("MAP {'k': 1, 'q\"': NULL}", '{"k":1,"q\\"":null}', "MAP(VARCHAR, INTEGER)"),
    ("MAP {}::MAP(VARCHAR, INTEGER)", "{}", "MAP(VARCHAR, INTEGER)"),
    ("MAP {}::MAP(INTEGER, INTEGER)", "[]", "MAP(INTEGER, INTEGER)"),
    ("MAP {1: 'a', 2: NULL}", '[[1,"a"],[2,null]]', "MAP(INTEGER, VARCHAR)"),
    (
        "MAP {DATE '2026-01-02': {'a': 1}}",
        '[["2026-01-02",{"a":1}]]',
        "MAP(DATE, STRUCT(a INTEGER))",
    ),
    ("MAP {[1]: 'a'}", '[[[1],"a"]]', "MAP(INTEGER[], VARCHAR)"),
    ("union_value(num := 2)", "2", "UNION(num INTEGER)"),
    (
        "'x'::UNION(num INTEGER, str VARCHAR)",
        '"x"',
        "UNION(num INTEGER, str VARCHAR)",
    ),
    (
        "[1::UNION(i INTEGER, s VARCHAR), 's', NULL]",
        '[1,"s",null]',
        "UNION(i INTEGER, s VARCHAR)[]",
    ),
    (f"['{2**127 - 1}'::HUGEINT]", f"[{2**127 - 1}]", "HUGEINT[]"),
    ("['nan'::DOUBLE, 'inf'::DOUBLE]", '["NaN","Infinity"]', "DOUBLE[]"),
    ("['a'::BLOB, NULL]", '["YQ==",null]', "BLOB[]"),
    ("[INTERVAL '1 day']", '["P1D"]', "INTERVAL[]"),
    ("[TIMESTAMPTZ '2026-01-02 03:04:05+00']", '["2026-01-02T03:04:05+00:00"]', None),
]

VARIANTS = [
    ("42::VARIANT", "42", "VARIANT"),
    (f"'{2**127 - 1}'::HUGEINT::VARIANT", str(2**127 - 1), "VARIANT"),
    ("'text'::VARIANT", '"text"', "VARIANT"),
    ("1.10::DECIMAL(5,2)::VARIANT", "1.10", "VARIANT"),
    ("{'a': 1, 'b': [{'c': 'x'}, NULL]}::VARIANT", '{"a":1,"b":[{"c":"x"},null]}', "VARIANT"),
    ("DATE '2026-01-02'::VARIANT", '"2026-01-02"', "VARIANT"),
    ("[1::VARIANT, 'a'::VARIANT]", '[1,"a"]', "VARIANT[]"),
]

NULLS = [
    *(
        (f"NULL::{name}", "null", name)
        for name in (
            "BOOLEAN",
            "BIGINT",
            "HUGEINT",
            "BIGNUM",
            "DECIMAL(38,10)",
            "DOUBLE",
            "VARCHAR",
            "BLOB",
            "BIT",
            "UUID",
            "DATE",
            "TIMESTAMP_NS",
            "INTERVAL",
            "INTEGER[]",
            "INTEGER[3]",
            "STRUCT(a INTEGER, b VARCHAR[])",
            "MAP(VARCHAR, INTEGER)",
            "UNION(num INTEGER, str VARCHAR)",
            "VARIANT",
            "JSON",
            "GEOMETRY",
        )
    ),
]

CASES = (INTEGERS + DECIMALS + FLOATS + TEXTS + DATES + TIMES + TIMESTAMPS + INTERVALS + NESTED) + (
    VARIANTS + NULLS
)


@pytest.mark.parametrize(("expression", "raw", "type_name"), CASES, ids=[c[0][:60] for c in CASES])
def test_cell_and_type(client, expression, raw, type_name):
    assert cell(client, expression) == raw
    (column,) = client.sql(f"SELECT {expression} AS v").json()["columns"]
    ((by_duckdb,),) = client.sql(f"SELECT typeof({expression})").rows()
    assert column == {"name": "v", "type": by_duckdb}
    assert type_name is None or by_duckdb == type_name


@pytest.mark.parametrize(
    ("expression", "raw", "type_name"),
    [("NULL", "null", "INTEGER"), ("[NULL]", "[null]", "INTEGER[]")],
)
def test_untyped_null_has_the_type_that_duckdb_gives_a_result(client, expression, raw, type_name):
    """typeof() returns "NULL" there, but a result cannot have this type."""
    assert cell(client, expression) == raw
    (column,) = client.sql(f"SELECT {expression} AS v").json()["columns"]
    assert column["type"] == type_name


DOUBLES = [
    5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    1e23,
    123456789.12345678,
    9007199254740993.0,
    1e21,
    1e-7,
    0.1 + 0.2,
    -1.5,
    3.0,
]


@pytest.mark.parametrize("number", DOUBLES)
def test_double_is_the_shortest_text_that_reads_back(client, number):
    raw = cell(client, f"'{number!r}'::DOUBLE")
    assert float(raw) == number

    def digits(text: str) -> int:
        return len(text.lower().partition("e")[0].replace(".", "").lstrip("-0").rstrip("0"))

    assert digits(raw) == digits(repr(number))


def test_negative_zero_keeps_its_sign(client):
    assert cell(client, "'-0.0'::DOUBLE") in ("-0", "-0.0")


@pytest.mark.parametrize(
    ("expression", "raw"),
    [
        ("9007199254740992", "9007199254740992"),
        ("9007199254740993", '"9007199254740993"'),
        ("-9007199254740993", '"-9007199254740993"'),
        ("18446744073709551615::UBIGINT", '"18446744073709551615"'),
        (f"'{2**127 - 1}'::HUGEINT", f'"{2**127 - 1}"'),
        (f"'{2**128 - 1}'::UHUGEINT", f'"{2**128 - 1}"'),
        (f"'{7**100}'::BIGNUM", f'"{7**100}"'),
        ("1::HUGEINT", "1"),
        ("'1.50'::DECIMAL(38,2)", "1.50"),
        ("'12345678901234.567'::DECIMAL(38,3)", '"12345678901234.567"'),
        ("[1, 9007199254740993]", '[1,"9007199254740993"]'),
        ("{'a': 9007199254740993}", '{"a":"9007199254740993"}'),
        ("MAP {'k': 9007199254740993}", '{"k":"9007199254740993"}'),
        ("42", "42"),
        ("0.1::DOUBLE", "0.1"),
    ],
)
def test_big_numbers_are_quoted_on_demand(client, expression, raw):
    assert cell(client, expression, big_numbers="string") == raw


def test_every_type_in_one_table_with_nulls_between(client):
    """Values from vectors with several rows, in place of constants."""
    cases = [case for case in CASES if case[1] != "null"]
    for start in range(0, len(cases), 12):
        part = cases[start : start + 12]
        values = ", ".join(f"{case[0]} AS c{i}" for i, case in enumerate(part))
        nulls = ", ".join("NULL" for _ in part)
        answer = client.sql(
            f"SELECT * EXCLUDE o FROM (SELECT 1 AS o, {values} UNION ALL SELECT 0, {nulls} "
            f"UNION ALL SELECT 2, {nulls}) ORDER BY o"
        )
        assert answer.status == 200, answer.text
        row = "[" + ",".join(case[1] for case in part) + "]"
        null_row = "[" + ",".join("null" for _ in part) + "]"
        expected = f'"rows":[{null_row},{row},{null_row}],"row_count":3}}'
        assert answer.body.decode().rstrip().endswith(expected)


def test_deep_nesting(client):
    depth = 100
    assert cell(client, "[" * depth + "1" + "]" * depth) == "[" * depth + "1" + "]" * depth


def test_types_that_parquet_keeps_come_out_of_the_store_the_same(shared_lake):
    select = (
        "SELECT '12345678901234567890.12'::DECIMAL(38,2) AS a, 9223372036854775807 AS b, "
        "TIMESTAMP '2026-01-02 03:04:05.123456' AS c, '\\x00\\xFF'::BLOB AS d, "
        "{'x': [1, NULL], 'y': MAP {'k': DATE '2026-01-02'}} AS e, "
        "'00112233-4455-6677-8899-aabbccddeeff'::UUID AS f, TIME '03:04:05' AS g, "
        "TIMESTAMPTZ '2026-01-02 03:04:05+00' AS h, 1.5::FLOAT AS i, INTERVAL '1 day' AS j"
    )
    shared_lake.add("typed", select)
    shared_lake.wait_for_refresh("created=1")
    answer = shared_lake.query.sql("FROM typed")
    assert (
        answer.body.decode()
        .rstrip()
        .endswith(
            '"rows":[[12345678901234567890.12,9223372036854775807,"2026-01-02T03:04:05.123456",'
            '"AP8=",{"x":[1,null],"y":{"k":"2026-01-02"}},"00112233-4455-6677-8899-aabbccddeeff",'
            '"03:04:05","2026-01-02T03:04:05+00:00",1.5,"P1D"]],"row_count":1}'
        )
    )
