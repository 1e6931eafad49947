"""`tarn up s3://BUCKET/PREFIX`: one process with the catalogue and SQL on a bucket."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions
import pytest
from harness import programs
from harness.client import quoted
from harness.lake import to_toml
from harness.processes import run_to_exit
from harness.store import BUCKET, REGION, Folder, parquet
from harness.up import Up
from harness.waiting import wait_until

NAMES = ["it's", "a b", "a+b", 'dou"ble', "100%", "%41", "a&amp;<b>", "star*", "ü🦆", "a=1,b?c#d"]


@pytest.fixture
def env(store) -> dict[str, str]:
    """The environment of a user of the AWS tools, with another endpoint."""
    return {
        "TARN_S3_ENDPOINT": store.url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": store.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": store.credentials.secret_access_key,
    }


@pytest.fixture
def serve(up, files, env):
    """`tarn up` on this test's folder of the bucket, with a short interval."""

    def start(*arguments, **options) -> Up:
        options.setdefault("env", env)
        return up(url(files), "--every", "200ms", *arguments, **options)

    return start


@pytest.fixture
def fail(scratch, recorder, env):
    """Runs `tarn up`, which must fail, and returns the error."""

    def run(place: str, *arguments, **variables: str | None) -> str:
        changed = {k: v for k, v in (env | variables).items() if v is not None}
        argv = [programs.program("tarn"), "up", place, "--bind", "127.0.0.1:0", *arguments]
        done = run_to_exit(argv, folder=scratch, recorder=recorder, env=changed)
        assert done.status == 1, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("tarn: ")
        return done.stderr

    return run


def url(files: Folder) -> str:
    return f"s3://{BUCKET}/{files.prefix}"


def test_objects_and_folders_are_datasets(serve, files):
    files.put_rows("cities.parquet", "SELECT 'Bergen' AS name, 1 AS id")
    for part in range(3):
        files.put_rows(f"events/2026/0{part}/x.parquet", f"SELECT {part} AS part")
    files.put("README.txt", b"no Parquet")
    files.put("notes/README.txt", b"no Parquet")
    for hidden in (".a.parquet", "_b/c.parquet", "events/_delta/d.parquet"):
        files.put(hidden, b"no Parquet")
    running = serve()
    running.wait_for_rows("SELECT * FROM cities", [["Bergen", 1]])
    running.wait_for_rows("SELECT count(*), sum(part) FROM events", [[3, 3]])
    assert running.names() == {"cities", "events"}
    assert f"Tarn serves {url(files)}/ at http://" in running.daemon.stdout
    assert f"\nThe bucket is at {files.store.url}\n" in running.daemon.stdout
    assert "  events  (3 files, " in running.daemon.stdout
    wait_until(running.client.ready, "ready")
    (object_,) = running.client.manifest("cities").json()["objects"]
    assert object_["key"] == files.key("cities.parquet")
    assert object_["etag"].startswith('"')
    assert object_["size"] > 0


def test_empty_bucket(serve, files):
    running = serve()
    running.daemon.wait_for(lambda: "No datasets yet" in running.daemon.stdout, "an empty list")
    files.put_rows("late.parquet", "SELECT 1 AS n")
    running.wait_for_rows("FROM late", [[1]])


def test_bucket_without_a_prefix(store, up, env):
    bucket = "whole-bucket"
    store.client.create_bucket(Bucket=bucket)

    def put(key: str, data: bytes) -> bool:
        # The server confirms a new bucket before it can store objects in it.
        with contextlib.suppress(
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        ):
            store.client.put_object(Bucket=bucket, Key=key, Body=data)
            return True
        return False

    wait_until(lambda: put("top.parquet", parquet("SELECT 1 AS n")), "an object", poll_s=0.1)
    assert put("deep/a/b.parquet", parquet("SELECT 2 AS n"))
    for place in (f"s3://{bucket}", f"s3://{bucket}/"):
        running = up(place, env=env)
        running.wait_for_rows(
            "SELECT n FROM top UNION ALL SELECT n FROM deep ORDER BY n", [[1], [2]]
        )
        assert running.names() == {"top", "deep"}


def test_more_objects_than_a_page_has(serve, files):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: files.put(f"a/{n:04}.txt", b"x"), range(1003)))
    files.put_rows("z/a.parquet", "SELECT 1 AS n")
    files.put_rows("z/b.parquet", "SELECT 2 AS n")
    files.put_rows("zz.parquet", "SELECT 3 AS n")
    running = serve()
    running.wait_for_rows("SELECT n FROM z UNION ALL SELECT n FROM zz ORDER BY n", [[1], [2], [3]])
    assert running.names() == {"z", "zz"}


