"""With queryd.allow_direct_reads, SQL can read the bucket and nothing else."""

import contextlib

import pytest
from harness.store import BUCKET, parquet

OTHER = "another-tenant"


@pytest.fixture
def direct(new_lake):
    new_lake.set("queryd", allow_direct_reads=True).start()
    client = new_lake.files.store.client
    with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket=OTHER)
    client.put_object(Bucket=OTHER, Key="x.parquet", Body=parquet("SELECT 'theirs' AS x"))
    new_lake.files.put("x.parquet", parquet("SELECT 'ours' AS x"))
    yield new_lake
    client.delete_object(Bucket=OTHER, Key="x.parquet")
    client.delete_bucket(Bucket=OTHER)


def test_objects_of_the_bucket_are_read(direct):
    path = f"s3://{BUCKET}/{direct.files.prefix}/x.parquet"
    for sql in (
        f"FROM read_parquet('{path}')",
        f"FROM read_parquet(['{path}'])",
        f"FROM '{path}'",
        f"FROM query($$FROM '{path}'$$)",
    ):
        assert direct.query.sql(sql).rows() == [["ours"]], sql


def test_paths_cannot_leave_the_bucket(direct):
    for path in (
        f"s3://{OTHER}/x.parquet",
        f"s3://{BUCKET}/../{OTHER}/x.parquet",
        f"s3://{BUCKET}/a/../../{OTHER}/x.parquet",
        f"s3://{BUCKET}/./../{OTHER}/x.parquet",
        f"s3://{BUCKET}/%2e%2e/{OTHER}/x.parquet",
        f"s3://{BUCKET}/%2E./{OTHER}/x.parquet",
        f"s3://{BUCKET}/..\\\\{OTHER}/x.parquet",
    ):
        for sql in (
            f"FROM read_parquet('{path}')",
            f"FROM read_parquet(['{path}'])",
            f"FROM '{path}'",
            f"SELECT count(*) FROM read_blob('{path}')",
            f"FROM parquet_metadata('{path}')",
            f"FROM query($$FROM '{path}'$$)",
        ):
            answer = direct.query.sql(sql)
            answer.expect_error(400, "query: ")
            assert "theirs" not in answer.text


def test_paths_must_be_constant(direct):
    for argument in (
        f"'s3://{BUCKET}/' || '../{OTHER}/x.parquet'",
        f"['s3://{BUCKET}/' || '../{OTHER}/x.parquet']",
        f"replace('s3://{BUCKET}/,,/{OTHER}/x.parquet', ',', '.')",
    ):
        error = direct.query.sql(f"FROM read_parquet({argument})").expect_error(400, "query: ")
        assert error.startswith("query: not allowed: a path that is not constant")
    answer = direct.query.sql(
        "FROM read_parquet(?)", params=[f"s3://{BUCKET}/../{OTHER}/x.parquet"]
    )
    answer.expect_error(400, "query: not allowed: a path that is not constant")
