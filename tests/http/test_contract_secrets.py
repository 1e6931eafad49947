"""Contract of queryd, "Secrets" and "Credentials never leave". conftest.py checks after every test
that no byte of logs and responses has a credential. These tests try to make one leave."""

import base64
import json
import os
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from harness import programs
from harness.lake import to_toml
from harness.processes import run_to_exit
from harness.recorder import Credentials, Recorder


def secrets_file(
    lake, credentials: Credentials, bucket: str = "primary", mode: int = 0o600
) -> Path:
    values = {
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
        "session_token": credentials.session_token or None,
    }
    path = lake.folder / "secrets.toml"
    path.write_text(to_toml({f"s3.{bucket}": values}))
    path.chmod(mode)
    lake.set("queryd", secrets_path=str(path))
    return path


# --- the provider


def test_file_provider_wins_over_the_credentials_of_s3(new_lake, recorder):
    secrets_file(new_lake, new_lake.files.store.credentials)
    new_lake.use_credentials(recorder.new_credentials()).start()
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.wait_for_rows("numbers", [[42]])


def test_file_provider_alone(new_lake):
    secrets_file(new_lake, new_lake.files.store.credentials)
    new_lake.use_credentials(None).start()
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.wait_for_rows("numbers", [[42]])


def test_without_a_secrets_path_the_credentials_of_s3_are_used(lake):
    lake.add("numbers", "SELECT 42 AS n")
    lake.wait_for_rows("numbers", [[42]])


def test_file_without_this_bucket_falls_back_to_the_credentials_of_s3(new_lake, recorder):
    secrets_file(new_lake, recorder.new_credentials(), bucket="another")
    new_lake.start()
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.wait_for_rows("numbers", [[42]])


def test_missing_file_falls_back_to_the_credentials_of_s3(new_lake):
    new_lake.set("queryd", secrets_path="/absent/secrets.toml").start()
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.wait_for_rows("numbers", [[42]])


# --- refused secrets


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o444, 0o777], ids=oct)
def test_secrets_file_that_others_can_read_is_refused(new_lake, mode):
    path = secrets_file(new_lake, new_lake.files.store.credentials, mode=mode)
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9")
    line = new_lake.run_to_exit().the_error()
    assert str(path) in line
    assert "600" in line, "the error has advice"


@pytest.mark.parametrize("mode", [0o600, 0o400], ids=oct)
def test_file_that_only_its_owner_can_read_is_accepted(new_lake, mode):
    secrets_file(new_lake, new_lake.files.store.credentials, mode=mode)
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9")
    with new_lake.start_queryd():
        assert new_lake.query.get("/healthz").status == 200


def test_link_to_a_file_that_others_can_read_is_refused(new_lake):
    path = secrets_file(new_lake, new_lake.files.store.credentials, mode=0o644)
    link = new_lake.folder / "link.toml"
    link.symlink_to(path)
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9", secrets_path=str(link))
    assert str(link) in new_lake.run_to_exit().the_error()


def test_file_is_missing_and_s3_has_no_credentials(new_lake):
    new_lake.use_credentials(None)
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9", secrets_path="/absent/secrets.toml")
    assert "/absent/secrets.toml" in new_lake.run_to_exit().the_error()


@pytest.mark.parametrize(
    "text",
    [
        '[s3.primary]\naccess_key_id = "only"\n',
        '[s3.primary]\nsecret_access_key = "only"\n',
        '[s3.primary]\naccess_key_id = ""\nsecret_access_key = ""\n',
        '[s3]\nprimary = "x"\n',
    ],
)
def test_file_with_incomplete_credentials_is_refused(new_lake, text):
    """A key from one source is never combined with a secret from another."""
    path = new_lake.folder / "secrets.toml"
    path.write_text(text)
    path.chmod(0o600)
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9", secrets_path=str(path))
    assert str(path) in new_lake.run_to_exit().the_error()


