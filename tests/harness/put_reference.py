"""The rows of CSV and JSON files as Python's csv and json modules read them, and as Tarn has them.

Each function returns the first difference, or an empty text.
"""

import codecs
import csv
import gzip
import io
import itertools
import json
import re
import sys
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from harness.same_text import first_difference, is_same_iso

csv.field_size_limit(sys.maxsize)
sys.setrecursionlimit(20_000)

DELIMITERS = ",;\t|"
QUOTES: list[dict[str, Any]] = [
    {"quotechar": '"', "doublequote": True},
    {"quotechar": '"', "doublequote": False, "escapechar": "\\"},
    {"quoting": csv.QUOTE_NONE},
]


def text_of(path: Path) -> str:
    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    elif data.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow

        data = pyarrow.input_stream(io.BytesIO(data), compression="zstd").read()
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    return data.decode()


# --- CSV


def tables(text: str, width: int) -> Iterator[list[list[str]]]:
    """Returns the tables of the file in all dialects in which each row has `width` fields."""
    # Python removes a backslash before any character. In PostgreSQL's COPY, DuckDB and Tarn, it
    # escapes only a quote or a backslash.
    literal = re.sub(r'\\(["\\])|\\', lambda found: found[0] if found[1] else r"\\", text)
    dialects = [(text, quotes) for quotes in QUOTES] + [(literal, QUOTES[1])]
    for delimiter in DELIMITERS:
        for content, quotes in dialects:
            reader = csv.reader(
                io.StringIO(content, newline=""), delimiter=delimiter, strict=True, **quotes
            )
            try:
                rows = list(itertools.dropwhile(lambda row: not row, reader))
            except csv.Error:
                continue
            rows = [row or [""] for row in rows if row or width == 1]
            if rows and all(len(row) == width for row in rows):
                yield rows


def has_name(name: str, given: str, place: int) -> bool:
    plain = given.replace("\0", "_")
    return (
        name in (plain, plain.strip())
        or bool(re.fullmatch(rf"{re.escape(plain.strip())}_\d+", name))
        or (plain.strip() == "" and bool(re.fullmatch(rf"column0*{place}(?:_\d+)?", name)))
    )


def table_difference(found: list[list[str]], given: list[list[str]]) -> str:
    names, *rows = found
    body = given[1:] if len(given) == len(rows) + 1 else given
    if len(body) != len(rows):
        return f"{len(rows)} rows instead of {len(given)} lines"
    if body is not given:
        for place, (name, text) in enumerate(zip(names, given[0], strict=True)):
            if not has_name(name, text, place):
                return f"the name {name!r} instead of {text!r}"
    columns = zip(zip(*rows, strict=True), zip(*body, strict=True), strict=True)
    for name, (texts, values) in zip(names, columns, strict=True):
        if difference := first_difference(texts, values):
            return f"column {name!r}: {difference}"
    return ""


def csv_difference(path: Path, answer: str) -> str:
    """`answer`: all rows as CSV."""
    found = list(csv.reader(io.StringIO(answer, newline="")))
    found = [row or [""] for row in found]
    text = text_of(path)
    differences = [table_difference(found, given) for given in tables(text, len(found[0]))]
    if not differences:
        return f"no dialect has {len(found[0])} fields in each line"
    return "" if "" in differences else differences[0]


# --- JSON


class Fields(list):
    """The keys and values of an object, which may have duplicate keys."""


class Number(str):
    """A number as it is written."""


class Refused(Exception):
    """The text is not JSON."""


def no_constant(name: str) -> None:
    raise Refused(f"{name} is no value of JSON")


DECODER = json.JSONDecoder(
    object_pairs_hook=Fields, parse_float=Number, parse_int=Number, parse_constant=no_constant
)


