"""All types in all formats, compared with the values of DuckDB's Python module."""

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from harness.client import Client
from harness.formats import ask, each_format, is_chunked, read
from harness.store import local_duckdb


@pytest.fixture(scope="module")
def client(shared_lake) -> Client:
    return shared_lake.query


def same(value: Any) -> Any:
    return value


def interval(text: str) -> timedelta:
    """Python's timedelta has no months. DuckDB's module uses 30 days."""
    days = 0
    micros = Decimal(0)
    day_part, _, time_part = text.removeprefix("P").partition("T")
    units = {"Y": 360, "M": 30, "D": 1}
    seconds = {"H": 3600, "M": 60, "S": 1}
    for part, scale, is_time in ((day_part, units, False), (time_part, seconds, True)):
        number = ""
        for char in part:
            if char not in scale:
                number += char
                continue
            if is_time:
                micros += Decimal(number) * scale[char] * 1_000_000
            else:
                days += int(number) * scale[char]
            number = ""
    return timedelta(days=days, microseconds=int(micros))


def boolean(text: str) -> bool:
    return {"true": True, "false": False}[text]


def number(kind: type) -> Callable[[Any], Any]:
    return lambda value: kind(str(value))


def in_utc(text: str) -> datetime:
    """A TIMESTAMPTZ, which DuckDB's module returns only with pytz."""
    moment = datetime.fromisoformat(text)
    assert moment.utcoffset() == timedelta(0)
    return moment.replace(tzinfo=None)


def pairs(value: list) -> dict:
    return dict(tuple(pair) for pair in value)


@dataclass(frozen=True)
class Case:
    """A value, and the conversion from each format to the value of DuckDB's module."""

    sql: str
    text: Callable[[str], Any]  # From CSV, and from text in Arrow.
    json: Callable[[Any], Any] = same
    arrow: Callable[[Any], Any] = same
    local: str = ""  # Another expression for DuckDB's module.


def scalar(sql: str, text: Callable[[str], Any], **readers: Any) -> Case:
    """JSON has the text in quotes."""
    return Case(sql, text, **({"json": text} | readers))


def nested(sql: str, from_json: Callable[[Any], Any] = same, **readers: Any) -> Case:
    """CSV has JSON in a field."""
    return Case(sql, lambda t: from_json(json.loads(t, parse_float=Decimal)), from_json, **readers)


TYPES = [
    Case("true", boolean),
    Case("false", boolean),
    *(Case(f"{low}::{name}", int) for name, low in [("TINYINT", "(-128)"), ("SMALLINT", "(-3)")]),
    Case("2147483647", int),
    Case("9223372036854775807", int),
    Case("'-9223372036854775808'::BIGINT", int),
    Case("255::UTINYINT", int),
    Case("65535::USMALLINT", int),
    Case("4294967295::UINTEGER", int),
    Case("18446744073709551615::UBIGINT", int),
    Case(f"'{2**127 - 1}'::HUGEINT", int, arrow=int),
    Case(f"'{-(2**127)}'::HUGEINT", int, arrow=int),
    Case(f"'{2**128 - 1}'::UHUGEINT", int, arrow=int),
    Case("0.1::DOUBLE", float, number(float)),
    Case("'1.7976931348623157e308'::DOUBLE", float, number(float)),
    Case("'-inf'::DOUBLE", float, number(float)),
    Case("0.1::FLOAT::DOUBLE", float, number(float)),
    Case("1.10::DECIMAL(4,2)", Decimal),
    Case("'-12345678901234567.89'::DECIMAL(19,2)", Decimal),
    Case(f"'-{'9' * 38}'::DECIMAL(38,0)", Decimal, number(Decimal)),
    Case(f"'0.{'0' * 37}1'::DECIMAL(38,38)", Decimal),
    Case("'it''s \"q\", ü 🦆'", same),
    Case("''", same),
    Case("'b'::ENUM('a', 'b')", same),
    Case("'{\"a\": [1, 2]}'::JSON", same),
    Case("'0101101'::BIT", same),
    scalar("'6b9c2f8e-1f2b-4c3d-9e4f-0a1b2c3d4e5f'::UUID", uuid.UUID, arrow=uuid.UUID),
    scalar("'\\x00\\xFFa'::BLOB", base64.b64decode, arrow=same),
    scalar("DATE '2026-01-31'", date.fromisoformat, arrow=same),
    scalar("DATE '0001-01-01'", date.fromisoformat, arrow=same),
    scalar("TIME '03:04:05.5'", time.fromisoformat, arrow=same),
    scalar("'03:04:05.000001-05:30'::TIMETZ", time.fromisoformat, arrow=time.fromisoformat),
    scalar("TIMESTAMP '2026-01-31 03:04:05.25'", datetime.fromisoformat, arrow=same),
    scalar("TIMESTAMP '1677-01-31 03:04:05.000001'", datetime.fromisoformat, arrow=same),
    scalar("TIMESTAMP_S '2026-01-31 03:04:05'", datetime.fromisoformat, arrow=same),
    scalar("TIMESTAMP_MS '2026-01-31 03:04:05.678'", datetime.fromisoformat, arrow=same),
    scalar(
        "TIMESTAMPTZ '2026-01-31 03:04:05+02'",
        in_utc,
        arrow=lambda moment: in_utc(moment.isoformat()),
        local="TIMESTAMP '2026-01-31 01:04:05'",
    ),
    scalar("INTERVAL '1 year 2 months -3 days 04:05:06.5'", interval, arrow=interval),
    scalar("INTERVAL '-1 microsecond'", interval, arrow=interval),
    nested("[1, NULL, 3]"),
    nested("[]::INTEGER[]"),
    nested("[[1.50], [], NULL]"),
    nested("[1, 2, 3]::INTEGER[3]", tuple, arrow=tuple),
    nested("{'a': 1, 'b': ['x', NULL], 'n': NULL::DATE}"),
    nested("[{'d': DATE '2026-01-31'}]", lambda v: [{"d": date.fromisoformat(v[0]["d"])}]),
    nested("MAP {'k': 1, 'q\"': NULL}", arrow=pairs),
    nested("MAP {1: 'a', 2: NULL}", pairs, arrow=pairs),
    nested("'x'::UNION(num INTEGER, str VARCHAR)", arrow=json.loads),
    nested("2::UNION(num INTEGER, str VARCHAR)", arrow=json.loads),
    nested(f"[{2**64}::HUGEINT, NULL]", arrow=json.loads),
]


