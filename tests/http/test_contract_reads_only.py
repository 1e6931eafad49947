"""Contract of queryd: one statement that reads, and no way to do anything else."""

import pytest
from harness.waiting import wait_until


@pytest.fixture(scope="module")
def guarded(shared_lake):
    shared_lake.add("numbers", "SELECT * FROM range(3) t(n)")
    shared_lake.wait_for_rows("numbers", [[0], [1], [2]])
    return shared_lake


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT count(*) FROM numbers", [[3]]),
        ("SELECT count(*) FROM numbers;", [[3]]),
        ("  SELECT 1 ; ", [[1]]),
        ("-- a comment\nSELECT 1 -- another\n", [[1]]),
        ("FROM numbers ORDER BY n", [[0], [1], [2]]),
        ("TABLE numbers", [[0], [1], [2]]),
        ("VALUES (1, 'a')", [[1, "a"]]),
        ("WITH t AS (SELECT 5 AS n) SELECT * FROM t", [[5]]),
        (
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 4) "
            "SELECT max(n) FROM t",
            [[4]],
        ),
        ("SELECT * FROM range(2)", [[0], [1]]),
        ("SELECT unnest([1, 2])", [[1], [2]]),
        ("SELECT n FROM numbers WHERE n IN (SELECT max(n) FROM numbers)", [[2]]),
    ],
)
def test_statements_that_read_are_accepted(guarded, text, rows):
    assert guarded.query.sql(text).rows() == rows


@pytest.mark.parametrize(
    "text",
    ["DESCRIBE numbers", "SUMMARIZE numbers", "SHOW TABLES", "EXPLAIN SELECT * FROM numbers"],
)
def test_statements_that_describe_are_accepted(guarded, text):
    assert guarded.query.sql(text).rows()


REFUSED = [
    ("COPY", "COPY (SELECT 1) TO 's3://lake/{prefix}/stolen.parquet'"),
    ("COPY", "COPY numbers TO '{folder}/stolen.csv'"),
    ("", "EXPLAIN ANALYZE COPY (SELECT 1) TO 's3://lake/{prefix}/stolen.parquet'"),
    ("EXPORT", "EXPORT DATABASE '{folder}/stolen'"),
    ("CREATE", "CREATE TABLE stolen AS SELECT 1"),
    ("CREATE", "CREATE TEMP TABLE stolen AS SELECT 1"),
    ("CREATE", "CREATE OR REPLACE VIEW numbers AS SELECT 666 AS n"),
    ("CREATE", "CREATE MACRO stolen() AS 1"),
    ("CREATE", "CREATE SECRET stolen (TYPE S3, KEY_ID 'x', SECRET 'y')"),
    ("DROP", "DROP VIEW numbers"),
    ("DROP", "DROP SECRET IF EXISTS tarn_primary"),
    ("INSERT", "INSERT INTO numbers VALUES (1)"),
    ("UPDATE", "UPDATE numbers SET n = 1"),
    ("DELETE", "DELETE FROM numbers"),
    ("ALTER", "ALTER VIEW numbers RENAME TO stolen"),
    ("ATTACH", "ATTACH '{folder}/stolen.db'"),
    ("DETACH", "DETACH memory"),
    ("", "USE memory"),
    ("LOAD", "LOAD json"),
    ("", "INSTALL spatial"),
    ("SET", "SET threads = 1"),
    ("", "RESET threads"),
    ("", "SET VARIABLE x = 1"),
    ("", "PRAGMA database_list"),
    ("", "PRAGMA enable_profiling"),
    ("", "CALL duckdb_secrets()"),
    ("", "CHECKPOINT"),
    ("", "VACUUM"),
    ("", "ANALYZE"),
    ("", "BEGIN"),
    ("", "COMMIT"),
    ("", "PREPARE p AS SELECT 1"),
    ("", "EXECUTE p"),
    ("", "IMPORT DATABASE '{folder}/x'"),
    ("", "SELECT 1; SELECT 2"),
    ("", "SELECT 1; DROP VIEW numbers"),
    ("", "SELECT * FROM query('SELECT 1; DROP VIEW numbers')"),
]


@pytest.mark.parametrize(("kind", "text"), REFUSED, ids=[text[:50] for _, text in REFUSED])
def test_statements_that_do_not_read_are_refused(guarded, kind, text):
    text = text.format(folder=guarded.folder, prefix=guarded.files.prefix)
    message = guarded.query.sql(text).expect_error(400, "query: ")
    if kind:
        assert message.startswith(f"query: not allowed: {kind}"), message
    assert guarded.select_all("numbers").rows() == [[0], [1], [2]]
    guarded.query.sql("FROM stolen").expect_error(400, "query: ")
    assert not [key for key in guarded.files.keys() if "stolen" in key]
    assert not list(guarded.folder.glob("stolen*"))


READS_OUTSIDE = [
    "SELECT * FROM '{folder}/lakehouse.toml'",
    "SELECT * FROM read_text('{folder}/lakehouse.toml')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_parquet('s3://another-bucket/x.parquet')",
    "SELECT * FROM read_json('http://127.0.0.1:9/x.json')",
    "SELECT * FROM 'http://127.0.0.1:9/x.parquet'",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/x.parquet')",
    # Queries can read objects of the bucket only through the catalogue.
    "SELECT * FROM read_parquet('s3://lake/{prefix}/data.parquet')",
    "SELECT * FROM 's3://lake/{prefix}/data.parquet'",
    "SELECT * FROM glob('s3://lake/**')",
    "SELECT * FROM query_table('s3://lake/{prefix}/data.parquet')",
    "EXPLAIN SELECT * FROM 's3://lake/{prefix}/data.parquet'",
    "DESCRIBE 's3://lake/{prefix}/data.parquet'",
]


@pytest.mark.parametrize("text", READS_OUTSIDE)
def test_objects_outside_of_the_catalogue_are_not_read(guarded, text):
    text = text.format(folder=guarded.folder, prefix=guarded.files.prefix)
    answer = guarded.query.sql(text)
    message = answer.expect_error(400, "query: ")
    assert "root:" not in message


def test_refused_statement_does_not_affect_the_refresh(guarded):
    guarded.query.sql("DROP VIEW numbers").expect_error(400, "query: ")
    guarded.add("after", "SELECT 1 AS n", key="after")
    guarded.wait_for_rows("after", [[1]])
    guarded.catalog.delete("after")
    wait_until(lambda: guarded.select_all("after").status == 400, "the view is dropped")