@pytest.mark.parametrize(
    "template",
    [
        "[s3.primary]\naccess_key_id = {id}\nsecret_access_key = {secret}\n",
        '[s3.primary]\naccess_key_id = "{id}\nsecret_access_key = "{secret}\n',
        '[s3.primary]\naccess_key_id = "{id}"\naccess_key_id = "{id}"\n',
        '[s3.primary]\naccess_key_id = ["{id}"]\nsecret_access_key = 5\n',
        '[s3.primary]\n{id} = "x"\n',
        "{secret}",
    ],
    ids=["unquoted", "unclosed", "twice", "wrong-type", "as-a-key", "bare"],
)
def test_parse_error_does_not_quote_the_file(new_lake, recorder, template):
    """Parsers often quote the text of an error."""
    credentials = recorder.new_credentials()
    path = new_lake.folder / "secrets.toml"
    text = template.format(id=credentials.access_key_id, secret=credentials.secret_access_key)
    path.write_text(text)
    path.chmod(0o600)
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9", secrets_path=str(path))
    line = new_lake.run_to_exit().the_error()
    assert str(path) in line
    assert recorder.find_in(line.encode()) == []


@pytest.mark.parametrize("key", ["access_key_id", "secret_access_key", "session_token"])
def test_config_that_cannot_be_read_shows_no_credential(new_lake, recorder, key):
    credentials = recorder.new_credentials()
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:9")
    path = new_lake.write_config()
    text = path.read_text() + "\n[broken]\n"
    path.write_text(text.replace("[s3]\n", f"[s3]\n{key} = {credentials.secret_access_key}\n"))
    argv = [programs.program("queryd"), "-config", path]
    exited = run_to_exit(argv, folder=new_lake.folder, recorder=recorder)
    assert recorder.find_in(exited.the_error().encode()) == []


# --- credentials never leave


def test_the_recorder_finds_a_credential_in_every_form_in_use():
    """Proves that the check on which all other tests rely can fail."""
    recorder = Recorder()
    credentials = recorder.new_credentials(with_token=True)
    for value in (
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
    ):
        for form in (
            value,
            value.lower(),
            value.replace("'", "''"),
            quote(value, safe=""),
            quote(quote(value, safe=""), safe=""),
            quote_plus(value).lower(),
            json.dumps(value),
            base64.b64encode(value.encode()).decode(),
        ):
            assert recorder.find_in(f"noise {form} noise".encode()), form
    assert recorder.find_in(b"nothing to see here") == []

    recorder.record("a test", f"body with {credentials.access_key_id}".encode())
    with pytest.raises(AssertionError, match="access key id in the answer to a test"):
        recorder.check()
    recorder.check()


PROBES = [
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_secrets(redact = false)",
    "FROM duckdb_secrets",
    "SELECT secret_string FROM (SELECT * FROM duckdb_secrets()) t",
    "WITH s AS (FROM duckdb_secrets()) FROM s",
    "SELECT (SELECT any_value(secret_string) FROM duckdb_secrets())",
    "SELECT 1 WHERE EXISTS (FROM duckdb_secrets())",
    "DESCRIBE SELECT * FROM duckdb_secrets()",
    "SUMMARIZE SELECT * FROM duckdb_secrets()",
    "EXPLAIN SELECT * FROM duckdb_secrets()",
    "EXPLAIN ANALYZE SELECT * FROM duckdb_secrets()",
    "SELECT * FROM which_secret('s3://lake/x', 's3')",
    "SELECT * FROM duckdb_logs",
    "SELECT * FROM duckdb_logs()",
    "SELECT * FROM duckdb_logs_parsed('HTTP')",
    "SELECT * FROM query('SELECT * FROM duckdb_secrets()')",
    "SELECT * FROM query_table('duckdb_secrets')",
    "FROM system.main.duckdb_secrets()",
    'FROM "DuckDB_Secrets"()',
    "PIVOT duckdb_secrets() ON name USING count(*)",
]


