"""tarn put and then a query give back each value of random tables as it was written.

TARN_EXAMPLES sets the number of random tables of each test. The tables differ in each run, and a
failing table is not reduced.
"""

import csv
import io
import json
import os
from dataclasses import dataclass

from harness.client import quoted
from harness.put_reference import Fields, Number, json_difference
from harness.same_text import first_difference
from harness.tool import ok
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("TARN_EXAMPLES", "0"))
FEW = settings(
    max_examples=EXAMPLES or 40,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    phases=[Phase.generate] if EXAMPLES else list(Phase),
    suppress_health_check=list(HealthCheck),
)

# Without letters of nan, inf, true and false.
ALPHABET = "bcdeghß€😀éÿ,;|\t\"'\n\r\\ -_#"
WORDS = st.text(alphabet=ALPHABET, min_size=1, max_size=12).filter(
    lambda text: text.strip() == text
)
INTEGERS = st.integers(-(10**40), 10**40) | st.integers(-1000, 1000)
DECIMALS = st.decimals(-(10**12), 10**12, allow_nan=False, places=3).map(
    lambda number: f"{number.normalize():f}"
)
CODES = st.from_regex(r"\A0[0-9]{1,5}\Z") | st.from_regex(r"\A[+][0-9]{6,12}\Z")
VERSIONS = st.from_regex(r"\A[1-9][.][0-9]{1,2}\Z")
LONG = st.from_regex(r"\A-?[1-9][0-9]{0,20}[.][0-9]{1,20}\Z")
EXPONENTS = st.from_regex(r"\A-?[1-9][.][0-9]{1,16}[eE][+-]?[0-9]{1,3}\Z")
DAYS = st.dates().map(str)
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat(sep=" "))
ZONED = st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
KINDS = [
    WORDS,
    INTEGERS.map(str),
    DECIMALS,
    CODES,
    VERSIONS,
    LONG,
    EXPONENTS,
    DAYS,
    MOMENTS,
    ZONED,
    st.times().map(str),
    st.sampled_from(["true", "false"]),
    st.just(""),
]


@st.composite
def columns(draw) -> list[list[str]]:
    """Each of one kind, or of two."""
    row_count = draw(st.integers(1, 12))
    made = []
    for _ in range(draw(st.integers(2, 6))):
        kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2))
        values = st.one_of(*kinds)
        made.append(draw(st.lists(values, min_size=row_count, max_size=row_count)))
    return made