def test_odd_names(serve, files):
    for name in NAMES:
        files.put_rows(f"{name}.parquet", f"SELECT {len(name)} AS n")
        files.put_rows(f"in {name}/{name}.parquet", f"SELECT {len(name)} AS n")
    running = serve()
    for name in NAMES:
        running.wait_for_rows(f"FROM {quoted(name)}", [[len(name)]])
        running.wait_for_rows(f"FROM {quoted('in ' + name)}", [[len(name)]])
    assert running.names() == {*NAMES, *(f"in {name}" for name in NAMES)}


def test_follows_the_bucket(serve, files):
    files.put_rows("a.parquet", "SELECT 1 AS n")
    files.put_rows("b/1.parquet", "SELECT 1 AS n")
    running = serve()
    running.wait_for_rows("FROM a", [[1]])
    running.wait_for_rows("FROM b", [[1]])

    files.put_rows("c.parquet", "SELECT 3 AS n")
    files.put_rows("b/2.parquet", "SELECT 2 AS n")
    running.wait_for_rows("FROM c", [[3]])
    running.wait_for_rows("FROM b ORDER BY n", [[1], [2]])

    # Overwritten with other columns, and more rows than in the former footer.
    files.put_rows("a.parquet", "SELECT n, 'new' AS text FROM range(3000) t(n)")
    running.wait_for_rows("SELECT count(*), min(text) FROM a", [[3000, "new"]])
    running.wait_for_rows("SELECT n, text FROM a WHERE n = 2999", [[2999, "new"]])

    files.delete("b/1.parquet")
    running.wait_for_rows("FROM b", [[2]])
    files.delete("b/2.parquet")
    files.delete("a.parquet")
    running.wait_for_names("c")
    wait_until(lambda: running.client.sql("FROM a").status == 400, "a can no longer be queried")
    running.wait_for_rows("FROM c", [[3]])


def test_failed_listing_changes_nothing(up, files, env, make_proxy):
    files.put_rows("a.parquet", "SELECT 1 AS n")
    proxy = make_proxy(env["TARN_S3_ENDPOINT"].removeprefix("http://"))
    running = up(url(files), "--every", "200ms", env=env | {"TARN_S3_ENDPOINT": proxy.url})
    running.wait_for_rows("FROM a", [[1]])
    proxy.refuse()
    running.daemon.wait_for_line("WARN", "refresh failed", "cannot list the bucket: http://")
    assert running.names() == {"a"}
    running.wait_for_rows("FROM a", [[1]])
    metrics = running.client.get("/metrics").text
    assert 'tarn_refresh_total{result="error"} 0' not in metrics
    assert "cannot list the bucket" in running.client.get("/catalog/status").json()["error"]
    files.put_rows("b.parquet", "SELECT 2 AS n")
    proxy.pass_on()
    running.wait_for_rows("FROM b", [[2]])


def test_objects_can_be_read_only_as_datasets(serve, files):
    files.put_rows("a.parquet", "SELECT 1 AS n")
    other = files.store.client
    other.put_object(Bucket=BUCKET, Key="beside.parquet", Body=parquet("SELECT 'private' AS n"))
    running = serve()
    running.wait_for_rows("FROM a", [[1]])
    for target in (f"s3://{BUCKET}/beside.parquet", f"s3://{BUCKET}/{files.key('a.parquet')}"):
        running.client.sql(f"FROM '{target}'").expect_error(400, "query: ")
        running.client.sql(f"FROM read_parquet('{target}')").expect_error(400, "query: ")
    running.client.put("b", {"objects": [{"key": "beside.parquet"}]}).expect_error(405, "")


def test_broken_object_does_not_affect_others(serve, files):
    files.put("broken.parquet", b"no Parquet at all")
    files.put_rows("good.parquet", "SELECT 1 AS n")
    running = serve()
    running.wait_for_rows("FROM good", [[1]])
    running.client.sql("FROM broken").expect_error(400, "query: ")
    running.daemon.wait_for_line("broken")


def test_objects_are_not_changed(serve, files):
    files.put_rows("a/1.parquet", "SELECT 1 AS n")
    files.put("b.txt", b"x")
    before = files.keys()
    running = serve()
    running.wait_for_rows("FROM a", [[1]])
    running.daemon.stop()
    assert files.keys() == before


def test_datasets_of_tarn_put(serve, files, scratch, env, recorder):
    running = serve()
    csv = scratch / "sales.csv"

    def put(text: str, *words: str) -> None:
        csv.write_text(text)
        argv = [programs.program("tarn"), "put", csv, "--as", "sales", "--into", url(files), *words]
        done = run_to_exit(argv, folder=scratch, recorder=recorder, env=env)
        assert done.status == 0, done.stderr

    put("n\n1\n")
    running.wait_for_rows("FROM sales", [[1]])
    put("n\n2\n", "--append")
    running.wait_for_rows("FROM sales ORDER BY n", [[1], [2]])
    put("name\nthree\n", "--replace")
    running.wait_for_rows("FROM sales", [["three"]])


# --- sources of credentials and endpoint