@pytest.mark.parametrize("sql", PROBES)
def test_sql_that_would_show_secrets_is_refused(shared_lake, recorder, sql):
    answer = shared_lake.query.sql(sql)
    assert recorder.find_in(answer.body) == []
    answer.expect_error(400, "query: ")


LOOKS_AROUND = [
    "SELECT getenv('TARN_S3_SECRET_ACCESS_KEY')",
    "SELECT current_setting('s3_secret_access_key')",
    "SELECT current_setting('s3_access_key_id')",
    "SELECT name, value FROM duckdb_settings()",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT content FROM read_text('/proc/self/cmdline')",
    "SELECT sql FROM duckdb_views()",
    "SELECT * FROM pragma_database_list",
    "SHOW ALL TABLES",
]


def test_sql_that_lists_settings_shows_no_credential(new_lake, recorder):
    """The query may succeed or be refused, but it must not show a credential."""
    credentials = new_lake.files.store.credentials
    new_lake.use_credentials(None).start_catalogd()
    environment = {
        "TARN_S3_ACCESS_KEY_ID": credentials.access_key_id,
        "TARN_S3_SECRET_ACCESS_KEY": credentials.secret_access_key,
    }
    new_lake.start_queryd(environment)
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.wait_for_rows("numbers", [[42]])
    for sql in LOOKS_AROUND:
        answer = new_lake.query.sql(sql)
        assert answer.status in (200, 400), sql
        assert recorder.find_in(answer.body) == [], sql


@pytest.mark.parametrize("part", ["access_key_id", "secret_access_key"])
@pytest.mark.parametrize(
    "template",
    [
        "SELECT * FROM {identifier}",
        "SELECT {literal}::INTEGER",
        "SELECT error({literal})",
        "SELECT {literal} FROM nowhere",
        "SELEKT {literal}",
    ],
)
def test_errors_of_duckdb_are_filtered(shared_lake, recorder, part, template):
    """DuckDB quotes the SQL in its errors. A client that guesses a secret must not learn that."""
    value = getattr(shared_lake.files.store.credentials, part)
    sql = template.format(
        identifier='"' + value + '"', literal="'" + value.replace("'", "''") + "'"
    )
    answer = shared_lake.query.sql(sql)
    answer.expect_error(400, "query: ")
    assert recorder.find_in(answer.body) == []
    problem = shared_lake.query.sql(sql, {"Accept": "application/json"})
    assert problem.status == 400
    assert recorder.find_in(problem.body) == []


def test_session_token_is_used_but_never_shown(new_lake, recorder):
    """The store does not know the token. The error must not quote it."""
    temporary = recorder.new_credentials(with_token=True)
    secrets_file(new_lake, temporary)
    new_lake.use_credentials(None).start_catalogd()
    new_lake.add("numbers", "SELECT 42 AS n")
    new_lake.start_queryd()
    new_lake.queryd.wait_for_line("WARN", "refresh failed", "numbers")
    ready = new_lake.query.get("/readyz")
    assert ready.status == 503
    assert recorder.find_in(ready.body) == []


def test_metrics_and_health_show_no_credential(shared_lake, recorder):
    for path in ("/metrics", "/healthz", "/readyz", "/", "/nowhere"):
        for client in (shared_lake.query, shared_lake.catalog):
            assert recorder.find_in(client.get(path).body) == []


def test_credentials_are_not_on_the_command_line(shared_lake, recorder):
    """All users of the machine can read the arguments of a process."""
    for daemon in (shared_lake.queryd, shared_lake.catalogd):
        for pid in daemon.family():
            command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
            assert recorder.find_in(command_line) == []


def test_data_folder_of_the_catalogue_has_no_credential(shared_lake, recorder):
    shared_lake.add("numbers", "SELECT 42 AS n")
    shared_lake.wait_for_rows("numbers", [[42]])
    for folder, _, names in os.walk(shared_lake.folder / "catalog"):
        for name in names:
            assert recorder.find_in((Path(folder) / name).read_bytes()) == []