def documents(text: str) -> list:
    """Returns all documents of a text, one after the other."""
    found = []
    at = 0
    while True:
        while at < len(text) and text[at] in " \t\r\n":
            at += 1
        if at == len(text):
            return found
        try:
            value, at = DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise Refused(str(error)) from error
        found.append(value)


def records_of(path: Path) -> list:
    try:
        found = documents(text_of(path))
    except (UnicodeDecodeError, RecursionError) as error:
        raise Refused(str(error)) from error
    is_array = len(found) == 1 and isinstance(found[0], list) and not isinstance(found[0], Fields)
    return found[0] if is_array else found


def is_same_number(found: str, given: str) -> bool:
    try:
        if Decimal(found) == Decimal(given):
            return True
        digits = re.sub(r"[eE].*|\D", "", given).lstrip("0")
        return len(digits) <= 17 and float(found) == float(given) and float(found) != 0
    except InvalidOperation:
        return False


def is_name_of(name: str, key: str) -> bool:
    plain = key.replace("\0", "_") or "_"
    return name == plain or bool(re.fullmatch(rf"{re.escape(plain)}_\d+", name, re.IGNORECASE))


def has_fields(found: Fields, given: Fields) -> bool:
    """Returns true if each value has a name of its key, and there are no other values."""
    left = list(found)
    for key, value in given:
        order = sorted(
            enumerate(left),
            key=lambda item: (item[1][0] != key, is_null(item[1][1]) != (value is None)),
        )
        for at, (name, other) in order:
            if (name == key or is_name_of(name, key)) and is_same_json(other, value):
                del left[at]
                break
        else:
            return False
    return all(is_null(value) for _, value in left)


def is_null(value: Any) -> bool:
    return value is None or (isinstance(value, Fields) and all(is_null(v) for _, v in value))


def is_same_json(found: Any, given: Any) -> bool:
    if given is None or (isinstance(given, Fields) and not given):
        if found is None or found in ("null", "{}") or is_null(found):
            return True
    if isinstance(found, str) and not isinstance(found, Number) and not is_plain(found, given):
        # A column with values of several kinds has JSON texts.
        try:
            return is_same_json(DECODER.decode(found), given) if found != given else True
        except (json.JSONDecodeError, Refused):
            return False
    if isinstance(given, Fields):
        return isinstance(found, Fields) and has_fields(found, given)
    if isinstance(given, list):
        return (
            isinstance(found, list)
            and not isinstance(found, Fields)
            and len(found) == len(given)
            and all(map(is_same_json, found, given))
        )
    if isinstance(given, bool):
        return found is given or found == str(given).lower()
    return is_plain(found, given)


def is_plain(found: Any, given: Any) -> bool:
    """A scalar that is its own text."""
    if isinstance(given, Number):
        return isinstance(found, str) and (found == given or is_same_number(found, given))
    if isinstance(given, bool):
        return found == str(given).lower()
    if isinstance(given, str):
        return isinstance(found, str) and (found == given or is_same_iso(found, given))
    return False


def json_difference(path: Path, answer: str) -> str:
    """`answer`: all rows as NDJSON. The last line has the status."""
    *found, status = documents(answer)
    if Fields(status)[0] != ("status", "ok"):
        return f"the answer is cut off: {status}"
    try:
        given = records_of(path)
    except Refused as error:
        return f"it is not JSON: {error}"
    if len(found) != len(given):
        return f"{len(found)} rows instead of {len(given)}"
    is_object = any(isinstance(record, Fields) for record in given)
    for number, (row, record) in enumerate(zip(found, given, strict=True)):
        if isinstance(record, Fields):
            same = is_same_json(row, record) or (
                len(row) == 1 and row[0][0] == "json" and is_same_json(row[0][1], record)
            )
        elif len(row) == 1 and row[0][0] == "json":
            same = is_same_json(row[0][1], record)
        else:
            same = is_object and record is None and is_null(row)
        if not same:
            return f"row {number}: {str(row)[:200]} instead of {str(record)[:200]}"
    return ""