@dataclass(frozen=True)
class Dialect:
    """How a table is written as CSV."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    line_end: str = "\n"
    is_all_quoted: bool = False
    encoding: str = "utf-8"
    has_header: bool = True
    has_last_line_end: bool = True
    blank_lines: int = 0  # Before the first line and the last one.

    def field(self, text: str) -> str:
        special = (self.delimiter, self.quote, self.escape, "\r", "\n")
        if not self.is_all_quoted and not any(c in text for c in special):
            return text
        if self.escape != self.quote:
            text = text.replace(self.escape, self.escape * 2)
        return f"{self.quote}{text.replace(self.quote, self.escape + self.quote)}{self.quote}"

    def write(self, names: list[str], table: list[list[str]]) -> bytes:
        rows = [names] if self.has_header else []
        rows += [list(row) for row in zip(*table, strict=True)]
        lines = [self.delimiter.join(map(self.field, row)) for row in rows]
        lines[-1:-1] = [""] * self.blank_lines
        lines[:0] = [""] * self.blank_lines
        text = self.line_end.join(lines) + (self.line_end if self.has_last_line_end else "")
        return text.encode(self.encoding)

    def options(self) -> list[str]:
        said = ["--delimiter", self.delimiter, "--with", f"quote={self.quote}"]
        said += ["--with", f"escape={self.escape}"]
        said += ["--with", f"header={str(self.has_header).lower()}"]
        by_mark = self.encoding in ("utf-8", "utf-8-sig", "utf-16")
        return said if by_mark else [*said, "--encoding", self.encoding]


DETECTED = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    is_all_quoted=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    has_last_line_end=st.booleans(),
    blank_lines=st.integers(0, 2),
)
SAID = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t|:^ "),
    quote=st.sampled_from("\"'"),
    escape=st.sampled_from("\"'\\"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    is_all_quoted=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16be", "cp1252", "latin-1"]),
    has_header=st.booleans(),
    has_last_line_end=st.booleans(),
    blank_lines=st.integers(0, 2),
).filter(lambda dialect: dialect.escape in (dialect.quote, "\\"))


def answer(lake, accept: str) -> str:
    found = lake.query.sql(f"FROM {quoted('t')}", {"Accept": accept})
    assert found.status == 200, found.text
    return found.text


def put(lake, run, path, *options):
    return run("put", "--config", lake.write_config(), path, "--as", "t", "--replace", *options)


def check(lake, names: list[str] | None, table: list[list[str]]) -> None:
    """`names`: also accepted as a row, if the first line can be one."""
    found = list(csv.reader(io.StringIO(answer(lake, "text/csv"), newline="")))
    head, *rows = found
    if names and len(rows) == len(table[0]) + 1:
        assert rows.pop(0) == names
    elif names:
        assert head == names
    assert len(rows) == len(table[0])
    for texts, column in zip(zip(*rows, strict=True), table, strict=True):
        assert not first_difference(texts, column)


@FEW
@given(table=columns(), dialect=DETECTED)
def test_csv_with_a_detected_format(lake, run, table, dialect):
    names = [f"column {n}" for n in range(len(table))]
    path = lake.folder / "a.csv"
    content = dialect.write(names, table)
    note(repr(content))
    path.write_bytes(content)
    if put(lake, run, path).returncode == 0:
        check(lake, names, table)


@FEW
@given(
    table=columns(),
    dialect=SAID,
    names=st.lists(WORDS, unique_by=str.lower, min_size=6, max_size=6),
)
def test_csv_with_a_given_format(lake, run, table, dialect, names):
    names = names[: len(table)]
    try:
        content = dialect.write(names, table)
    except UnicodeEncodeError:
        return
    path = lake.folder / "a.csv"
    note(repr((content, dialect.options())))
    path.write_bytes(content)
    ok(put(lake, run, path, *dialect.options()))
    check(lake, names if dialect.has_header else None, table)


# --- JSON

KEYS = st.sampled_from(["a", "A", "b", "", "_", "a_1", "x\0y", "x_y", "é", '"', "."]) | WORDS
TEXTS = st.one_of(*KINDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.one_of(INTEGERS.map(str), DECIMALS, LONG, EXPONENTS, st.just("-0")).map(Number)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)


def fields(values: st.SearchStrategy, most: int = 4) -> st.SearchStrategy:
    return st.lists(st.tuples(KEYS, values), max_size=most).map(Fields)


VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | fields(inner, 3))


@st.composite
def records(draw) -> list:
    """Records of one form, with a few values of another one."""
    names = draw(st.lists(KEYS, min_size=1, max_size=5))
    kinds = [draw(st.sampled_from([SCALARS, NUMBERS, TEXTS, VALUES, *KINDS])) for _ in names]
    made = []
    for _ in range(draw(st.integers(1, 8))):
        pairs = zip(names, kinds, strict=True)
        record = Fields((name, draw(kind)) for name, kind in pairs if draw(st.integers(0, 5)))
        made.append(draw(fields(VALUES)) if draw(st.integers(0, 9)) == 0 else record)
    return made


def text_of(value, is_ascii: bool) -> str:
    """JSON, with numbers as they are written and duplicate keys."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Fields):
        pairs = (
            f"{json.dumps(key, ensure_ascii=is_ascii)} : {text_of(each, is_ascii)}"
            for key, each in value
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(text_of(each, is_ascii) for each in value) + "]"
    return json.dumps(value, ensure_ascii=is_ascii)


@FEW
@given(
    rows=records(),
    is_array=st.booleans(),
    is_ascii=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_json(lake, run, rows, is_array, is_ascii, encoding):
    texts = [text_of(row, is_ascii) for row in rows]
    text = "[" + ",\n".join(texts) + "]" if is_array else "\n".join(texts)
    path = lake.folder / "a.json"
    note(repr(text))
    path.write_bytes(text.encode(encoding))
    ok(put(lake, run, path))
    assert not json_difference(path, answer(lake, "application/x-ndjson"))
