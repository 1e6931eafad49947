"""tarn put and then tarn sql return each value of random tables as it was written."""

import csv
import io
import json
import re
from decimal import Decimal, InvalidOperation

from harness.tool import ok
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

DAY = re.compile(r"\d{4}-\d\d-\d\d")
CODE = re.compile(r"[+]|-?0\d")

FEW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Without the letters of nan, inf, true and false.
WORDS = st.text(alphabet="bcdeghß€😀,;|\t\"'\n -_", min_size=1, max_size=12).filter(
    lambda text: text.strip() == text
)
INTEGERS = st.integers(-(10**40), 10**40) | st.integers(-1000, 1000)
DECIMALS = st.decimals(-(10**12), 10**12, allow_nan=False, places=3).map(
    lambda number: f"{number.normalize():f}"
)
CODES = st.from_regex(r"\A0[0-9]{1,5}\Z") | st.from_regex(r"\A[+][0-9]{6,12}\Z")
VERSIONS = st.from_regex(r"\A[1-9][.][0-9]{1,2}\Z")
LONG = st.from_regex(r"\A-?[1-9][0-9]{0,20}[.][0-9]{1,20}\Z")
DAYS = st.dates().map(str)
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat(sep=" "))
KINDS = [
    WORDS,
    INTEGERS.map(str),
    DECIMALS,
    CODES,
    VERSIONS,
    LONG,
    DAYS,
    MOMENTS,
    st.sampled_from(["true", "false"]),
    st.just(""),
]


@st.composite
def columns(draw) -> list[list[str]]:
    """Columns with values of one kind, or of two."""
    row_count = draw(st.integers(1, 12))
    made = []
    for _ in range(draw(st.integers(2, 6))):
        kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2))
        values = st.one_of(*kinds)
        made.append(draw(st.lists(values, min_size=row_count, max_size=row_count)))
    return made


def plain(text: str) -> str:
    """A time without trailing zeros."""
    moment = text.replace("T", " ")
    if "." in moment:
        moment = moment.rstrip("0").removesuffix(".")
    return moment.removesuffix(" 00:00:00")


def is_same(text: str, given: str, column: list[str]) -> bool:
    """Numbers may lose trailing zeros if all have the same number of decimals."""
    if text == given:
        return True
    if DAY.match(given):
        return plain(text) == plain(given)
    try:
        is_equal = Decimal(text) == Decimal(given) and not CODE.match(given)
    except InvalidOperation:
        return False
    digits = {len(each.partition(".")[2]) for each in column if "." in each}
    decimals = given.partition(".")[2]
    is_canonical = len(decimals) < 2 or not decimals.endswith("0")
    return is_equal and (is_canonical or len(digits) == 1)


def columns_of(lake, run, name: str) -> list[list[str]]:
    lines = ok(run("sql", "--format", "csv", f'FROM "{name}"', text=False)).decode()
    rows = list(csv.reader(io.StringIO(lines, newline="")))[1:]
    return [list(column) for column in zip(*rows, strict=True)]


def check(found: list[list[str]], given: list[list[str]]) -> None:
    assert len(found) == len(given)
    for texts, column in zip(found, given, strict=True):
        assert len(texts) == len(column)
        for text, value in zip(texts, column, strict=True):
            assert is_same(text, value, column), (text, value, column)


@FEW
@given(
    table=columns(),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    is_said=st.booleans(),
)
def test_csv(lake, run, table, delimiter, line_end, quoting, is_said):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow([f"column {n}" for n in range(len(table))])
    writer.writerows(zip(*table, strict=True))
    path = lake.folder / "a.csv"
    path.write_bytes(out.getvalue().encode())
    options = ["--delimiter", delimiter, "--with", "header=true", "--with", 'quote="']
    put = ["put", "--config", lake.write_config(), path, "--as", "t", "--replace"]
    done = run(*put, *(options if is_said else []))
    if is_said:
        ok(done)
    if done.returncode == 0:
        check(columns_of(lake, run, "t"), table)


def json_text(value: str) -> str:
    """A number as it is written, or a string."""
    body = value.removeprefix("-")
    is_number = body.replace(".", "", 1).isdigit() and body[0].isdigit() and body[-1].isdigit()
    has_zero = len(body) > 1 and body[0] == "0" and body[1] != "."
    if value in ("true", "false") or (is_number and not has_zero):
        return value
    return json.dumps(value) if value else "null"


@FEW
@given(table=columns(), is_array=st.booleans(), names=st.lists(WORDS, unique=True, min_size=6))
def test_json(lake, run, table, is_array, names):
    records = []
    for row in zip(*table, strict=True):
        fields = [f"{json.dumps(names[n])}:{json_text(value)}" for n, value in enumerate(row)]
        records.append("{" + ",".join(fields) + "}")
    text = "[" + ",\n".join(records) + "]" if is_array else "\n".join(records)
    path = lake.folder / "a.json"
    path.write_text(text)
    ok(run("put", "--config", lake.write_config(), path, "--as", "t", "--replace"))
    check(columns_of(lake, run, "t"), table)