def reader_of(case: Case, name: str) -> Callable[[Any], Any]:
    if name == "csv":
        return case.text
    return case.arrow if name == "arrow" else case.json


def read_as_python(name: str, body: bytes, cases: list[Case]) -> list[tuple]:
    readers = [reader_of(case, name) for case in cases]
    return [
        tuple(
            # CSV has an empty field for NULL, which Python's reader does not distinguish from "".
            (None if name == "csv" and value == "" and reader is not same else reader(value))
            if value is not None
            else None
            for reader, value in zip(readers, row, strict=True)
        )
        for row in read(name, body).rows
    ]


@each_format
@pytest.mark.parametrize("case", TYPES, ids=[case.sql[:40] for case in TYPES])
def test_type(client, name, case):
    text = "SELECT 1 AS n, {0} AS v UNION ALL SELECT 2, {0} ORDER BY n"
    expected = local_duckdb().execute(text.format(case.local or case.sql)).fetchall()
    answer = ask(client, text.format(case.sql), name)
    assert answer.status == 200, answer.text
    rows = read_as_python(name, answer.body, [Case("n", int), case])
    assert rows == expected
    assert [type(row[1]) for row in rows] == [type(row[1]) for row in expected]


@each_format
@pytest.mark.parametrize("case", TYPES, ids=[case.sql[:40] for case in TYPES])
def test_type_between_nulls(client, name, case):
    """Values in a vector with NULLs, not constants. NULL differs from the empty text."""
    text = (
        "SELECT n, v FROM range(3000) t(n) LEFT JOIN (SELECT 1 AS r, {} AS v) ON n % 3 = r "
        "ORDER BY n"
    )
    expected = local_duckdb().execute(text.format(case.local or case.sql)).fetchall()
    answer = ask(client, text.format(case.sql), name)
    assert answer.status == 200, answer.text
    if name != "csv":
        assert read_as_python(name, answer.body, [Case("n", int), case]) == expected
        return
    # Compares bytes, because Python's reader does not distinguish NULL and an empty text.
    nulls = [line for line in answer.body.split(b"\r\n")[1:-1] if line.endswith(b",")]
    assert nulls == [b"%d," % n for n in range(3000) if n % 3 != 1]
    rows = [(int(n), case.text(v)) for n, v in read("csv", answer.body).rows if int(n) % 3 == 1]
    assert rows == expected[1::3]


@each_format
def test_all_types_side_by_side_in_a_large_result(client, name):
    (expected,) = (
        local_duckdb()
        .execute("SELECT " + ", ".join(case.local or case.sql for case in TYPES))
        .fetchall()
    )
    columns = ", ".join(f"{case.sql} AS c{i}" for i, case in enumerate(TYPES))
    answer = ask(client, f"SELECT {columns} FROM range(5000)", name)
    assert is_chunked(answer)
    rows = read_as_python(name, answer.body, TYPES)
    assert len(rows) == 5000
    assert all(row == expected for row in rows)


@each_format
def test_type_without_an_encoding_is_an_error_in_each_format(client, name):
    answer = ask(client, "SELECT 1 AS a, get_type(1) AS t", name)
    answer.expect_text_error(
        400, "query: column 2 has a type that has no encoding, cast it to VARCHAR"
    )


@pytest.mark.parametrize("name", ["json", "ndjson"])
def test_big_numbers_are_quoted_in_both_kinds_of_json(client, name):
    text = "SELECT 9007199254740993 AS a, 1 AS b, [9007199254740993] AS c"
    rows = read(name, ask(client, text, name, big_numbers="string").body).rows
    assert rows == [["9007199254740993", 1, ["9007199254740993"]]]


def test_big_numbers_in_csv_are_quoted_only_within_json(client):
    text = "SELECT 9007199254740993 AS a, [9007199254740993] AS c"
    answer = ask(client, text, "csv", big_numbers="string")
    assert answer.body == b'a,c\r\n9007199254740993,"[""9007199254740993""]"\r\n'