def test_settings_of_lakehouse_toml(serve, files, scratch, store):
    """The keys of the secrets file have precedence over those of AWS."""
    files.put_rows("a.parquet", "SELECT 1 AS n")
    secrets = scratch / "secrets.toml"
    secrets.touch(mode=0o600)
    keys = store.credentials
    secrets.write_text(
        to_toml(
            {
                "s3.primary": {
                    "access_key_id": keys.access_key_id,
                    "secret_access_key": keys.secret_access_key,
                }
            }
        )
    )
    config = {
        "s3": {"endpoint": store.url, "region": REGION, "bucket": "no-such-bucket"},
        "queryd": {"secrets_path": str(secrets), "bind": "127.0.0.1:1", "catalogd_url": "x"},
    }
    (scratch / "lakehouse.toml").write_text(to_toml(config))
    wrong = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "guessed"}
    running = serve(cwd=scratch, env=wrong)
    running.wait_for_rows("FROM a", [[1]])
    running.daemon.stop()
    (scratch / "lakehouse.toml").rename(scratch / "other.toml")
    running = serve("--config", scratch / "other.toml", env={})
    running.wait_for_rows("FROM a", [[1]])


def test_settings_of_the_environment(serve, files, store):
    files.put_rows("a.parquet", "SELECT 1 AS n")
    env = {
        "TARN_S3_ENDPOINT": store.url,
        "TARN_S3_ACCESS_KEY_ID": store.credentials.access_key_id,
        "TARN_S3_SECRET_ACCESS_KEY": store.credentials.secret_access_key,
        # The three values are never combined from several sources.
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SESSION_TOKEN": "of-nobody",
    }
    running = serve(env=env)
    running.wait_for_rows("FROM a", [[1]])


def test_changed_keys_are_used(serve, files, scratch, store, recorder):
    """Each list uses the current keys of the secrets file."""
    files.put_rows("a.parquet", "SELECT 1 AS n")
    fresh = recorder.new_credentials()
    secrets = scratch / "secrets.toml"
    secrets.touch(mode=0o600)

    def write(keys) -> None:
        text = to_toml(
            {
                "s3.primary": {
                    "access_key_id": keys.access_key_id,
                    "secret_access_key": keys.secret_access_key,
                }
            }
        )
        secrets.write_text(text)

    store.accept(fresh)
    write(fresh)
    running = serve(env={"TARN_S3_ENDPOINT": store.url, "TARN_QUERYD_SECRETS_PATH": str(secrets)})
    running.wait_for_rows("FROM a", [[1]])
    store.accept()
    running.daemon.wait_for_line("refresh failed", "403")
    write(store.credentials)
    files.put_rows("b.parquet", "SELECT 2 AS n")
    running.wait_for_rows("FROM b", [[2]])


# --- errors at the start


def test_wrong_key(fail, files):
    said = fail(url(files), AWS_ACCESS_KEY_ID="nobody")
    at = files.store.url
    assert said.startswith(f"tarn: {url(files)}/ at {at}: credentials: 403 InvalidAccessKeyId")
    assert "does not know this key" in said
    assert "AWS_ACCESS_KEY_ID" in said
    said = fail(url(files), AWS_SECRET_ACCESS_KEY="guessed")
    assert "does not belong to the access_key_id" in said


def test_no_key(fail, files):
    said = fail(url(files), AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    assert "credentials: none, and the store responds 403" in said
    assert "AWS_ACCESS_KEY_ID" in said


def test_no_bucket(fail):
    said = fail("s3://no-such-bucket/a")
    assert "bucket: 404 NoSuchBucket" in said
    assert 'create the bucket "no-such-bucket"' in said


def test_no_server(fail, files):
    assert "s3.endpoint" in fail(url(files), TARN_S3_ENDPOINT="http://127.0.0.1:1")


def test_wrong_region(fail, files, make_proxy, store):
    """Simulates a response of Amazon, because the server of these tests accepts any region."""
    proxy = make_proxy(store.address)
    body = (
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>"
        "<Region>eu-central-1</Region></Error>"
    )
    proxy.answer(f"HTTP/1.1 400 Bad\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    said = fail(url(files), TARN_S3_ENDPOINT=proxy.url)
    assert 'set s3.region = "eu-central-1"' in said
    assert proxy.count(f"/{REGION}/s3/aws4_request".encode()) == 1, "AWS_REGION is signed for"


def test_folder_in_place_of_a_server(fail, scratch):
    said = fail("s3://lake", TARN_S3_ENDPOINT=f"file://{scratch}")
    assert f"use the folder {scratch}/lake/" in said


def test_invalid_arguments(fail, files):
    assert '"s3:///a" has no valid bucket name' in fail("s3:///a")
    assert "--every" in fail(url(files), "--every", "soon")
    assert "at least 100ms" in fail(url(files), "--every", "1ms")
    assert "nowhere.toml" in fail(url(files), "--config", "nowhere.toml")
