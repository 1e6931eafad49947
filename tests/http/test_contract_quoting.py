"""Contract of queryd: quoted "so that no dataset name or key can be SQL", or anything else."""

import pytest
from harness.client import quoted
from harness.waiting import wait_until

NAMES = [
    "plain",
    "with space",
    " leading and trailing ",
    "Upper",
    "it's",
    'dou"ble',
    '""',
    "'",
    "semi;colon",
    "; DROP VIEW canary; --",
    '"; DROP VIEW canary; --',
    "x'); DROP VIEW canary; --",
    "-- comment",
    "/* comment */",
    "main.canary2",
    "memory.main.x",
    "a/b/c",
    "..",
    "../../etc/passwd",
    ".",
    "per%cent%41",
    "%2F",
    "a*b?c[d]{e}",
    "$1",
    "?",
    ":name",
    "\\back\\slash\\n",
    "SELECT",
    "select * from canary",
    "42",
    "s3://lake/x.parquet",
    "x.parquet",
    "https://example.com/x.csv",
    "duckdb_tables",
    "pg_catalog",
    "Ünïcödé",
    "データ",
    "🦆🦆",
    "e\u0301 combining",
    "\u202eright-to-left",
    "zero\u200bwidth",
    "n" * 255,
    "é" * 127,
    "+",
    "a&b=c#d",
]

KEYS = [
    "with space.parquet",
    " leading and trailing ",
    "it's.parquet",
    'dou"ble.parquet',
    "semi;colon.parquet",
    "x'); DROP VIEW canary; --.parquet",
    "x']); DROP VIEW canary; --.parquet",
    "-- comment",
    "ünïcødé-データ-🦆.parquet",
    "star*.parquet",
    "**",
    "question?.parquet",
    "brackets[ab].parquet",
    "bracket[.parquet",
    "{a,b}.parquet",
    "100%.parquet",
    "percent%41.parquet",
    "%2e%2e.parquet",
    "a+b.parquet",
    "a&b=c.parquet",
    "a#b.parquet",
    "..a/..b.parquet",
    "...",
    "?s3_region=nowhere",
    "x.parquet?s3_access_key_id=x&s3_endpoint=127.0.0.1:9",
    "$HOME.parquet",
    "tab\there.parquet",
    "new\nline.parquet",
    "~tilde",
    "no-extension",
    "@at:colon,comma=equals",
    "<x>|y^`z`",
    "data.csv",
    "data.json.gz",
    "http://example.com/x.parquet",
    "s3://lake/x.parquet",
    "k" * 200,
]

# The keys that a pattern in another key would match.
DECOYS = ["starx.parquet", "questionx.parquet", "question", "bracketsa.parquet", "percentA.parquet"]


@pytest.fixture(scope="module")
def odd_lake(shared_lake):
    """A lake with a canary that injected SQL would drop, and objects that patterns would match."""
    shared_lake.add("canary", "SELECT 'alive' AS state", key="canary")
    shared_lake.wait_for_rows("canary", [["alive"]])
    for decoy in DECOYS:
        shared_lake.files.put_rows(decoy, "SELECT 'decoy' AS cell")
    return shared_lake


@pytest.mark.parametrize("name", NAMES)
def test_dataset_name_is_never_sql(odd_lake, name):
    key = odd_lake.files.put_rows("by-name", "SELECT 'right' AS cell")
    odd_lake.catalog.put_keys(name, key)
    listed = [item["name"] for item in odd_lake.catalog.list()["manifests"]]
    assert name in listed
    odd_lake.wait_for_rows(name, [["right"]])
    assert odd_lake.catalog.delete(name).status == 204
    # DuckDB has functions or views with some of these names, which datasets do not hide.
    wait_until(lambda: b'"right"' not in odd_lake.select_all(name).body, "the view is dropped")
    assert odd_lake.select_all("canary").rows() == [["alive"]]


def test_dataset_named_like_a_function_that_shows_secrets_is_refused(odd_lake):
    """Such a name is always refused, because after a drop of the dataset it would mean the
    function."""
    odd_lake.catalog.put_keys("duckdb_secrets", odd_lake.files.put_rows("s", "SELECT 1 AS cell"))
    odd_lake.catalog.put_keys("beside it", odd_lake.files.put_rows("b", "SELECT 'x' AS cell"))
    odd_lake.wait_for_rows("beside it", [["x"]])
    odd_lake.select_all("duckdb_secrets").expect_error(400, "query: not allowed: ")
    for name in ("duckdb_secrets", "beside it"):
        assert odd_lake.catalog.delete(name).status == 204


@pytest.mark.parametrize("name", KEYS)
def test_key_is_never_sql_or_a_pattern(odd_lake, name):
    key = odd_lake.files.put_rows(name, "SELECT 'right' AS cell")
    odd_lake.catalog.put_keys("odd key", key)
    odd_lake.wait_for_rows("odd key", [["right"]])
    # The same in a list, which is quoted by other code.
    second = odd_lake.files.put_rows("zz-second", "SELECT 'second' AS cell")
    odd_lake.catalog.put_keys("odd key", key, second)
    odd_lake.wait_for_rows("odd key", [["right"], ["second"]])
    assert odd_lake.catalog.delete("odd key").status == 204
    odd_lake.wait_until_gone("odd key")
    assert odd_lake.select_all("canary").rows() == [["alive"]]


def test_odd_name_and_odd_key_together(odd_lake):
    odd = "x\"'); DROP VIEW canary; CREATE VIEW pwned AS SELECT 1; --"
    key = odd_lake.files.put_rows(odd, "SELECT 'right' AS cell")
    odd_lake.catalog.put_keys(odd, key)
    odd_lake.wait_for_rows(odd, [["right"]])
    odd_lake.query.sql("FROM pwned").expect_error(400, "query: ")
    assert odd_lake.select_all("canary").rows() == [["alive"]]
    odd_lake.catalog.delete(odd)


def test_error_about_an_odd_name_stays_one_line_of_the_log(odd_lake):
    """Names and keys cannot forge a line of the log."""
    key = odd_lake.files.key("absent\n2026-01-01T00:00:00.000000Z ERROR queryd: forged")
    odd_lake.catalog.put_keys("odd; 'name'", key)
    odd_lake.queryd.wait_for_line("WARN", "odd; 'name'")
    assert not [line for line in odd_lake.queryd.log.splitlines() if line.startswith("2026-01-01T")]
    odd_lake.catalog.delete("odd; 'name'")


def test_key_cannot_leave_the_bucket(odd_lake):
    """In S3, `..` is not a parent folder, and it must not become one in a URL."""
    odd_lake.catalog.put_keys("escape", "../other-bucket/x.parquet")
    odd_lake.queryd.wait_for_line("WARN", "escape")
    odd_lake.select_all("escape").expect_error(400, "query: ")
    odd_lake.catalog.delete("escape")


def test_column_names_are_returned_unchanged(odd_lake):
    names = ['dou"ble', "it's", "semi;colon", "new\nline", "データ", " ", "\\", "SELECT"]
    odd_lake.add(
        "odd columns", "SELECT " + ", ".join(f"1 AS {quoted(name)}" for name in names), "columns"
    )
    odd_lake.wait_for_rows("odd columns", [[1] * len(names)])
    answer = odd_lake.select_all("odd columns")
    assert [column["name"] for column in answer.json()["columns"]] == names
